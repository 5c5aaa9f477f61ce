"""How the server's own routes answer: whole responses over ASGI, https://asgi.readthedocs.io/en/latest/specs/www.html."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Answer:
    """A response of HTTP."""

    status: int
    headers: Mapping[str, str]
    """Without Content-Length."""
    data: bytes


async def read_body(receive: Any) -> bytes:
    """The whole body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def send_answer(send: Any, answer: Answer, *, body: bool = True) -> None:
    """Send a response, large ones in pieces.

    Args:
        send: what the server gave.
        answer: the response.
        body: False for an answer to HEAD, which has the headers only.
    """
    headers = {**answer.headers, "Content-Length": str(len(answer.data))}
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    for start in range(0, len(answer.data) if body else 0, _CHUNK):
        chunk = answer.data[start : start + _CHUNK]
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
