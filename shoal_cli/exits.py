"""How a command ends: its exit codes, and the errors that lead to them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `shoal`."""

    DONE = 0
    FAILED = 1
    """The operation ran and failed."""
    BAD_INPUT = 2
    """Nothing was asked of AWS: the input is wrong."""
    NOT_REACHABLE = 3
    """No control plane answers: not deployed, no credentials, no network."""
    INTERRUPTED = 130
    """Ctrl-C while waiting: the operation goes on, and nobody knows its end yet; the shell's own code for it."""


class CommandError(Exception):
    """A command cannot go on; one line for people, and the exit code."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code
