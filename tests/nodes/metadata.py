"""An instance metadata service, version 2 only, on a port of 127.0.0.1."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SESSION = "session-token"


class Metadata:
    """The service, for the time of a `with` block; `entries` by their path below `meta-data/`."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(dict(entries)))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Metadata:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def instance(instance_id: str, role: str, credentials: Mapping[str, str]) -> dict[str, str]:
    """The entries of an instance in a VPC of two ranges, with a session of its role, as STS gave it."""
    mac = "02:00:00:00:00:01"
    secret = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "LastUpdated": "2026-11-24T10:00:00Z",
        "Expiration": "2099-01-01T00:00:00Z",
        "AccessKeyId": credentials["AccessKeyId"],
        "SecretAccessKey": credentials["SecretAccessKey"],
        "Token": credentials["SessionToken"],
    }
    return {
        "instance-id": instance_id,
        "mac": mac,
        "local-ipv4": "10.0.0.10",
        f"network/interfaces/macs/{mac}/vpc-ipv4-cidr-blocks": "10.0.0.0/16\n10.1.0.0/16",
        "iam/security-credentials/": role,
        f"iam/security-credentials/{role}": json.dumps(secret),
    }


def _handler(entries: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._answer(SESSION if self.path == "/latest/api/token" else None)

        def do_GET(self) -> None:
            known = self.headers.get("X-aws-ec2-metadata-token") == SESSION
            self._answer(entries.get(self.path.removeprefix("/latest/meta-data/")) if known else None)

        def _answer(self, text: str | None) -> None:
            body = (text or "").encode()
            self.send_response(200 if text is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "300")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    return Handler
