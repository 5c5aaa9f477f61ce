"""Which way does a machine go, and do the scenarios go every way?"""

from __future__ import annotations

import pytest

from tests.statemachines import checks
from tests.statemachines.checks import Subject
from tests.statemachines.scenario import Scenario
from tests.statemachines.scenarios import ALL, scenarios
from tests.support import definitions

SUBJECTS = {machine: Subject.of(machine) for machine in definitions.NAMES}
every_scenario = pytest.mark.parametrize(("machine", "scenario"), ALL, ids=[f"{m}: {s.name}" for m, s in ALL])


@every_scenario
def test_a_scenario_ends_as_it_says(machine: str, scenario: Scenario) -> None:
    assert not list(checks.scenario_problems(SUBJECTS[machine], scenario))


@every_scenario
def test_every_task_sees_the_input_unchanged(machine: str, scenario: Scenario) -> None:
    assert not list(checks.input_problems(SUBJECTS[machine], scenario))


@every_scenario
def test_an_execution_ends_in_time_and_stays_small(machine: str, scenario: Scenario) -> None:
    assert not list(checks.bound_problems(SUBJECTS[machine], scenario))


@pytest.mark.parametrize("machine", definitions.NAMES)
def test_the_scenarios_enter_every_state(machine: str) -> None:
    entered = {name for scenario in scenarios(machine) for name in SUBJECTS[machine].usual(scenario).path}
    assert entered == {name for name, _ in definitions.states(SUBJECTS[machine].definition)}


WAITS = [
    (machine, name)
    for machine, subject in SUBJECTS.items()
    for name, state in definitions.states(subject.definition)
    if state["Type"] == "Wait"
]


@pytest.mark.parametrize(("machine", "wait"), WAITS)
def test_a_scenario_waits_until_waiting_is_given_up(machine: str, wait: str) -> None:
    failing = [SUBJECTS[machine].usual(scenario) for scenario in scenarios(machine) if scenario.status == "FAILED"]
    assert any(execution.path.count(wait) >= 10 for execution in failing)


@pytest.mark.parametrize("machine", definitions.NAMES)
def test_scenarios_have_names_of_their_own(machine: str) -> None:
    names = [scenario.name for scenario in scenarios(machine)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("machine", definitions.NAMES)
def test_a_scenario_names_states_that_there_are(machine: str) -> None:
    known = {name for name, _ in definitions.states(SUBJECTS[machine].definition)}
    for scenario in scenarios(machine):
        assert {*scenario.enters, *scenario.never, *scenario.answers} <= known, scenario.name
