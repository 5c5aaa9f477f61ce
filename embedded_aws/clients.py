"""boto3 clients against the server itself: how the gaps do everything that a public API offers.

What is written on boto3 survives a change of engine; only the places where a gap is hung in are private.
"""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from typing import Any

import boto3
from botocore.config import Config

from embedded_aws.hooks import Hook
from embedded_aws.process import SECRET_ACCESS_KEY

HOOKS: tuple[Hook, ...] = (
    ("services.sts", "register_session"),
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
)

_CONFIG = Config(retries={"total_max_attempts": 1}, read_timeout=900, s3={"addressing_style": "path"})
"""No retries: a state machine's Retry is what is under test. 900 seconds are a function's longest life."""


def client(service: str) -> Any:
    """A client as root of the account, and in the Region, of the request being served."""
    from ministack.core.responses import get_account_id, get_region

    return _client(service, get_region(), get_account_id(), SECRET_ACCESS_KEY, None)


def role_client(service: str, role_arn: str, session_name: str) -> Any:
    """A client with a session of a role: what an AWS service holds after assuming it.

    Args:
        service: boto3's name of the service.
        role_arn: the role.
        session_name: the session's name, of which the first 64 characters are used.
    """
    from ministack.core.responses import get_region

    return _client(service, get_region(), *role_session(role_arn, session_name))


def role_session(role_arn: str, session_name: str) -> tuple[str, str, str]:
    """Access key id, secret and token of a session of a role; the same ones for the same role and name."""
    from ministack.services import sts

    digest = hashlib.sha256(f"{role_arn} {session_name}".encode()).hexdigest()
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    session = {
        "Arn": f"{role_arn.split(':iam:')[0]}:sts::{account}:assumed-role/{role}/{session_name[:64]}",
        "UserId": f"AROA{digest[:17].upper()}:{session_name[:64]}",
        "SecretAccessKey": digest[16:56],
        "SessionToken": digest,
    }
    access_key = f"ASIA{digest[:16].upper()}"
    sts.register_session(access_key, session)
    return access_key, digest[16:56], digest


_lock = threading.Lock()


@functools.lru_cache(maxsize=256)
def _client(service: str, region: str, key: str, secret: str, token: str | None) -> Any:
    with _lock:  # a session makes one client at a time
        return _session().client(  # type: ignore[call-overload]  # the service's name is not a literal
            service,
            region_name=region,
            endpoint_url=os.environ["AWS_ENDPOINT_URL"],
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=_CONFIG,
        )


@functools.cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()
