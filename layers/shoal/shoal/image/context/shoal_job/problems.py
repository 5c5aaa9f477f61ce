"""What ends a job before its command runs, or in its place: one line, and an exit code that says which.

The codes are those of sysexits.h, which programs rarely use themselves; a shell's own codes for a program that is not
there (127) or cannot be run (126) stay what they are.
"""

from __future__ import annotations

import sys

NO_COMMAND = 64
NO_FILES = 66
NO_NODES = 69
NODE_LOST = 75
NOT_CONFIGURED = 78
CANNOT_RUN = 126
NO_PROGRAM = 127
SIGNALLED = 128
"""Added to the number of the signal that ended the command, as a shell does."""


class JobError(Exception):
    """The job cannot go on.

    Attributes:
        code: exit code of the job.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def say(message: str) -> None:
    """A line about the job itself, told apart from what the job prints."""
    print(f"shoal-job: {message}", file=sys.stderr, flush=True)  # noqa: T201 - a job's log is what it prints
