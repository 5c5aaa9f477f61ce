"""A network of namespaces: a bridge in one of its own, and one namespace with an address for every machine."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

PREFIX = f"sh{os.getpid()}"
FABRIC = f"{PREFIX}-fabric"
BITS = 16


def refused() -> str | None:
    """Why this machine makes no namespaces, if it does not."""
    done = subprocess.run(["unshare", "--net", "--uts", "--pid", "--fork", "true"], capture_output=True, check=False)
    return None if done.returncode == 0 else f"this machine makes no namespaces: {done.stderr.decode().strip()}"


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
        ip("-n", FABRIC, "link", "add", "bridge", "type", "bridge")
        ip("-n", FABRIC, "link", "set", "bridge", "up")
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


def inside(name: str, command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program in a namespace and wait for it."""
    entered = ["nsenter", f"--net=/run/netns/{name}", *command]
    return subprocess.run(entered, capture_output=True, text=True, env=environment, check=False)


def start(name: str, host: str, command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server in a namespace, with a host name and processes of its own: all end with what is returned."""
    script = 'hostname "$1"; shift; exec "$@"'
    isolated = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    entered = ["nsenter", f"--net=/run/netns/{name}", *isolated, "sh", "-euc", script, "sh", host, *command]
    with log.open("ab") as out:
        return subprocess.Popen(entered, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def thread_inside(name: str, work: Callable[[], None]) -> threading.Thread:
    """Start a thread that is in a namespace, and so is all that it starts."""

    def enter() -> None:
        descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
        os.setns(descriptor, os.CLONE_NEWNET)
        os.close(descriptor)
        work()

    thread = threading.Thread(target=enter, name=name)
    thread.start()
    return thread
