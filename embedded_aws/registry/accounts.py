"""The registry of any account on one address: `127.0.0.1:PORT/<account>.<region>/<repository>:<tag>`.

On AWS the host says whose registry it is, `<account>.dkr.ecr.<region>.amazonaws.com`; here a container engine reaches
one host only, so the first part of the repository's name says it.
"""

from __future__ import annotations

import re
from typing import Any

from embedded_aws.hooks import Hook
from embedded_aws.responses import Application

HOOKS: tuple[Hook, ...] = (("services.ecr", "_ECR_REGISTRY_HOST_RE"),)

_PATH = re.compile(r"/v2/(?P<account>\d{12})\.(?P<region>[a-z0-9-]+)(?P<rest>/.+)")
_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<repository>.+)")


def install() -> None:
    """Nothing of MiniStack's is changed; `in_front_of` tells it the account as a host."""


def local_name(address: str, image: str) -> str | None:
    """The name by which an engine reaches an image of ECR.

    Args:
        address: `127.0.0.1:PORT` of this server.
        image: `<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>`, with or without tag or digest.

    Returns:
        None when it is no name in ECR.
    """
    found = _HOST.fullmatch(image)
    return f"{address}/{found['account']}.{found['region']}/{found['repository']}" if found else None


def in_front_of(application: Application) -> Application:
    """The application, which takes the account from the path."""

    async def of_an_account(scope: Any, receive: Any, send: Any) -> None:
        found = _PATH.fullmatch(scope.get("path", ""))
        if found is None:
            await application(scope, receive, send)
            return
        owner = f"{found['account']}.{found['region']}"
        path = f"/v2{found['rest']}"
        host = f"{found['account']}.dkr.ecr.{found['region']}.amazonaws.com"
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        inner = scope | {"path": path, "raw_path": path.encode(), "headers": [*headers, (b"host", host.encode())]}
        # A layer to take over from another repository of the same account.
        query = scope["query_string"].decode()
        inner["query_string"] = re.sub(rf"\bfrom={re.escape(owner)}(?:/|%2F)", "from=", query).encode()

        async def with_prefix(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = message | {"headers": [_prefixed(f"/v2/{owner}", *pair) for pair in message["headers"]]}
            await send(message)

        await application(inner, receive, with_prefix)

    return of_an_account


def _prefixed(prefix: str, name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """An address in an answer that leads back to the same account."""
    if name.lower() != b"location":
        return name, value
    return name, re.sub(rb"/v2(?=/)", prefix.encode(), value, count=1)
