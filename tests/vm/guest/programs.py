"""Running the system's programs and reading what they say."""

from __future__ import annotations

import subprocess
from pathlib import Path


def said(*command: str) -> str:
    """What a program writes.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def source(directory: str) -> str:
    """The device that is mounted on a directory, or nothing."""
    command = ["findmnt", "--noheadings", "--output", "SOURCE", "--mountpoint", directory]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def text(path: Path) -> str | None:
    """What a file says, if it is there."""
    return path.read_text() if path.exists() else None
