"""Ways through `deploy_stack`; what it does next is decided as the function `observe_stack` decides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shoal.cluster.statuses import ABSENT, Step, next_of_awaited, next_of_change_set, next_step
from shoal.errors import ErrorCode, OperationError
from tests.statemachines.plans import NAME, OPERATION_ID, STACK_ID, STACK_NAME, creation
from tests.statemachines.scenario import MINUTES, FailurePaths, Scenario, Took, explained
from tests.statemachines.scenarios.facts import DEADLINE
from tests.support.clusters import configuration
from tests.support.machine import StateError

_END = "Stack Operation Failed"
_PLAN = creation(configuration())
_FAILURES = {Step.FAILED: ErrorCode.STACK_FAILED, Step.TAKEN: ErrorCode.CLUSTER_EXISTS}
PATHS = FailurePaths(usual=("Explain Failure", _END), others={"Explain Failure": ()})


def stack_operation(action: str, **changed: Any) -> dict[str, Any]:
    """What `deploy_stack` is asked."""
    return {
        "operationId": OPERATION_ID,
        "clusterName": NAME,
        "stackName": STACK_NAME,
        "deadline": DEADLINE,
        "action": action,
        "token": f"{OPERATION_ID}-{action}",
    } | changed


def seen(
    status: str, *, ours: bool = False, change_set: str | None = None, complete: bool = False
) -> Callable[[Mapping[str, Any], datetime], dict[str, Any]]:
    """What `observe_stack` answers of a stack: its status, whose its last operation was, and what is in it."""

    def observe(sent: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
        if sent["action"] == "create-change-set":
            step = next_of_change_set(status, change_set, started=sent["started"])
        elif sent["action"] == "await":
            step = next_of_awaited(status, complete=complete)
        else:
            step = next_step(sent["action"], status, started=sent["started"], ours=ours)
        if step in _FAILURES:
            raise OperationError(_FAILURES[step], f"the stack {STACK_NAME} is {status}")
        stack_id = sent["stackId"] if status == ABSENT else STACK_ID
        return {"next": step.value, "stackId": stack_id, "status": status}

    return observe


_ASKED = {"StackId": STACK_ID}
_ANSWERS = {
    "Create Stack": Took(2, _ASKED),
    "Delete Stack": Took(2, {}),
    "Create Change Set": Took(2, {"Id": "arn:change-set", "StackId": STACK_ID}),
    "Execute Change Set": Took(2, {}),
    "Explain Failure": explained,
}
_NEW = {"templateUrl": _PLAN["templateUrl"], "parameters": _PLAN["parameters"], "tags": _PLAN["tags"]}
_OLD = {"stackId": STACK_ID, "changeSetName": OPERATION_ID}
_CREATING = seen("CREATE_IN_PROGRESS", ours=True)
_CREATED = seen("CREATE_COMPLETE", ours=True)


def _token_known() -> StateError:
    return StateError("CloudFormation.TokenAlreadyExistsException", "the token is already in use")


def _exists() -> StateError:
    return StateError("CloudFormation.AlreadyExistsException", f"{STACK_NAME} already exists")


_ATTACHED = {"Delete Stack": _token_known(), "Execute Change Set": _token_known(), "Create Change Set": _exists()}

SCENARIOS = (
    Scenario(
        "a stack is created",
        stack_operation("create", **_NEW),
        _ANSWERS | {"Observe Stack": [seen(ABSENT), *[_CREATING] * 12, _CREATED]},
        output={"stackId": STACK_ID, "status": "CREATE_COMPLETE"},
        enters=("Take Stock", "Observe Stack", "Create Stack", "Wait For Stack", "Observe Stack", "Stack Settled"),
    ),
    Scenario(
        "a repeated creation attaches to its own execution's stack",
        stack_operation("create", **_NEW),
        _ANSWERS | {"Observe Stack": [_CREATING, _CREATED]},
        output={"status": "CREATE_COMPLETE"},
        enters=("Wait For Stack", "Stack Settled"),
        never=("Create Stack",),
    ),
    Scenario(
        "a creation that CloudFormation has begun already is attached to",
        stack_operation("create", **_NEW),
        _ANSWERS | {"Create Stack": _exists(), "Observe Stack": [seen(ABSENT), _CREATING, _CREATED]},
        output={"status": "CREATE_COMPLETE"},
        enters=("Create Stack", "Wait For Stack", "Stack Settled"),
    ),
    Scenario(
        "a creation whose token is at work is attached to",
        stack_operation("create", **_NEW),
        _ANSWERS | {"Create Stack": _token_known(), "Observe Stack": [seen(ABSENT), _CREATING, _CREATED]},
        output={"status": "CREATE_COMPLETE"},
        enters=("Create Stack", "Wait For Stack", "Stack Settled"),
    ),
    Scenario(
        "somebody else's stack is not taken for the one to be created",
        stack_operation("create", **_NEW),
        _ANSWERS | {"Observe Stack": seen("UPDATE_COMPLETE")},
        "FAILED",
        "ClusterExists",
        enters=("Observe Stack", "Explain Failure", _END),
        never=("Create Stack",),
    ),
    Scenario(
        "a stack that cannot be created fails",
        stack_operation("create", **_NEW),
        _ANSWERS | {"Observe Stack": [seen(ABSENT), _CREATING, seen("CREATE_FAILED", ours=True)]},
        "FAILED",
        "StackFailed",
        enters=("Create Stack", "Explain Failure", _END),
    ),
    Scenario(
        "a stack that is never complete fails at the deadline",
        stack_operation("create", **_NEW),
        _ANSWERS | {"Observe Stack": [seen(ABSENT), _CREATING]},
        "FAILED",
        "DeadlineExceeded",
        enters=("Wait For Stack", "What Next?", "Explain Failure", _END),
    ),
    Scenario(
        "the foundations of a stack are awaited",
        stack_operation("await", logicalIds=_PLAN["foundations"]),
        _ANSWERS | {"Observe Stack": [seen(ABSENT), _CREATING, seen("CREATE_IN_PROGRESS", complete=True)]},
        output={"status": "CREATE_IN_PROGRESS"},
        enters=("Wait For Stack", "Stack Settled"),
        never=("Create Stack", "Delete Stack", "Create Change Set", "Execute Change Set"),
    ),
    Scenario(
        "a stack is deleted",
        stack_operation("delete", stackId=STACK_ID),
        _ANSWERS | {"Observe Stack": [seen("UPDATE_COMPLETE"), seen("DELETE_IN_PROGRESS"), seen(ABSENT)]},
        output={"stackId": STACK_ID},
        enters=("Delete Stack", "Wait For Stack", "Stack Settled"),
    ),
    Scenario(
        "a stack in the making is deleted at once",
        stack_operation("delete", stackId=STACK_ID),
        _ANSWERS | {"Observe Stack": [seen("CREATE_IN_PROGRESS"), seen("DELETE_IN_PROGRESS"), seen("DELETE_COMPLETE")]},
        output={"stackId": STACK_ID},
        enters=("Delete Stack", "Wait For Stack", "Stack Settled"),
    ),
    Scenario(
        "a deletion whose token is at work is attached to",
        stack_operation("delete", stackId=STACK_ID),
        _ANSWERS
        | {"Delete Stack": _token_known(), "Observe Stack": [seen("UPDATE_COMPLETE")] * 2 + [seen("DELETE_COMPLETE")]},
        output={"stackId": STACK_ID},
        enters=("Delete Stack", "Wait For Stack", "Stack Settled"),
    ),
    Scenario(
        "a deletion that fails is explained",
        stack_operation("delete", stackId=STACK_ID),
        _ANSWERS | {"Observe Stack": [seen("UPDATE_COMPLETE"), seen("DELETE_FAILED", ours=True)]},
        "FAILED",
        "StackFailed",
        enters=("Delete Stack", "Explain Failure", _END),
    ),
    Scenario(
        "a change set is made",
        stack_operation("create-change-set", **_NEW, **_OLD),
        _ANSWERS
        | {
            "Observe Stack": [
                seen("CREATE_COMPLETE"),
                seen("CREATE_COMPLETE", change_set="CREATE_PENDING"),
                seen("CREATE_COMPLETE", change_set="CREATE_COMPLETE"),
            ]
        },
        output={"stackId": STACK_ID},
        enters=("Create Change Set", "Wait For Stack", "Stack Settled"),
    ),
    Scenario(
        "a change set that is there already is attached to",
        stack_operation("create-change-set", **_NEW, **_OLD),
        _ANSWERS
        | {
            "Create Change Set": _exists(),
            "Observe Stack": [seen("CREATE_COMPLETE"), seen("CREATE_COMPLETE", change_set="FAILED")],
        },
        output={"stackId": STACK_ID},
        enters=("Create Change Set", "Wait For Stack", "Stack Settled"),
    ),
    Scenario(
        "a change set is executed when the stack has settled",
        stack_operation("execute-change-set", **_OLD),
        _ANSWERS
        | {
            "Execute Change Set": Took(2, {}),
            "Observe Stack": [
                seen("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
                seen("UPDATE_COMPLETE"),
                seen("UPDATE_IN_PROGRESS", ours=True),
                seen("UPDATE_COMPLETE", ours=True),
            ],
        },
        output={"status": "UPDATE_COMPLETE"},
        enters=("Wait For Stack", "Execute Change Set", "Wait For Stack", "Stack Settled"),
    ),
    Scenario(
        "an execution of a change set that is at work is attached to",
        stack_operation("execute-change-set", **_OLD),
        _ANSWERS
        | {
            "Execute Change Set": _token_known(),
            "Observe Stack": [*[seen("CREATE_COMPLETE")] * 2, seen("UPDATE_COMPLETE", ours=True)],
        },
        output={"status": "UPDATE_COMPLETE"},
        enters=("Execute Change Set", "Wait For Stack", "Stack Settled"),
    ),
    Scenario(
        "a creation that CloudFormation's events do not show yet is waited for",
        stack_operation("create", **_NEW),
        _ANSWERS | {"Observe Stack": [seen(ABSENT), seen("CREATE_COMPLETE"), _CREATED]},
        output={"status": "CREATE_COMPLETE"},
        enters=("Create Stack", "Wait For Stack", "Wait For Stack", "Stack Settled"),
        calls={"Create Stack": 1},
    ),
    *(
        Scenario(
            f"{name} that CloudFormation does not show yet is not asked for again{how}",
            stack_operation(action, **_NEW, **_OLD),
            _ANSWERS | answer | {"Observe Stack": [seen("CREATE_COMPLETE")] * 3 + [last]},
            output={"stackId": STACK_ID},
            enters=(task, "Wait For Stack", "Wait For Stack", "Stack Settled"),
            calls={task: 1},
        )
        for name, action, task, last in (
            ("a deletion", "delete", "Delete Stack", seen("DELETE_COMPLETE")),
            ("an update", "execute-change-set", "Execute Change Set", seen("UPDATE_COMPLETE", ours=True)),
            ("a change set", "create-change-set", "Create Change Set", seen("CREATE_COMPLETE", change_set="FAILED")),
        )
        for how, answer in (("", {}), (", attached to", {task: _ATTACHED[task]}))
    ),
    Scenario(
        "an update that is rolled back fails",
        stack_operation("execute-change-set", **_OLD),
        _ANSWERS
        | {"Observe Stack": [Took(MINUTES, seen("CREATE_COMPLETE")), seen("UPDATE_ROLLBACK_COMPLETE", ours=True)]},
        "FAILED",
        "StackFailed",
        enters=("Execute Change Set", "Explain Failure", _END),
    ),
)
