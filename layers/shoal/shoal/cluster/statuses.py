"""What each of CloudFormation's 23 stack statuses means for a cluster.

The statuses: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ABSENT = "ABSENT"
"""Our word for a stack that CloudFormation does not know, or no longer."""


class Phase(StrEnum):
    """Where a stack stands."""

    IN_PROGRESS = "in progress"
    """CloudFormation works on it; asking again later gives another answer."""
    SUCCEEDED = "succeeded"
    """The last operation reached what it was asked for."""
    FAILED = "failed"
    """The last operation did not, and CloudFormation has stopped."""


@dataclass(frozen=True)
class Meaning:
    """One stack status, read."""

    phase: Phase
    cluster_status: str
    """`clusterStatus` as ParallelCluster's API names it."""
    operations: tuple[str, ...]
    """What can be asked of a cluster whose stack has this status; `describe` and `list` always can."""

    @property
    def settled(self) -> bool:
        """Whether CloudFormation has stopped working on the stack."""
        return self.phase is not Phase.IN_PROGRESS


_WAIT: tuple[str, ...] = ()
_ANY = ("update", "plan", "build-image", "start", "stop", "delete")
_DELETE = ("delete",)

STATUSES: dict[str, Meaning] = {
    "CREATE_IN_PROGRESS": Meaning(Phase.IN_PROGRESS, "CREATE_IN_PROGRESS", _DELETE),
    "CREATE_COMPLETE": Meaning(Phase.SUCCEEDED, "CREATE_COMPLETE", _ANY),
    "CREATE_FAILED": Meaning(Phase.FAILED, "CREATE_FAILED", _DELETE),
    "ROLLBACK_IN_PROGRESS": Meaning(Phase.IN_PROGRESS, "CREATE_FAILED", _WAIT),
    "ROLLBACK_COMPLETE": Meaning(Phase.FAILED, "CREATE_FAILED", _DELETE),
    "ROLLBACK_FAILED": Meaning(Phase.FAILED, "CREATE_FAILED", _DELETE),
    "DELETE_IN_PROGRESS": Meaning(Phase.IN_PROGRESS, "DELETE_IN_PROGRESS", _DELETE),
    "DELETE_COMPLETE": Meaning(Phase.SUCCEEDED, "DELETE_COMPLETE", ("create", "plan", "delete")),
    "DELETE_FAILED": Meaning(Phase.FAILED, "DELETE_FAILED", _DELETE),
    "UPDATE_IN_PROGRESS": Meaning(Phase.IN_PROGRESS, "UPDATE_IN_PROGRESS", _WAIT),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": Meaning(Phase.IN_PROGRESS, "UPDATE_IN_PROGRESS", _WAIT),
    "UPDATE_COMPLETE": Meaning(Phase.SUCCEEDED, "UPDATE_COMPLETE", _ANY),
    "UPDATE_FAILED": Meaning(Phase.FAILED, "UPDATE_FAILED", _DELETE),
    "UPDATE_ROLLBACK_IN_PROGRESS": Meaning(Phase.IN_PROGRESS, "UPDATE_IN_PROGRESS", _WAIT),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": Meaning(Phase.IN_PROGRESS, "UPDATE_IN_PROGRESS", _WAIT),
    "UPDATE_ROLLBACK_COMPLETE": Meaning(Phase.FAILED, "UPDATE_FAILED", _ANY),
    "UPDATE_ROLLBACK_FAILED": Meaning(Phase.FAILED, "UPDATE_FAILED", _DELETE),
    "REVIEW_IN_PROGRESS": Meaning(Phase.FAILED, "CREATE_FAILED", _DELETE),
    "IMPORT_IN_PROGRESS": Meaning(Phase.IN_PROGRESS, "UPDATE_IN_PROGRESS", _WAIT),
    "IMPORT_COMPLETE": Meaning(Phase.SUCCEEDED, "UPDATE_COMPLETE", _ANY),
    "IMPORT_ROLLBACK_IN_PROGRESS": Meaning(Phase.IN_PROGRESS, "UPDATE_IN_PROGRESS", _WAIT),
    "IMPORT_ROLLBACK_COMPLETE": Meaning(Phase.FAILED, "UPDATE_FAILED", _ANY),
    "IMPORT_ROLLBACK_FAILED": Meaning(Phase.FAILED, "UPDATE_FAILED", _DELETE),
}
"""`REVIEW_IN_PROGRESS` is settled in spite of its name: a stack that has only a change set waits for nobody."""


def meaning(status: str) -> Meaning:
    """What a stack status means.

    Args:
        status: one of CloudFormation's statuses, or `ABSENT`.

    Raises:
        KeyError: CloudFormation has a status that this table does not know.
    """
    return STATUSES["DELETE_COMPLETE"] if status == ABSENT else STATUSES[status]


class Step(StrEnum):
    """What a machine that carries out one stack operation does next."""

    START = "start"
    WAIT = "wait"
    DONE = "done"
    FAILED = "failed"
    TAKEN = "taken"
    """The stack that was to be created is there, and not by this operation."""


_WANTED = {"create": {"CREATE_COMPLETE"}, "execute-change-set": {"UPDATE_COMPLETE", "IMPORT_COMPLETE"}}


def next_step(action: str, status: str, *, started: bool, ours: bool) -> Step:
    """What comes next for one operation on a stack.

    Args:
        action: `create`, `delete` or `execute-change-set`.
        status: the stack's status, or `ABSENT`.
        started: whether this machine has asked CloudFormation for the operation.
        ours: whether the last operation that the stack's events tell of is this one, by its token.
    """
    if action == "delete":
        return _next_of_delete(status, started=started, ours=ours)
    now = meaning(status)
    if not now.settled:
        return Step.WAIT
    if ours:
        return Step.DONE if status in _WANTED[action] else Step.FAILED
    absent = now.cluster_status == "DELETE_COMPLETE"
    if started:  # CloudFormation has accepted it and does not show it yet, unless somebody deleted the stack
        return Step.FAILED if absent else Step.WAIT
    if action == "create":
        return Step.START if absent else Step.TAKEN
    return Step.FAILED if absent else Step.START


def _next_of_delete(status: str, *, started: bool, ours: bool) -> Step:
    """CloudFormation refuses to delete while it works on a stack, a creation and a deletion excepted."""
    if status in {ABSENT, "DELETE_COMPLETE"}:
        return Step.DONE
    if status == "DELETE_FAILED" and ours:
        return Step.FAILED
    if started or status == "DELETE_IN_PROGRESS":
        return Step.WAIT
    return Step.START if meaning(status).settled or status == "CREATE_IN_PROGRESS" else Step.WAIT


def next_of_change_set(status: str, change_set: str | None, *, started: bool) -> Step:
    """What comes next until a change set can be read.

    Args:
        status: the stack's status, or `ABSENT`.
        started: whether this machine has asked CloudFormation for it, which may not show it at once.
        change_set: the change set's own status, or none while it is not there
            (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html).
    """
    if change_set is not None:
        return Step.WAIT if change_set.endswith(("_PENDING", "_IN_PROGRESS")) else Step.DONE
    now = meaning(status)
    if started or not now.settled:
        return Step.WAIT
    return Step.START if "update" in now.operations else Step.FAILED


def next_of_awaited(status: str, *, complete: bool) -> Step:
    """What comes next for one who needs some resources of a stack that another execution creates.

    Args:
        status: the stack's status, or `ABSENT` while the other one has not begun.
        complete: whether all of the resources are there.
    """
    if complete:
        return Step.DONE
    return Step.WAIT if status == ABSENT or not meaning(status).settled else Step.FAILED
