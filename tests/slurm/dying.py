"""A daemon that is killed at a step: `python -m tests.slurm.dying STEP BEFORE|AFTER NAME SECONDS`.

A step is a call of AWS or a program of Slurm. The process kills itself with SIGKILL at the step of that number, before
or after it was done: what it had in mind is lost, what it did stays.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from botocore.client import BaseClient

from shoal_node.__main__ import main


def dying(call: Callable[..., Any], steps: count[int], last: int, moment: str) -> Callable[..., Any]:
    """A function that does what `call` does, and kills the process at the last step."""

    def step(*arguments: Any, **named: Any) -> Any:
        number = next(steps)
        if number == last and moment == "BEFORE":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call(*arguments, **named)
        if number == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return step


if __name__ == "__main__":
    last, moment, *daemon = sys.argv[1:]
    steps = count(1)
    BaseClient._make_api_call = dying(BaseClient._make_api_call, steps, int(last), moment)  # type: ignore[attr-defined]
    subprocess.run = dying(subprocess.run, steps, int(last), moment)
    sys.exit(main(daemon))
