"""A container registry that lets nobody pull for a while, as Docker Hub does, and then hands on what another has."""

from __future__ import annotations

import hashlib
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAME = "limited"
"""Of its only repository."""
_TOO_MANY = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "You have reached your pull rate limit."}]}'
_PREFIX = f"/v2/{NAME}"


class _Registry(ThreadingHTTPServer):
    source: str
    """URL of the repository that it takes everything from."""
    refusals: int
    """How many more questions for a manifest are refused."""


class _Handler(BaseHTTPRequestHandler):
    server: _Registry

    def do_GET(self) -> None:
        place = self.path.removeprefix(_PREFIX)
        if place == self.path:
            self._send(200, "application/json", b"{}")
        elif place.startswith("/manifests/") and self.server.refusals > 0:
            self.server.refusals -= 1
            self._send(429, "application/json", _TOO_MANY)
        else:
            url, accepted = f"{self.server.source}{place}", {"Accept": self.headers.get("Accept", "*/*")}
            with urllib.request.urlopen(urllib.request.Request(url, headers=accepted)) as answer:
                self._send(200, answer.headers["Content-Type"], answer.read())

    do_HEAD = do_GET  # noqa: N815 - the base class wants it

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 200:
            self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""


@contextmanager
def limited_registry(source: str, refusals: int) -> Iterator[str]:
    """Run it; the name of its repository for an engine, `127.0.0.1:PORT/limited`.

    Args:
        source: URL of the repository that it hands on, `http://127.0.0.1:PORT/v2/docker/library/debian`.
        refusals: how many questions for a manifest are answered with 429 first.
    """
    server = _Registry(("127.0.0.1", 0), _Handler)
    server.source, server.refusals = source, refusals
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}/{NAME}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
