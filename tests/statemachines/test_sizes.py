"""Does what the largest configuration leads to fit into the machines' states?

Ten queues of three compute resources and an image each, forty tags, twenty volumes: plans and answers are put together
by the functions that plan_cluster and read_change_set call, so that their sizes are those of real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from shoal.change_set import ResourceChange
from shoal.cluster.blueprint import blueprint
from shoal.cluster.configuration import load
from shoal.errors import ErrorCode, OperationError
from shoal.image.arguments import LONGEST_ARGUMENTS, MOST_ARGUMENTS
from shoal.operation import outcome
from tests.statemachines import plans
from tests.statemachines.checks import Subject
from tests.statemachines.scenario import Scenario
from tests.statemachines.scenarios import facts, scenarios
from tests.support.clusters import configuration, largest_configuration, site_for
from tests.support.machine import LARGEST_DATA


def renamed(value: Any) -> Any:
    """A configuration with another name for everything, so that every item of every list is another one."""
    if isinstance(value, dict):
        return {key: f"{v}-longer" if key in {"Key", "Name", "MountDir"} else renamed(v) for key, v in value.items()}
    return [renamed(item) for item in value] if isinstance(value, list) else value


def with_images(sections: dict[str, Any]) -> dict[str, Any]:
    """A configuration whose queues are built an image each, with as many arguments as there may be."""
    arguments = {f"ARGUMENT_{n:02}": "x" * (LONGEST_ARGUMENTS // MOST_ARGUMENTS - 11) for n in range(MOST_ARGUMENTS)}
    for number, queue in enumerate(sections["Scheduling"]["AwsBatchQueues"]):
        queue["ContainerImage"] = {"Context": f"s3://images/{'key' * 300}/{number}.zip", "BuildArgs": arguments}
    return sections


SMALL, LARGEST = configuration(), with_images(largest_configuration())
OTHER = renamed(LARGEST)
UNHEALTHY = facts.NOT_YET | {"problems": [f"environment queue-{n}-resource is CREATING" for n in range(30)] * 2}
CREATION = plans.creation(LARGEST)


@cache
def changes() -> tuple[ResourceChange, ...]:
    """Every resource changes, and might be replaced."""
    resources = blueprint(load(LARGEST), site_for(load(LARGEST))).template["Resources"]
    return tuple(
        ResourceChange(name, resource["Type"], "Modify", "Conditional", tuple(resource.get("Properties", {})), (name,))
        for name, resource in resources.items()
    )


def additions() -> tuple[ResourceChange, ...]:
    """Every resource is new."""
    return tuple(replace(change, action="Add", replacement="False") for change in changes())


@cache
def refused() -> dict[str, Any]:
    """The answer for the update that changes all that there is."""
    return plans.read_change_set(LARGEST, OTHER, changes(), "refused")


def told() -> dict[str, Any]:
    """The refusal as the front door is told of it."""
    error = OperationError(ErrorCode.UPDATE_REFUSED, refused()["refusal"])
    return {"failure": outcome.told(outcome.failure_item(error))}


def large(machine: str, name: str, **answers: Any) -> Any:
    """A scenario with large answers, given by Task with underscores."""
    (scenario,) = (scenario for scenario in scenarios(machine) if scenario.name == name)
    given = {task.replace("_", " "): answer for task, answer in answers.items()}
    return pytest.param(
        machine, replace(scenario, answers={**scenario.answers, **given}, output={}), id=f"{machine}: {name}"
    )


def asked(machine: str, name: str, given: Mapping[str, Any]) -> Any:
    """A scenario with a large input."""
    (scenario,) = (scenario for scenario in scenarios(machine) if scenario.name == name)
    return pytest.param(machine, replace(scenario, input={**scenario.input, **given}), id=f"{machine}: {name}")


@pytest.mark.parametrize(
    ("machine", "scenario"),
    [
        large("create_cluster", "a cluster is created", Plan_Cluster=CREATION),
        large("create_cluster", "a dry run creates nothing", Plan_Cluster=plans.creation(LARGEST, done=False)),
        large(
            "create_cluster",
            "a cluster that never gets ready fails at the deadline",
            Plan_Cluster=CREATION,
            Check_Cluster=UNHEALTHY,
        ),
        large(
            "update_cluster",
            "a changed image is built before the change set is executed",
            Plan_Cluster=plans.update(SMALL, LARGEST) | {"imagesChanged": True},
            Read_Change_Set=lambda *_: plans.read_change_set(SMALL, LARGEST, additions(), "apply"),
        ),
        large(
            "update_cluster",
            "a plan deletes its change set and changes nothing",
            Plan_Cluster=plans.update(LARGEST, OTHER, only_plan=True),
            Read_Change_Set=lambda *_: refused() | {"verdict": "planned"},
        ),
        large(
            "update_cluster",
            "an update that would replace a volume is refused",
            Plan_Cluster=plans.update(LARGEST, OTHER),
            Read_Change_Set=lambda *_: refused(),
        ),
        asked(
            "deploy_stack",
            "a stack is created",
            {"templateUrl": CREATION["templateUrl"], "parameters": CREATION["parameters"], "tags": CREATION["tags"]},
        ),
        asked("build_image", "an image is built for a new cluster", {"images": CREATION["images"]}),
        large("run_operation", "create is carried out by its machine", Run_Operation=CREATION["answer"]),
        large(
            "run_operation",
            "plan is carried out by its machine",
            Run_Operation=lambda *_: refused()["answer"],
            Record_Success=lambda *_: refused()["answer"] | {"operationId": plans.OPERATION_ID},
        ),
        large(
            "run_operation",
            "a bad request is refused",
            Begin_Operation=lambda *_: {"route": "refuse", "failure": told()},
        ),
    ],
)
def test_the_largest_configuration_stays_below_half_of_what_a_state_can_carry(machine: str, scenario: Scenario) -> None:
    execution = Subject.of(machine).run(scenario)
    assert execution.status == scenario.status, execution.cause
    assert execution.largest <= LARGEST_DATA


def test_the_largest_configuration_is_large() -> None:
    assert len(CREATION["tags"]) == 42
    assert len(changes()) > 100
    assert len(CREATION["images"]) == 10
    assert refused()["refusal"].endswith(" more")
