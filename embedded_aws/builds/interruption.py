"""What ends a build from outside: StopBuild, or its own timeout.

CodeBuild's shortest timeout is five minutes. `POST /_shoal/build-minute {"seconds": 1}` makes the minutes in timeouts
of builds that start from then on so short that a test sees one pass.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

STOPPED = "STOPPED"
TIMED_OUT = "TIMED_OUT"

_minute = {"seconds": 60.0}


def switch_minute(body: Any) -> object:
    """Say how long a minute of a timeout lasts."""
    _minute["seconds"] = float(body["seconds"])
    return _minute


class Interruption:
    """Kills the process group of the command that is running, and remembers why."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self.reason: str | None = None
        """`STOPPED` or `TIMED_OUT` once the build is to end."""

    def stop(self) -> None:
        """End the build because somebody asked for it."""
        self._end(STOPPED)

    @contextlib.contextmanager
    def after(self, minutes: float) -> Iterator[None]:
        """End the build as timed out unless the block is left before."""
        timer = threading.Timer(minutes * _minute["seconds"], self._end, (TIMED_OUT,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextlib.contextmanager
    def of(self, process: subprocess.Popen[str]) -> Iterator[None]:
        """Let the process, the leader of its group, be killed while the block runs."""
        with self._lock:
            self._process = process
            if self.reason:
                self._kill()
        try:
            yield
        finally:
            with self._lock:
                self._process = None

    def _end(self, reason: str) -> None:
        with self._lock:
            self.reason = self.reason or reason
            self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
