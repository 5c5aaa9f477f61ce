"""Would the tests notice if a machine lost one of its Retry or Catch blocks, or if its waits stopped growing?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.statemachines import checks
from tests.statemachines.checks import Subject
from tests.statemachines.scenarios import scenarios
from tests.support import definitions


def mutants(machine: str, key: str) -> Iterator[tuple[str, Subject]]:
    """A machine without a block of one state, for every block; named by state and block."""
    original = definitions.definition(machine)
    for name, state in definitions.states(original):
        for number in range(len(state.get(key, []))):
            mutant = copy.deepcopy(original)
            del dict(definitions.states(mutant))[name][key][number]
            yield f"{name}: {key} {number}", Subject(machine, mutant)


def blocks(key: str) -> list[Any]:
    return [
        pytest.param(name.partition(":")[0], subject, id=f"{machine}: {name}")
        for machine in definitions.NAMES
        for name, subject in mutants(machine, key)
    ]


def inner_tasks(subject: Subject, name: str) -> list[str]:
    """A Task itself, or those in the branches of a Parallel or Map state."""
    state = dict(definitions.states(subject.definition))[name]
    branches = [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]
    return [task for branch in branches for task in definitions.tasks(branch)] or [name]


@pytest.mark.parametrize(("name", "mutant"), blocks("Retry"))
def test_a_retry_that_is_missing_is_noticed(name: str, mutant: Subject) -> None:
    assert next(checks.passing_error_problems(mutant, name), None)


@pytest.mark.parametrize(("name", "mutant"), blocks("Catch"))
def test_a_catch_that_is_missing_is_noticed(name: str, mutant: Subject) -> None:
    assert next(_noticed(mutant, name), None)


def _noticed(mutant: Subject, name: str) -> Iterator[str]:
    for task in inner_tasks(mutant, name):
        yield from checks.lasting_error_problems(mutant, task)
        yield from checks.double_failure_problems(mutant, task)
    for scenario in scenarios(mutant.machine):
        yield from checks.scenario_problems(mutant, scenario)
    for task in definitions.tasks(mutant.definition):
        yield from checks.double_failure_problems(mutant, task)


def constant_waits() -> list[Any]:
    found = []
    for machine in definitions.NAMES:
        for name, state in definitions.states(definitions.definition(machine)):
            if state["Type"] == "Wait" and "Assign" in state:
                mutant = copy.deepcopy(definitions.definition(machine))
                del dict(definitions.states(mutant))[name]["Assign"]
                found.append(pytest.param(Subject(machine, mutant), id=f"{machine}: {name}"))
    return found


@pytest.mark.parametrize("mutant", constant_waits())
def test_a_wait_that_does_not_grow_is_noticed(mutant: Subject) -> None:
    endless = [scenario for scenario in scenarios(mutant.machine) if scenario.error == "DeadlineExceeded"]
    assert any(next(checks.bound_problems(mutant, scenario), None) for scenario in endless)
