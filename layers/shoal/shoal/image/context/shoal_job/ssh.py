"""ssh between the nodes of one job: keys made for it alone, a server without root, a client that knows the nodes.

Only the main node can log in to the others. Its key is made when the job starts, and so is the key by which each node
is known; what is exchanged is the public half of either.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .problems import CANNOT_RUN, NO_NODES, JobError

PORT = 2222
"""Not ssh's own, which only root may listen on."""
KEEP_ALIVE = 15
"""Seconds between two questions whether the other side is there; after three without an answer it is lost."""
START_SECONDS = 20.0
_SYSTEM_PROGRAMS = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True)
class Host:
    """A node as ssh knows it."""

    address: str
    public_key: str
    """Of its server."""


def folder() -> Path:
    """Where ssh looks for the user's files: the home that the system knows, whatever HOME says.

    Raises:
        JobError: the system does not know the user.
    """
    try:
        place = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".ssh"
    except KeyError as error:
        message = f"user id {os.getuid()} is not in /etc/passwd: ssh between nodes needs a user with a name and a home"
        raise JobError(CANNOT_RUN, message) from error
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def make_key(private: Path) -> str:
    """Make a key without a passphrase; its public half, as one line.

    Raises:
        JobError: ssh-keygen is missing or fails.
    """
    private.unlink(missing_ok=True)
    public = private.with_name(f"{private.name}.pub")
    maker = _spawn(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "shoal-job", "-f", str(private)])
    if maker.wait() != 0:
        raise JobError(CANNOT_RUN, f"ssh-keygen made no key: exit code {maker.returncode}")
    return public.read_text().strip()


def configure_client(place: Path, hosts: Iterable[Host]) -> None:
    """Let `ssh ADDRESS` reach the nodes and ask nothing; every other host is reached as before."""
    known = list(hosts)
    lines = [f"[{host.address}]:{PORT} {host.public_key}\n" for host in known]
    (place / "shoal_known_hosts").write_text("".join(lines))
    options = {
        "Port": PORT,
        "IdentityFile": place / "shoal_key",
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": place / "shoal_known_hosts",
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": KEEP_ALIVE,
        "ServerAliveInterval": KEEP_ALIVE,
        "ServerAliveCountMax": 3,
        "LogLevel": "ERROR",
    }
    block = "".join(f"  {name} {value}\n" for name, value in options.items())
    config = place / "config"
    own = f"Host *\n{config.read_text()}" if config.exists() else ""
    config.write_text(f"Host {' '.join(host.address for host in known)}\n{block}{own}")
    config.chmod(0o600)


def start_server(
    place: Path, address: str, variables: Mapping[str, str], pause: Callable[[float], None]
) -> subprocess.Popen[bytes]:
    """Serve logins of the main node, whose public key is in `shoal_authorized_keys`, until the job ends.

    A session has the variables of this node's container: what `mpirun` starts here finds the same as what it starts
    where it runs.

    Raises:
        JobError: the server does not start.
    """
    passed = (f"{name}={value}\n" for name, value in variables.items() if name != "HOME" and "\n" not in value)
    (place / "environment").write_text("".join(passed))
    options = {
        "Port": PORT,
        "ListenAddress": address,
        "HostKey": place / "shoal_host_key",
        "AuthorizedKeysFile": place / "shoal_authorized_keys",
        "PidFile": "none",
        "UsePAM": "no",  # it needs root
        "PasswordAuthentication": "no",
        "StrictModes": "no",
        "PermitUserEnvironment": "yes",
        "PrintLastLog": "no",
        "PrintMotd": "no",
        "AllowTcpForwarding": "no",
        "X11Forwarding": "no",
        "ClientAliveInterval": KEEP_ALIVE,
        "ClientAliveCountMax": 3,
        "LogLevel": "FATAL",
    }
    config = place / "shoal_sshd_config"
    config.write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    # It starts itself anew for every connection, and so wants its whole path.
    program = shutil.which("sshd", path=f"{variables.get('PATH', '')}:{_SYSTEM_PROGRAMS}") or "sshd"
    server = _spawn([program, "-D", "-e", "-f", str(config)])
    for _ in range(int(START_SECONDS / 0.1)):
        if server.poll() is not None:
            raise JobError(NO_NODES, f"sshd did not start: exit code {server.returncode}")
        if _answers(address):
            return server
        pause(0.1)
    raise JobError(NO_NODES, f"sshd did not answer on {address}, port {PORT}, within {START_SECONDS:.0f} s")


class Session:
    """A command that runs on another node and reads what is written here."""

    def __init__(self, process: subprocess.Popen[bytes], words: IO[bytes], complaints: IO[bytes]) -> None:
        self.pid = process.pid
        self._words = words
        self._complaints = complaints
        process.returncode = 0  # whoever holds the session waits for all children at once

    def write(self, words: bytes) -> None:
        """Write, unless nobody reads any more."""
        with contextlib.suppress(OSError):
            self._words.write(words)

    def reason(self) -> str:
        """Why it ended: ssh's last line, which the log of a job whose sessions end as they should is spared."""
        os.set_blocking(self._complaints.fileno(), False)
        lines = (self._complaints.read() or b"").decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "its ssh session ended")

    def close(self) -> None:
        """Say that there is no more to come."""
        with contextlib.suppress(OSError):
            self._words.close()


def open_session(address: str, command: str) -> Session:
    """Run a command on a node.

    Raises:
        JobError: there is no ssh in the image.
    """
    process = _spawn(["ssh", address, command], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    if process.stdin is None or process.stderr is None:
        raise JobError(CANNOT_RUN, "ssh has no standard input or error")
    return Session(process, process.stdin, process.stderr)


def _answers(address: str) -> bool:
    try:
        socket.create_connection((address, PORT), timeout=1).close()
    except OSError:
        return False
    return True


def _spawn(command: list[str], stdin: int = subprocess.DEVNULL, stderr: int | None = None) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    try:
        return subprocess.Popen(command, stdin=stdin, stdout=nothing, stderr=stderr, bufsize=0, start_new_session=True)
    except OSError as error:
        raise JobError(CANNOT_RUN, f"the image has no {command[0]} that runs ({error.strerror})") from error
