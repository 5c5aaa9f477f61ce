"""Whether a cluster's writers have stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shoal.errors import ErrorCode, OperationError

_MARGIN = 30
"""Seconds before the function's limit at which no further job is ended; the next call goes on."""
_MANY = 100
"""Jobs above which the next call follows at once: they are being told, and not waited for."""


@dataclass(frozen=True)
class Quiet:
    """What still ran when it was asked to stop."""

    jobs: int
    builds: int
    instances: int = 0
    """Of the groups of a Slurm cluster's nodes."""
    detached: tuple[str, ...] = ()
    """`role: policy` of what was taken off the cluster's roles."""


def seconds_left(milliseconds_left: Callable[[], int]) -> float:
    """Seconds in which further jobs can be ended."""
    return milliseconds_left() / 1000 - _MARGIN


def judge(found: Quiet, *, now: datetime, deadline: datetime) -> dict[str, Any]:
    """What the state machine is told.

    Raises:
        OperationError: something still runs, and the deadline has passed.
    """
    counts = {"jobs": found.jobs, "builds": found.builds, "instances": found.instances}
    running = [f"{count} {what}" for what, count in counts.items() if count]
    if running and now >= deadline:
        raise OperationError(
            ErrorCode.DEADLINE_EXCEEDED,
            f"{' and '.join(running)} were asked to end and still run at the deadline",
            next_action="Delete the cluster again.",
        )
    return {
        "quiet": not running,
        **counts,
        "waitSeconds": 5 if found.jobs > _MANY else 15,
        "detachedPolicies": list(found.detached),
    }
