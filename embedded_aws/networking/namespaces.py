"""Network namespaces: made without a name, entered by threads, gone when nothing holds them any more.

A namespace that only a file descriptor holds ends with its process, however that ends, and its links with it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_OWN = Path("/proc/thread-self/ns/net")


class NetworkError(Exception):
    """A namespace or a link in it cannot be made, for want of rights for example."""


class Namespace:
    """A network namespace, held open."""

    def __init__(self, process: int | None = None) -> None:
        """Open the namespace of a process, or make a new one.

        Raises:
            NetworkError: the process is gone, or this user may not.
        """
        try:
            self.descriptor = os.open(f"/proc/{process}/ns/net", os.O_RDONLY) if process else _in_thread(_made)
        except OSError as error:
            raise NetworkError(f"no network namespace: {error.strerror}") from error

    @property
    def path(self) -> str:
        """The namespace as a file, as long as this process holds it."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def inside[T](self, action: Callable[[], T]) -> T:
        """Do something in the namespace, from a thread that enters it and ends."""

        def entered() -> T:
            os.setns(self.descriptor, os.CLONE_NEWNET)
            return action()

        return _in_thread(entered)

    def ip(self, *commands: str) -> None:
        """Have `ip` execute commands in the namespace.

        Raises:
            NetworkError: one of them failed.
        """

        def execute() -> subprocess.CompletedProcess[str]:
            text = "\n".join(commands)
            return subprocess.run(["ip", "-batch", "-"], input=text, capture_output=True, text=True, check=False)

        try:
            done = self.inside(execute)
        except OSError as error:
            raise NetworkError(f"ip, of the package iproute2, cannot be run in a network namespace: {error}") from error
        if done.returncode:
            raise NetworkError(f"ip: {done.stderr.strip().splitlines()[0]}")

    def close(self) -> None:
        """Let go of it."""
        os.close(self.descriptor)


def _made() -> int:
    os.unshare(os.CLONE_NEWNET)
    return os.open(_OWN, os.O_RDONLY)


def _in_thread[T](action: Callable[[], T]) -> T:
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(action).result()
