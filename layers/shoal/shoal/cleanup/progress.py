"""What follows on a slice of emptying: another, a look some seconds later, the end, or giving up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from shoal.cleanup.custom_resource import Target
from shoal.cleanup.drain import Slice
from shoal.errors import ErrorCode, OperationError

EMPTY_LOOKS = 2
"""Looks in a row that must find nothing, some seconds apart: a writer may still be at work."""
STUCK_SLICES = 3
"""Slices in a row without progress after which the rest is named and not tried again."""
_CONFIRM_SECONDS = 10
_STUCK_SECONDS = 15
_NEXT_SECONDS = 1
_LONGEST_SECONDS = 240
_MARGIN = 45
"""Seconds before the function's limit at which no further call begins: those under way end, the rest is counted."""


@dataclass(frozen=True)
class Progress:
    """What the state machine hands from slice to slice; a few hundred bytes whatever the size."""

    deleted: int = 0
    empty_looks: int = 0
    stuck: int = 0
    done: bool = False
    wait_seconds: int = _NEXT_SECONDS
    outcome: str = ""
    """At the end: `emptied`, `absent`, or `not-owned` when it belongs to another stack."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read what `to_event` wrote; nothing at the first slice."""
        return cls(deleted=event.get("deleted", 0), empty_looks=event.get("emptyLooks", 0), stuck=event.get("stuck", 0))

    def to_event(self) -> dict[str, Any]:
        """The function's answer."""
        return {
            "deleted": self.deleted,
            "emptyLooks": self.empty_looks,
            "stuck": self.stuck,
            "done": self.done,
            "waitSeconds": self.wait_seconds,
            "outcome": self.outcome,
        }


def seconds_left(milliseconds_left: Callable[[], int], deadline: datetime, clock: Callable[[], datetime]) -> float:
    """Seconds until a slice has to end: before the function's own limit, and not after the deadline.

    Args:
        milliseconds_left: what the function's context says.
        deadline: the whole emptying's.
        clock: the time now.
    """
    return min(milliseconds_left() / 1000 - _MARGIN, (deadline - clock()).total_seconds())


def ended(owner: str | None, stack_id: str, before: Progress) -> Progress | None:
    """The end, if there is nothing that is this stack's to empty.

    Args:
        owner: the id of the stack that owns it; empty if none does, none if it is absent.
        stack_id: the stack it is emptied for.
        before: what the slices before did.
    """
    if owner == stack_id:
        return None
    return Progress(before.deleted, done=True, outcome="absent" if owner is None else "not-owned")


def judge(target: Target, found: Slice, before: Progress, *, now: datetime, deadline: datetime) -> Progress:
    """What follows on a slice.

    Raises:
        OperationError: slice after slice deleted nothing, or the deadline has passed; says what is left and why.
    """
    deleted = before.deleted + found.deleted
    if found.empty:
        looks = before.empty_looks + 1 if found.deleted == 0 else 1
        if looks >= EMPTY_LOOKS:
            return Progress(deleted, looks, done=True, outcome="emptied")
        return Progress(deleted, looks, wait_seconds=_CONFIRM_SECONDS)
    stuck = before.stuck + 1 if found.deleted == 0 else 0
    if found.complete and stuck >= STUCK_SLICES:
        raise _incomplete(ErrorCode.CLEAN_UP_INCOMPLETE, target, found, "resist deletion")
    if now >= deadline:
        raise _incomplete(ErrorCode.DEADLINE_EXCEEDED, target, found, "are left at the deadline")
    return Progress(
        deleted, stuck=stuck, wait_seconds=min(_STUCK_SECONDS * 2**stuck, _LONGEST_SECONDS) if stuck else _NEXT_SECONDS
    )


def _incomplete(code: ErrorCode, target: Target, found: Slice, what: str) -> OperationError:
    things = "images" if target.kind == "repository" else "object versions"
    count = str(found.refused) if found.complete else f"at least {found.left}" if found.left else "some"
    samples = "; ".join(str(sample) for sample in found.samples)
    return OperationError(
        code,
        f"{count} {things} of {target.kind} {target.name}{'/' + target.prefix if target.prefix else ''} {what}"
        + (f", for example {samples}" if samples else ""),
        resource=target.physical_id,
        next_action="Remove the lock, hold or policy that protects them, or give it more time; then delete again.",
    )
