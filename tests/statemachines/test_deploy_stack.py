"""Does a stack operation end on every status that a stack can have and stay in?"""

from __future__ import annotations

import pytest

from shoal.cluster.statuses import ABSENT, STATUSES
from tests.statemachines.checks import Subject
from tests.statemachines.scenario import Scenario
from tests.statemachines.scenarios import scenarios
from tests.statemachines.scenarios.deploy_stack import seen, stack_operation

SUBJECT = Subject.of("deploy_stack")
(CREATION,) = (scenario for scenario in scenarios("deploy_stack") if scenario.name == "a stack is created")
ACTIONS = ("create", "delete", "create-change-set", "execute-change-set", "await")


@pytest.mark.parametrize("ours", [False, True])
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("status", [*STATUSES, ABSENT])
def test_an_operation_ends_whatever_status_the_stack_keeps(status: str, action: str, ours: bool) -> None:
    given = {**CREATION.input, **stack_operation(action), "changeSetName": "op-1", "logicalIds": []}
    answers = {**CREATION.answers, "Observe Stack": seen(status, ours=ours)}
    execution = SUBJECT.run(Scenario(f"{action} at {status}", given, answers))
    assert execution.status in {"SUCCEEDED", "FAILED"}
    assert len(execution.calls) <= 200
    if execution.status == "FAILED":
        assert execution.error in {"StackFailed", "ClusterExists", "ClusterNotFound", "DeadlineExceeded"}


@pytest.mark.parametrize("action", ["create", "delete", "execute-change-set", "create-change-set"])
def test_cloudformation_is_asked_at_most_once(action: str) -> None:
    asking = {"Create Stack", "Delete Stack", "Create Change Set", "Execute Change Set"}
    for scenario in scenarios("deploy_stack"):
        if scenario.input["action"] == action:
            asked = [name for name in SUBJECT.usual(scenario).path if name in asking]
            assert len(asked) <= 1, scenario.name
