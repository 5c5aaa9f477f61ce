"""An address like the one at which CloudFormation waits for a custom resource's answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ResponseAddress:
    """What was PUT, and the statuses that the next PUTs get."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        self.statuses: list[int] = []
        """Statuses of the next PUTs; 200 when there is none."""
        self.url = ""


@contextmanager
def response_address() -> Iterator[ResponseAddress]:
    """Serve one on the loopback interface."""
    address = ResponseAddress()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = address.statuses.pop(0) if address.statuses else 200
            if status == 200:
                address.bodies.append(json.loads(body))
                address.content_types.append(self.headers["Content-Type"])
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        address.url = f"http://127.0.0.1:{server.server_address[1]}/answer?Signature=secret"
        try:
            yield address
        finally:
            server.shutdown()
            thread.join()
