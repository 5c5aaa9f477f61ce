"""Whether a failed attempt is followed by another.

https://docs.aws.amazon.com/batch/latest/APIReference/API_EvaluateOnExit.html: the first condition of which everything
given matches decides; where none matches, the job is retried.
https://docs.aws.amazon.com/batch/latest/userguide/job_timeouts.html: a job that ran out of time is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended."""

    status_reason: str
    exit_code: int | None = None
    """None when no container ran to an end."""
    reason: str = ""
    """Of the container: `OutOfMemoryError: ...`, say."""
    interrupted: bool = False
    """Whether it was ended from outside: by the user, out of time, with its host."""
    final: bool = False
    """Whether no attempt may follow."""

    @property
    def succeeded(self) -> bool:
        """Whether the job did what it was for."""
        return self.exit_code == 0 and not self.interrupted and not self.reason


def is_retried(strategy: Mapping[str, Any], made: int, outcome: Outcome) -> bool:
    """Whether a job starts again.

    Args:
        strategy: `attempts` and `evaluateOnExit`.
        made: attempts so far, this one among them.
        outcome: how this one ended.
    """
    if outcome.succeeded or outcome.final or made >= int(strategy.get("attempts") or 1):
        return False
    for condition in strategy.get("evaluateOnExit") or []:
        if _is_met(condition, outcome):
            return str(condition["action"]).upper() == "RETRY"
    return True


def _is_met(condition: Mapping[str, str], outcome: Outcome) -> bool:
    found = {
        "onStatusReason": outcome.status_reason,
        "onReason": outcome.reason,
        "onExitCode": "" if outcome.exit_code is None else str(outcome.exit_code),
    }
    return all(_matches(condition[key], value) for key, value in found.items() if condition.get(key))


def _matches(pattern: str, text: str) -> bool:
    """A trailing asterisk stands for anything, nothing among it; any other is not special."""
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
