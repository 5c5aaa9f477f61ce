"""Ways through `delete_cluster`; whether a cluster is quiet is judged as the function judges it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shoal.cleanup.custom_resource import Target
from shoal.cleanup.quiet import Quiet, judge
from shoal.cleanup.removal import stores
from tests.statemachines.plans import STACK_ID
from tests.statemachines.scenario import MINUTES, FailurePaths, Scenario, Took, child_failed, explained, refused
from tests.statemachines.scenarios.facts import VOLUME, operation

_END = "Deletion Failed"
PATHS = FailurePaths(
    usual=("Try Once More?", "Explain Failure", _END),
    others={"Explain Failure": ()},
    survives={"Delete Stack": "after DELETE_FAILED it empties and deletes once more, in a second lap"},
)
_TARGETS = (Target("bucket", "shoal-genomics-1a2b3c4d"), Target("repository", "shoal/genomics"))


def _found(state: str, *, protected: bool = True) -> Callable[[Mapping[str, Any], datetime], dict[str, Any]]:
    """What `find_cluster` answers."""

    def find(sent: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
        lap, operation_id = sent["lap"], sent["operationId"]
        return {
            "state": state,
            "stackId": "" if state == "absent" else STACK_ID,
            "protected": protected and lap == 1,
            "stores": stores(_TARGETS, operation_id, lap) if state == "present" else [],
            "deletion": f"{operation_id}-delete" + ("" if lap == 1 else f"-{lap}"),
            "report": {"summary": "There is no cluster genomics.", "removed": 0, "kept": []},
        }

    return find


def _runs(jobs: int = 0, builds: int = 0, *detached: str) -> Callable[[Mapping[str, Any], datetime], dict[str, Any]]:
    """What `quiesce_cluster` answers while jobs and builds run."""

    def quiesce(sent: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        quiet = Quiet(jobs, builds, detached=(*sent["detachedPolicies"], *detached))
        return judge(quiet, now=now, deadline=datetime.fromisoformat(sent["deadline"]))

    return quiesce


_ANSWERS = {
    "Find Cluster": _found("present"),
    "Quiesce Cluster": [_runs(300, 1), _runs(1), _runs()],
    "Empty Next Store": Took(MINUTES, {"summary": "5 deleted", "deleted": 5, "outcome": "emptied"}),
    "Lift Protection": {"StackId": STACK_ID},
    "Delete Stack": Took(8 * MINUTES, {"stackId": STACK_ID, "status": "DELETE_COMPLETE"}),
    "Remove Leftovers": Took(MINUTES, {"summary": "The cluster genomics is deleted.", "removed": 40, "kept": [VOLUME]}),
    "Explain Failure": explained,
}
_FAILED = child_failed("StackFailed", "Role (AWS::IAM::Role) is DELETE_FAILED: must detach all policies first")

SCENARIOS = (
    Scenario(
        "jobs end, all is emptied, the stack goes",
        operation("delete"),
        _ANSWERS,
        output={"alreadyDeleted": False, "removed": 40, "kept": [VOLUME], "detachedPolicies": []},
        enters=(
            *("Find Cluster", "Quiesce Cluster", "Wait For Jobs", "Quiesce Cluster", "Empty Next Store"),
            *("Empty Next Store", "Lift Protection", "Delete Stack", "Remove Leftovers", "Cluster Deleted"),
        ),
    ),
    Scenario(
        "an absent cluster is deleted already",
        operation("delete", stackId=None),
        _ANSWERS | {"Find Cluster": _found("absent")},
        output={"alreadyDeleted": True, "removed": 0},
        enters=("Is It There?", "Cluster Deleted"),
        never=("Quiesce Cluster", "Delete Stack", "Remove Leftovers"),
    ),
    Scenario(
        "of a stack that is gone the leftovers are looked for",
        operation("delete"),
        _ANSWERS | {"Find Cluster": _found("gone")},
        output={"alreadyDeleted": False, "removed": 40},
        enters=("Is It There?", "Remove Leftovers", "Cluster Deleted"),
        never=("Quiesce Cluster", "Delete Stack"),
    ),
    Scenario(
        "a failed create is undone",
        operation("create", discard=True),
        _ANSWERS | {"Find Cluster": _found("present", protected=False)},
        output={"alreadyDeleted": False},
        enters=("Quiesce Cluster", "Delete Stack", "Remove Leftovers"),
        never=("Lift Protection",),
    ),
    Scenario(
        "a stack that fails once is emptied and deleted once more",
        operation("delete"),
        _ANSWERS
        | {
            "Quiesce Cluster": [_runs(), _runs(0, 0, "role: policy")],
            "Delete Stack": [Took(MINUTES, _FAILED), _ANSWERS["Delete Stack"]],
        },
        output={"detachedPolicies": ["role: policy"]},
        enters=(
            "Delete Stack",
            "Try Once More?",
            "Find Cluster",
            "Empty Next Store",
            "Delete Stack",
            "Cluster Deleted",
        ),
    ),
    Scenario(
        "a stack that fails twice fails the deletion",
        operation("delete"),
        _ANSWERS | {"Delete Stack": Took(MINUTES, _FAILED)},
        "FAILED",
        "StackFailed",
        enters=("Delete Stack", "Try Once More?", "Delete Stack", "Try Once More?", "Explain Failure", _END),
    ),
    Scenario(
        "a protected cluster is not deleted",
        operation("delete"),
        _ANSWERS | {"Find Cluster": refused("ClusterProtected", "Lifecycle.Protect: the configuration protects it")},
        "FAILED",
        "ClusterProtected",
        enters=("Explain Failure", _END),
        never=("Quiesce Cluster", "Delete Stack"),
    ),
    Scenario(
        "jobs that never end fail the deletion at the deadline",
        operation("delete"),
        _ANSWERS | {"Quiesce Cluster": _runs(3)},
        "FAILED",
        "DeadlineExceeded",
        enters=("Wait For Jobs", "Explain Failure", _END),
        never=("Delete Stack",),
    ),
    Scenario(
        "leftovers fail the deletion",
        operation("delete"),
        _ANSWERS | {"Remove Leftovers": child_failed("LeftoversFound", "vol-1 is still there")},
        "FAILED",
        "LeftoversFound",
        enters=("Remove Leftovers", "Explain Failure", _END),
    ),
)
