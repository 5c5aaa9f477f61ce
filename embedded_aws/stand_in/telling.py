"""What a command prints, and how one ends that does not succeed."""

from __future__ import annotations

import sys


class DockerError(Exception):
    """What is printed before the exit with status 1, as docker words it."""


class EngineError(Exception):
    """The engine ended with an error, which it has printed itself."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the engine ended with status {status}")
        self.status = status


def say(line: str) -> None:
    """Print a line now: the engine writes to the same pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
