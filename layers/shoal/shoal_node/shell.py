"""Running the system's programs and keeping its files."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from pathlib import Path

log = logging.getLogger("shoal_node")

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs of administrators lie; cloud-init's PATH may lack some of it."""


class NodeError(Exception):
    """The node cannot be set up; one line says why."""


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"


def has(program: str) -> bool:
    """Whether a program is installed."""
    return shutil.which(program, path=_path()) is not None


def run(*command: str, accept: tuple[int, ...] = (0,), timeout: float = 900) -> subprocess.CompletedProcess[str]:
    """Run a program and wait for it.

    Args:
        command: program and arguments; no shell reads them.
        accept: exit codes that are no failure.
        timeout: seconds until it is stopped.

    Raises:
        NodeError: it is not installed, ended with another exit code, or took too long; the last line it wrote says why.
    """
    environment = {**os.environ, "PATH": _path(), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    program = shutil.which(command[0], path=_path())
    if program is None:
        raise NodeError(f"{command[0]} is not installed")
    log.info("run: %s", " ".join(command))
    try:
        done = subprocess.run(
            [program, *command[1:]],
            capture_output=True,
            text=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NodeError(f"{' '.join(command)} did not end within {timeout:.0f} seconds") from error
    if done.returncode not in accept:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise NodeError(f"{' '.join(command)} ended with exit code {done.returncode}: {lines[-1].strip()}")
    return done


def write(path: Path, text: str, mode: int = 0o644) -> bool:
    """Make a file hold this text; whether it did not before. A reader never sees half of it."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.chmod(mode)
    partial.replace(path)
    log.info("wrote %s", path)
    return True
