"""A registry of images on this machine: it answers as it is told to, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """What is answered to one path."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]


class Registry(ThreadingHTTPServer):
    """The server; `replies` are by path, without the query, and whatever is in no reply is not there."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: dict[str, Reply] = {}
        self.later: dict[str, Reply] = {}
        self.asked: list[Asked] = []

    @property
    def host(self) -> str:
        """`127.0.0.1:<port>`."""
        return f"127.0.0.1:{self.server_port}"

    def serve(self, image: str, digest: str) -> str:
        """Give an image (`team/base:1`) a digest; its name for docker."""
        repository, _, tag = image.partition(":")
        self.replies[f"/v2/{repository}/manifests/{tag}"] = Reply(headers={"Docker-Content-Digest": digest})
        return f"{self.host}/{image}"

    def then(self, path: str, reply: Reply) -> None:
        """Answer otherwise from the second request of a path on."""
        self.later[path] = reply

    def reply(self, path: str) -> Reply:
        """The answer to the next request of a path."""
        given = self.replies.get(path, Reply(404))
        if path in self.later:
            self.replies[path] = self.later.pop(path)
        return given


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests read `asked`."""

    def _answer(self) -> None:
        path, _, _ = self.path.partition("?")
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers)))
        reply = self.server.reply(path)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(reply.body)


@contextmanager
def registry() -> Iterator[Registry]:
    """A registry that is there while the block runs."""
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
