"""Can every child machine work with what its parents give it, and they with what it answers?"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.statemachines.checks import Subject
from tests.statemachines.scenario import Scenario
from tests.statemachines.scenarios import ALL, scenarios
from tests.support import definitions

START = "startExecution.sync:2"
ALIKE = ("action", "kind", "discard")
"""What of an input decides on a machine's way."""


def machine_of(arn: str) -> str:
    """The machine that a substitution such as `DeployStackStateMachineArn` or a name with a prefix means."""
    name = arn.removeprefix("MachineArnPrefix").removesuffix("StateMachineArn").replace("-", "_")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def started() -> list[Any]:
    """Machine, scenario, Task and arguments of every child that a scenario starts."""
    found = []
    for machine, scenario in ALL:
        tasks = definitions.tasks(definitions.definition(machine))
        for call in Subject.of(machine).run(scenario).calls if _is_short(machine, scenario) else ():
            if str(tasks[call.name]["Resource"]).endswith(START):
                found.append(pytest.param(call.arguments, id=f"{machine}: {scenario.name}: {call.name}"))
    return found


def _is_short(machine: str, scenario: Scenario) -> bool:
    return scenario.status == "SUCCEEDED" or "Roll Back" in scenario.enters


@pytest.mark.parametrize("arguments", started())
def test_a_child_can_work_with_what_it_is_given(arguments: dict[str, Any]) -> None:
    machine = machine_of(arguments["StateMachineArn"])
    given = arguments["Input"]
    like = [
        scenario
        for scenario in scenarios(machine)
        if scenario.status == "SUCCEEDED" and all(given.get(key) == scenario.input.get(key) for key in ALIKE)
    ]
    ends = [Subject.of(machine).run(Scenario(scenario.name, given, scenario.answers)) for scenario in like]
    assert ends
    assert [end.cause for end in ends if end.status != "SUCCEEDED"] == []


@pytest.mark.parametrize("arguments", started())
def test_a_child_s_name_is_the_operation_s_with_a_word_more(arguments: dict[str, Any]) -> None:
    assert re.fullmatch(r"op-\d{8}T\d{6}-[0-9a-f]{8}-[a-z0-9-]+", arguments["Name"])
    assert len(arguments["Name"]) <= 80


def test_children_of_one_operation_have_different_names() -> None:
    for machine, scenario in ALL:
        tasks = definitions.tasks(definitions.definition(machine))
        execution = Subject.of(machine).run(scenario) if scenario.status == "SUCCEEDED" else None
        calls = execution.calls if execution else []
        names = [call.arguments["Name"] for call in calls if str(tasks[call.name]["Resource"]).endswith(START)]
        assert len(names) == len(set(names)), scenario.name
