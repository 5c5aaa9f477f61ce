"""Would the tests notice if a machine lost a Retry, a Catch, an assignment or a rule, or if a wait did not grow?"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from itertools import chain
from operator import getitem
from typing import Any

import pytest

from tests.statemachines import checks
from tests.statemachines.checks import Subject
from tests.statemachines.scenarios import scenarios
from tests.support import definitions

Place = tuple[Any, ...]
"""Keys and indexes that lead from a state to what it loses."""
NEEDLESS = {
    ("clean_up", "Answer Failure"): "what failed first stays known; the block is the same in all machines",
    ("create_cluster", "Roll Back"): "only adds to the cause, see test_create_cluster",
    **{
        ("run_operation", name): "only the cause tells it, see test_run_operation"
        for name in ("Begin Operation", "Answer Query", "Record Success", "Record Failure")
    },
}
"""States whose catchers' assignments change neither the way nor the code."""


def mutants(places: Callable[[Mapping[str, Any]], Iterator[Place]]) -> list[Any]:
    """The machines without what a state has at each of some places, one by one."""
    found = []
    for machine in definitions.NAMES:
        original = definitions.definition(machine)
        for name, state in definitions.states(original):
            for place in places(state):
                if place[0] == "Catch" and place[-1] == "Assign" and (machine, name) in NEEDLESS:
                    continue
                mutant = copy.deepcopy(original)
                del reduce(getitem, place[:-1], dict(definitions.states(mutant))[name])[place[-1]]
                label = f"{machine}: {name}: {' '.join(map(str, place))}"
                found.append(pytest.param(name, Subject(machine, mutant), id=label))
    return found


def retries(state: Mapping[str, Any]) -> Iterator[Place]:
    yield from (("Retry", number) for number in range(len(state.get("Retry", []))))


def catches(state: Mapping[str, Any]) -> Iterator[Place]:
    yield from (("Catch", number) for number in range(len(state.get("Catch", []))))


def rules(state: Mapping[str, Any]) -> Iterator[Place]:
    yield from (("Choices", number) for number in range(len(state.get("Choices", []))))


def assignments(state: Mapping[str, Any]) -> Iterator[Place]:
    """Those of waits apart: they only let it grow."""
    if "Assign" in state and state["Type"] != "Wait":
        yield ("Assign",)
    for key in ("Choices", "Catch"):
        yield from ((key, number, "Assign") for number, block in enumerate(state.get(key, [])) if "Assign" in block)


def growths(state: Mapping[str, Any]) -> Iterator[Place]:
    if "Assign" in state and state["Type"] == "Wait":
        yield ("Assign",)


@pytest.mark.parametrize(("name", "mutant"), mutants(retries))
def test_a_retry_that_is_missing_is_noticed(name: str, mutant: Subject) -> None:
    assert next(checks.passing_error_problems(mutant, name), None)


@pytest.mark.parametrize(("name", "mutant"), mutants(catches))
def test_a_catch_that_is_missing_is_noticed(name: str, mutant: Subject) -> None:
    assert next(chain(failures(mutant, name), ends(mutant), further_failures(mutant)), None)


@pytest.mark.parametrize(("name", "mutant"), [*mutants(rules), *mutants(assignments)])
def test_a_rule_or_an_assignment_that_is_missing_is_noticed(name: str, mutant: Subject) -> None:
    assert next(chain(ends(mutant), failures(mutant, name), further_failures(mutant)), None)


@pytest.mark.parametrize(("name", "mutant"), mutants(growths))
def test_a_wait_that_does_not_grow_is_noticed(name: str, mutant: Subject) -> None:
    endless = [scenario for scenario in scenarios(mutant.machine) if scenario.error == "DeadlineExceeded"]
    assert any(next(checks.bound_problems(mutant, scenario), None) for scenario in endless), name


def ends(mutant: Subject) -> Iterator[str]:
    for scenario in scenarios(mutant.machine):
        yield from checks.scenario_problems(mutant, scenario)


def failures(mutant: Subject, name: str) -> Iterator[str]:
    """Problems of a Task, or of those in a Parallel state's branches."""
    state = dict(definitions.states(mutant.definition))[name]
    inner = [task for branch in state.get("Branches", []) for task in definitions.tasks(branch)]
    for task in inner or ([name] if state["Type"] == "Task" else []):
        yield from checks.lasting_error_problems(mutant, task)
        yield from checks.double_failure_problems(mutant, task)


def further_failures(mutant: Subject) -> Iterator[str]:
    for task in definitions.tasks(mutant.definition):
        yield from checks.double_failure_problems(mutant, task)
