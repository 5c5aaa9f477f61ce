"""Credentials of a job's role, handed to its container by the address that AWS's SDKs ask first.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html: the SDK reads them over HTTP, and ECS
assumes the role, which has to trust `ecs-tasks.amazonaws.com`. The address has a secret of its own for each container,
so that one job does not get another's; what the role may not do is refused as always.
"""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from embedded_aws.access.service_roles import trusts
from embedded_aws.clients import role_session
from embedded_aws.hooks import Hook
from embedded_aws.responses import Answer, Application, send_answer

HOOKS: tuple[Hook, ...] = (("services.iam", "_roles"),)

PATH = "/_shoal/job-credentials"
_LIFE = datetime.timedelta(hours=6)

_sessions: dict[str, dict[str, str]] = {}


class RoleError(Exception):
    """ECS cannot assume the role."""


@contextmanager
def served(role: str | None, task_id: str) -> Iterator[str | None]:
    """Serve a role's credentials while the block runs; the path below the server's address, None without a role.

    Raises:
        RoleError: the role does not exist, or does not trust ECS.
    """
    if role is None:
        yield None
        return
    _check(role)
    key, secret, token = role_session(role, task_id)
    name = secrets.token_urlsafe(24)
    _sessions[name] = {"RoleArn": role, "AccessKeyId": key, "SecretAccessKey": secret, "Token": token}
    try:
        yield f"{PATH}/{name}"
    finally:
        del _sessions[name]


def _check(role: str) -> None:
    from ministack.services import iam

    record = iam._roles.get(role.rsplit("/", 1)[-1])
    if record is None or not trusts(record["AssumeRolePolicyDocument"], "ecs-tasks.amazonaws.com"):
        raise RoleError(
            f"ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role"
            " being passed has the proper trust relationship and permissions and that your IAM user has permissions to"
            " pass this role."
        )


def install() -> None:
    """Nothing of MiniStack's is changed; `in_front_of` answers before it."""


def in_front_of(application: Application) -> Application:
    """The application with the credentials of jobs in front of it."""

    async def with_credentials(scope: Any, receive: Any, send: Any) -> None:
        folder, _, name = scope.get("path", "").rpartition("/")
        if folder == PATH and scope["method"] == "GET":
            await send_answer(send, answer(name))
        else:
            await application(scope, receive, send)

    return with_credentials


def answer(name: str) -> Answer:
    """What the container that knows the secret is told: the members that SDKs read, all of them text."""
    found = _sessions.get(name)
    if found is None:
        return _json(404, {"code": "CredentialsNotFound", "message": "no credentials are served here"})
    expiration = datetime.datetime.now(datetime.UTC) + _LIFE
    return _json(200, found | {"Expiration": f"{expiration:%Y-%m-%dT%H:%M:%SZ}"})


def _json(status: int, body: dict[str, str]) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(body).encode())
