"""A network of namespaces: a bridge in one of its own, and one namespace with an address for every machine."""

from __future__ import annotations

import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

PREFIX = f"sh{os.getpid()}"
FABRIC = f"{PREFIX}-fabric"
GATEWAY = "10.9.0.1"
"""The fabric's own address: AWS and the instances' metadata answer there."""
BITS = 16


def ip(*arguments: str) -> None:
    """Run `ip`, which must succeed."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr)


class Network:
    """The network, for the time of a `with` block."""

    def __init__(self) -> None:
        self._machines: dict[str, str] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Network:
        ip("netns", "add", FABRIC)
        # Of its own, and so one that stays: else the bridge has that of a port, and another when the port goes.
        ip("-n", FABRIC, "link", "add", "bridge", "address", "02:00:00:00:00:01", "type", "bridge")
        ip("-n", FABRIC, "address", "add", f"{GATEWAY}/{BITS}", "dev", "bridge")
        for device in ("bridge", "lo"):
            ip("-n", FABRIC, "link", "set", device, "up")
        return self

    def __exit__(self, *error: object) -> None:
        for address in list(self._machines):
            self.remove(address)
        ip("netns", "delete", FABRIC)

    def add(self, address: str) -> str:
        """A namespace with this address; its name."""
        name, port = f"{PREFIX}-{address}", f"v{address.replace('.', '_')}"
        with self._lock:
            ip("netns", "add", name)
            ip("-n", FABRIC, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("-n", FABRIC, "link", "set", port, "master", "bridge", "up")
            ip("-n", name, "address", "add", f"{address}/{BITS}", "dev", "eth0")
            for device in ("eth0", "lo"):
                ip("-n", name, "link", "set", device, "up")
            self._machines[address] = name
        return name

    def remove(self, address: str) -> None:
        """Take a namespace away; its end of the cable first, for the namespace itself goes some time later."""
        with self._lock:
            ip("-n", FABRIC, "link", "delete", f"v{address.replace('.', '_')}")
            ip("netns", "delete", self._machines.pop(address))


def inside[T](name: str, work: Callable[[], T]) -> T:
    """Do something in a namespace, and wait for it."""
    found: list[T] = []

    def enter() -> None:
        descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
        os.setns(descriptor, os.CLONE_NEWNET)
        os.close(descriptor)
        found.append(work())

    thread = threading.Thread(target=enter, name=name)
    thread.start()
    thread.join()
    return found[0]


class Served[S: socketserver.TCPServer]:
    """A server of this process that listens in the fabric, for the time of a `with` block."""

    def __init__(self, make: Callable[[tuple[str, int]], S]) -> None:
        self.server = inside(FABRIC, lambda: make((GATEWAY, 0)))
        self.url = f"http://{GATEWAY}:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1})

    def __enter__(self) -> Served[S]:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


class Forwarder(socketserver.ThreadingTCPServer):
    """Hands what comes in on to a server of this machine."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], port: int) -> None:
        self.port = port
        super().__init__(address, _Connection)


class _Connection(socketserver.BaseRequestHandler):
    server: Forwarder

    def handle(self) -> None:
        """Copy both ways until one of them ends."""
        with socket.create_connection(("127.0.0.1", self.server.port)) as other:
            back = threading.Thread(target=_copy, args=(other, self.request), daemon=True)
            back.start()
            _copy(self.request, other)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # whoever was at one end is gone
        target.close()


def log_of(folder: Path, name: str) -> str:
    """What a program of a machine wrote."""
    return (folder / "logs" / f"{name}.log").read_text(errors="replace")
