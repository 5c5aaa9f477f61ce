"""STS: the clean-up role, narrowed to one bucket, prefix or repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from shoal.aws.session import client

_SECONDS = 1800
"""How long the credentials live: longer than a function can, shorter than the hour that role chaining allows
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining)."""


def narrowed(role_arn: str, policy: Mapping[str, Any], service: str, *configs: Config) -> list[Any]:
    """Clients of one service under a role and a session policy: what both allow is allowed.

    Args:
        role_arn: the role.
        policy: the session policy, at most 2,048 characters as JSON.
        service: the service.
        configs: one client is made for each.
    """
    answer = client("sts").assume_role(
        RoleArn=role_arn,
        RoleSessionName="clean-up",
        DurationSeconds=_SECONDS,
        Policy=json.dumps(policy, separators=(",", ":")),
    )
    credentials = answer["Credentials"]
    session = boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    return [session.client(service, config=config) for config in configs]  # type: ignore[call-overload]
