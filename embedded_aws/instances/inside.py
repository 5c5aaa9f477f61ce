"""Commands inside a running instance: how a test or the story of `make run` does what a user does."""

from __future__ import annotations

import subprocess

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(
    leader: int, command: str, *, user: str = "", stdin: str = "", seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a shell command in an instance; only root may.

    Args:
        leader: the process id of its service manager, as `GET /_shoal/instances` tells it.
        command: for the shell.
        user: whose login shell; root's environment without one is what a service has.
        stdin: what the command reads.
        seconds: how long it may take.

    Raises:
        TimeoutExpired: it took longer.
    """
    shell = ["runuser", "--login", user, "-c", command] if user else ["sh", "-c", command]
    return subprocess.run(
        ["nsenter", "--target", str(leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", *shell],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env={"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"},
    )
