"""The command of the job: started, waited for, and its end told as a shell tells it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .problems import CANNOT_RUN, NO_PROGRAM, SIGNALLED, JobError
from .signals import Handover


def start(command: Sequence[str], variables: Mapping[str, str], folder: Path, handover: Handover) -> int:
    """Start the command in a process group of its own, which signals reach from now on; its process id.

    Raises:
        JobError: there is no such program, or it cannot be run.
    """
    try:
        with handover.keeping():
            process = subprocess.Popen(command, env=dict(variables), cwd=folder, start_new_session=True)
            handover.group = process.pid
    except FileNotFoundError as error:
        raise JobError(NO_PROGRAM, f"{command[0]}: the image has no such program") from error
    except OSError as error:
        raise JobError(CANNOT_RUN, f"{command[0]} cannot be run: {error.strerror}") from error
    process.returncode = 0  # waited for below, with every other process
    return process.pid


def wait(process: int, ended: Callable[[int], None]) -> int:
    """Wait for a process; its exit code, or 128 and the number of the signal that ended it.

    Args:
        process: whose end is the end of the job.
        ended: told of every other child that ends; those are the connections to other nodes, and, where this is the
            first process of the container, orphans of the job, which nobody else would wait for.
    """
    while True:
        child, status = os.waitpid(-1, 0)
        code = os.waitstatus_to_exitcode(status)
        if child == process:
            return code if code >= 0 else SIGNALLED - code
        ended(child)
