"""What instances learn of themselves: the metadata service, which tells them apart by their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class About:
    """What the service tells one instance."""

    instance_id: str
    warning: str = ""
    """`spot/instance-action` or `events/recommendations/rebalance`, once AWS warns of it."""
    looks: int = 0
    """How often it has asked whether there is such a warning."""


class Metadata(ThreadingHTTPServer):
    """The service; a token is asked for and given, and nobody looks at it."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int]) -> None:
        self.instances: dict[str, About] = {}
        super().__init__(address, _Answer)

    def answer(self, address: str, path: str) -> str | None:
        """What an instance finds at a path."""
        about = self.instances.get(address)
        if about is None:
            return None
        about.looks += path.endswith("spot/instance-action")
        entries = {"instance-id": about.instance_id, "local-ipv4": address, about.warning: "{}"}
        return entries.get(path.removeprefix("/latest/meta-data/"))


class _Answer(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        self._send("token")

    def do_GET(self) -> None:
        self._send(self.server.answer(self.client_address[0], self.path))

    def _send(self, text: str | None) -> None:
        self.send_response(200 if text is not None else 404)
        self.send_header("Content-Length", str(len(text or "")))
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""
