"""The instance metadata service, one for each instance, at 169.254.169.254 in its own network namespace.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html. A token is required as the
instance's options say. One version is open without: cloud-init asks for a token only where the firmware says that the
machine is EC2's, which a container's cannot, and reads `2009-04-04` otherwise.
"""

from __future__ import annotations

import secrets
import socket
import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from embedded_aws.instances.metadata import Tree

_TOKEN_PATH = "/latest/api/token"
_TOKEN = "X-aws-ec2-metadata-token"
_LIFE = f"{_TOKEN}-ttl-seconds"
_CLOUD_INITS = "2009-04-04"
_VERSIONS = (_CLOUD_INITS, "latest")
_OWN = "/embedded-aws/"
_LONGEST_LIFE = 21600

Root = Callable[[], Tree]
"""What is there now: `meta-data`, `user-data`."""
Asked = Callable[[str, dict[str, str]], str]
"""Serves the image's own questions: what is asked, with its parameters; what is wrong, or nothing."""


class MetadataService:
    """The service of one instance."""

    def __init__(self, listener: socket.socket, root: Root, asked: Asked, required: Callable[[], bool]) -> None:
        """Serve from now on.

        Args:
            listener: a socket that listens.
            root: what is there now.
            asked: answers the image's own questions.
            required: whether a token is.
        """
        members: dict[str, object] = {
            "root": staticmethod(root),
            "asked": staticmethod(asked),
            "required": staticmethod(required),
            "tokens": set(),
        }
        handler = type("Handler", (_Handler,), members)
        self._server = ThreadingHTTPServer(("", 0), handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listener
        self._server.server_name, self._server.server_port = listener.getsockname()[:2]
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more, and close the listener."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def found(tree: Tree, path: list[str]) -> str | None:
    """An entry's text, for a tree the names in it; None where there is nothing."""
    place: Tree | str = tree
    for name in filter(None, path):
        if not isinstance(place, dict) or name not in place:
            return None
        place = place[name]
    if isinstance(place, dict):
        return "\n".join(f"{name}/" if isinstance(inner, dict) else name for name, inner in place.items())
    return place


class _Handler(BaseHTTPRequestHandler):
    """One request; each instance has a class of its own, with its functions and tokens."""

    protocol_version = "HTTP/1.1"
    root: Root
    asked: Asked
    required: Callable[[], bool]
    tokens: set[str]

    def do_PUT(self) -> None:
        """Issue a token, or serve the image."""
        if self.path == _TOKEN_PATH:
            self._issue()
        elif self.path.startswith(_OWN):
            what, _, query = self.path.removeprefix(_OWN).partition("?")
            problem = self.asked(what, dict(urllib.parse.parse_qsl(query)))
            self._answer(400 if problem else 200, problem)
        else:
            self._answer(404)

    def do_GET(self) -> None:
        """Tell an entry."""
        version, *path = urllib.parse.unquote(self.path).strip("/").split("/")
        if not self._may_read(version):
            self._answer(401)
            return
        text = found(self.root(), path) if version in _VERSIONS else None
        self._answer(404 if text is None else 200, text or "")

    def _may_read(self, version: str) -> bool:
        given = self.headers.get(_TOKEN)
        if given is not None:
            return given in self.tokens
        return version == _CLOUD_INITS or not self.required()

    def _issue(self) -> None:
        life = self.headers.get(_LIFE, "")
        if not life.isdigit() or not 1 <= int(life) <= _LONGEST_LIFE:
            self._answer(400)
            return
        token = secrets.token_urlsafe(32)
        self.tokens.add(token)
        self._answer(200, token, life)

    def _answer(self, status: int, text: str = "", life: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/plain")
        if life:
            self.send_header(_LIFE, life)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""
