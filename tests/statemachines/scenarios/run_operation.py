"""Ways through `run_operation`, the front door."""

from __future__ import annotations

from typing import Any

from shoal.errors import ErrorCode, OperationError
from shoal.operation import outcome
from shoal.operation.catalogue import CATALOGUE, help_answer
from tests.statemachines import plans
from tests.statemachines.scenario import HOURS, FailurePaths, Scenario, Took, child_failed
from tests.statemachines.scenarios.facts import LINKS, operation
from tests.support.clusters import configuration
from tests.support.machine import StateError

_REFUSED, _LOST = "Operation Refused", "Operation Not Recorded"
PATHS = FailurePaths(usual=(_LOST,), others={"Run Operation": ("Record Failure", _REFUSED)})
_ITEM = {"operation": "create", "clusterName": plans.NAME, "operationId": plans.OPERATION_ID}
_CREATED = plans.creation(configuration())["answer"] | {"clusterStatus": "CREATE_COMPLETE", "links": LINKS}


def _begun(name: str, machine: str = "") -> dict[str, Any]:
    """What `begin_operation` answers when there is work to do."""
    machine = machine or CATALOGUE[name].machine or ""
    execution = f"{plans.OPERATION_ID}-{machine.split('-')[0]}"
    child = operation(name, dryrun=name == "plan")
    return {"route": "run", "machine": machine, "executionName": execution, "child": child}


def _failure(code: ErrorCode, cause: str) -> dict[str, Any]:
    return outcome.told(outcome.failure_item(OperationError(code, cause, next_action="try again")))


_BUSY = OperationError(ErrorCode.CLUSTER_BUSY, "clusterName: update has been working on cluster genomics")
_ANSWERS = {
    "Begin Operation": _begun("create"),
    "Answer Query": {"route": "answered", "answer": help_answer()},
    "Run Operation": Took(HOURS, _CREATED),
    "Record Success": outcome.answer(_ITEM, _CREATED),
    "Record Failure": {"failure": _failure(ErrorCode.STACK_FAILED, "Volume is CREATE_FAILED: no such zone")},
}

SCENARIOS = (
    *(
        Scenario(
            f"{name} is carried out by its machine",
            action.example,
            _ANSWERS | {"Begin Operation": _begun(name, "update-cluster" if name == "plan" else "")},
            output={"operationId": plans.OPERATION_ID},
            enters=("Begin Operation", "Run Operation", "Record Success", "Operation Succeeded"),
            never=("Answer Query",),
        )
        for name, action in CATALOGUE.items()
        if action.machine
    ),
    Scenario(
        "an empty input is answered with help",
        {},
        _ANSWERS | {"Begin Operation": {"route": "answer"}},
        output={"operations": help_answer()["operations"]},
        enters=("What Was Asked?", "Answer Query", "Answered?", "Operation Succeeded"),
        never=("Run Operation",),
    ),
    Scenario(
        "a question about an absent cluster is refused",
        {"operation": "describe", "clusterName": "nobody"},
        _ANSWERS
        | {
            "Begin Operation": {"route": "answer"},
            "Answer Query": {"route": "refuse", "failure": _failure(ErrorCode.CLUSTER_NOT_FOUND, "there is none")},
        },
        "FAILED",
        "ClusterNotFound",
        enters=("Answer Query", "Answered?", _REFUSED),
        never=("Run Operation",),
    ),
    Scenario(
        "a bad request is refused",
        {"operation": "create", "clusterNam": "genomics"},
        _ANSWERS | {"Begin Operation": outcome.refusal(OperationError(ErrorCode.INVALID_REQUEST, "clusterNam: ..."))},
        "FAILED",
        "InvalidRequest",
        enters=("What Was Asked?", _REFUSED),
        never=("Run Operation", "Answer Query"),
    ),
    Scenario(
        "a cluster that another operation works on is refused",
        CATALOGUE["create"].example,
        _ANSWERS | {"Begin Operation": outcome.refusal(_BUSY)},
        "FAILED",
        "ClusterBusy",
        enters=("What Was Asked?", _REFUSED),
        never=("Run Operation", "Answer Query"),
    ),
    Scenario(
        "a front door that does not work says so",
        CATALOGUE["create"].example,
        _ANSWERS | {"Begin Operation": StateError("Lambda.Unknown", "the function was killed")},
        "FAILED",
        "InternalError",
        enters=("Begin Operation", _LOST),
        never=("Run Operation", "Answer Query"),
    ),
    Scenario(
        "an operation that fails ends with its root cause",
        CATALOGUE["create"].example,
        _ANSWERS | {"Run Operation": Took(HOURS, child_failed("StackFailed", "Volume is CREATE_FAILED"))},
        "FAILED",
        "StackFailed",
        enters=("Run Operation", "Record Failure", _REFUSED),
        never=("Answer Query",),
    ),
)
