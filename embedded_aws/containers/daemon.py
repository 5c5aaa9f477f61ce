"""The private Docker daemon of this checkout: started on first use, shared by all its embedded AWS servers.

Its cache of layers stays in `.tools/engine/data` between runs. `python -m embedded_aws.containers.daemon` waits for its
end.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from embedded_aws.containers import packages
from embedded_aws.process import ROOT

START_SECONDS = 30.0
END_SECONDS = 60.0
_supervisors: list[subprocess.Popen[bytes]] = []
"""Those that this process started; they outlive it if others use the daemon."""


class DaemonError(Exception):
    """The daemon does not run on this machine; the message says why."""


@dataclass(frozen=True)
class Daemon:
    """A Docker daemon with everything of its own in one folder."""

    folder: Path

    @property
    def run(self) -> Path:
        """Where its sockets are and whatever lives as long as it does; the name of a socket has to be short."""
        return Path("/run") / f"shoal-engine-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]}"

    @property
    def address(self) -> str:
        """The value of `DOCKER_HOST`."""
        return f"unix://{self.run}/docker.sock"

    @property
    def users(self) -> Path:
        """Every user of the daemon holds a shared lock of this file."""
        return self.folder / "users.lock"

    @property
    def log(self) -> Path:
        """What the daemon said that ran last."""
        return self.folder / "daemon.log"

    def can_run(self) -> bool:
        """Whether trying is worth it."""
        return (packages.UNPACKED / "usr" / "sbin" / "dockerd").exists() and os.geteuid() == 0

    def hold(self) -> IO[str]:
        """Make sure that the daemon runs, and that it does until what is returned is closed or this process ends.

        Raises:
            DaemonError: it does not start.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        users = self.users.open("w")
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while a daemon that nobody used any more is being ended
        with (self.folder / "start.lock").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if not self.answers():
                try:
                    self._start()
                except DaemonError:
                    users.close()
                    raise
        return users

    def answers(self) -> bool:
        """Whether the daemon takes requests."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(self.address.removeprefix("unix://"))
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                return answer.status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False

    def wait_until_ended(self, seconds: float) -> bool:
        """Whether nobody uses the daemon any more, and it has ended, within a time."""
        deadline = time.monotonic() + seconds
        while self._in_use():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def _in_use(self) -> bool:
        if self.answers():
            return True
        if not self.users.exists():
            return False
        with self.users.open("w") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _start(self) -> None:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "embedded_aws.containers.supervisor", str(self.folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C on a terminal is for the users
        )
        _supervisors.append(supervisor)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if supervisor.poll() is not None or time.monotonic() > deadline:
                supervisor.terminate()
                raise DaemonError(f"dockerd did not start: {self._last_line()}")
            time.sleep(0.05)

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else "no message"


PRIVATE = Daemon(packages.FOLDER)
"""The one of this checkout."""


def main() -> int:
    """Wait for the end of the daemon, before its folder is removed; 1 and a line when it is in use."""
    if PRIVATE.wait_until_ended(END_SECONDS):
        return 0
    sys.stderr.write("the container engine in .tools/engine is in use: stop the embedded AWS and the tests first\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
