"""The server's socket, opened before anything else: the port is then known and cannot be taken by another process."""

from __future__ import annotations

import socket


def listen(port: int) -> socket.socket:
    """A bound socket on 127.0.0.1; port 0 takes a free one.

    Raises:
        OSError: the port is taken or not permitted.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener
