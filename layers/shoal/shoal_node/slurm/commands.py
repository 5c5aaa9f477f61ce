"""Running one of Slurm's programs, and telling a slurmctld that does not answer from an answer that is no."""

from __future__ import annotations

import os
import subprocess

AWAY = (
    "unable to contact slurm controller",
    "socket timed out",
    "connection refused",
    "zero bytes were transmitted",
    "communication connection failure",
    "communications connection failure",
    "munge encode failed",
    "protocol authentication error",
    "invalid authentication credential",
    "slurm controller not responding",
    "in standby mode",
    "could not establish a configuration source",
)
"""What Slurm's programs say when they learnt nothing; https://github.com/SchedMD/slurm/blob/master/src/common/slurm_errno.c"""
SECONDS = 40
"""Slurm's programs try for about ten seconds themselves."""
SETTINGS = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
UNWANTED = ("SLURM_TIME_FORMAT", "SQUEUE_FORMAT", "SQUEUE_FORMAT2", "SQUEUE_STATES", "SQUEUE_PARTITION", "SQUEUE_USERS")
"""What a user may have set, and would change what is read here."""


class SlurmError(Exception):
    """A program of Slurm failed; one line says why."""


class SlurmAwayError(SlurmError):
    """Nothing was learnt: slurmctld does not answer, or the program is not there. What was asked is unknown."""


class SlurmRefusedError(SlurmError):
    """Slurm answered, and the answer is no."""


def slurm(*command: str) -> str:
    """Run a program of Slurm; what it wrote.

    Raises:
        SlurmAwayError: nothing was learnt.
        SlurmRefusedError: Slurm refuses what was asked.
    """
    environment = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            env={**environment, **SETTINGS},
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmAwayError(f"{command[0]}: {error}") from error
    if done.returncode == 0:
        return done.stdout
    raise refusal(command[0], done.stdout, done.stderr)


def refusal(program: str, stdout: str, stderr: str) -> SlurmError:
    """The error that a program's output means, after it failed."""
    told = stderr.strip() or stdout.strip() or "no output"
    line = f"{program}: {told.splitlines()[-1].strip()}"
    kind = SlurmAwayError if any(words in told.lower() for words in AWAY) else SlurmRefusedError
    return kind(line)
