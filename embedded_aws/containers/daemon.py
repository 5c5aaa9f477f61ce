"""The private Docker daemon of this checkout: started on first use, shared by all its embedded AWS servers.

Its images and its cache of layers stay in `.tools/engine/data` between runs.
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
from pathlib import Path
from typing import IO

from embedded_aws.containers import packages
from embedded_aws.process import ROOT

_CHECKOUT = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
RUN = Path("/run") / f"shoal-engine-{_CHECKOUT}"
"""Sockets and whatever lives as long as the daemon; the name of a socket has to be short."""
ADDRESS = f"unix://{RUN}/docker.sock"
USERS = packages.FOLDER / "users.lock"
"""Every user of the daemon holds a shared lock of it."""
LOG = packages.FOLDER / "daemon.log"
"""What the daemon said that ran last."""
START_SECONDS = 30.0
_supervisors: list[subprocess.Popen[bytes]] = []
"""Those that this process started; they outlive it if others use the daemon."""


class DaemonError(Exception):
    """The daemon does not run on this machine; the message says why."""


def can_run() -> bool:
    """Whether trying is worth it."""
    return (packages.UNPACKED / "usr" / "sbin" / "dockerd").exists() and os.geteuid() == 0


def hold() -> IO[str]:
    """Make sure that the daemon runs, and that it does until what is returned is closed or this process ends.

    Raises:
        DaemonError: it does not start.
    """
    users = USERS.open("w")
    fcntl.flock(users, fcntl.LOCK_SH)  # waits while a daemon that nobody used any more is being ended
    with (packages.FOLDER / "start.lock").open("w") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not answers():
            try:
                _start()
            except DaemonError:
                users.close()
                raise
    return users


def answers() -> bool:
    """Whether the daemon takes requests."""
    try:
        connection = socket.socket(socket.AF_UNIX)
        with connection:
            connection.settimeout(5)
            connection.connect(ADDRESS.removeprefix("unix://"))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def _start() -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "embedded_aws.containers.supervisor"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C on a terminal is for the users
    )
    _supervisors.append(supervisor)
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if supervisor.poll() is not None or time.monotonic() > deadline:
            supervisor.terminate()
            raise DaemonError(f"dockerd did not start: {_last_line()}")
        time.sleep(0.05)


def _last_line() -> str:
    log = LOG if LOG.exists() else RUN / "daemon.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "no message"
