"""What must hold of every state machine, derived from its file and its scenarios.

Each check takes a definition and yields problems, so that it can be run on a mutated definition as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tests.statemachines.scenario import FOR_EVER, Fault, Scenario, Script
from tests.statemachines.scenarios import paths, scenarios
from tests.support import definitions
from tests.support.execution import Execution
from tests.support.machine import LARGEST_DATA, START, Machine, StateError

LONGEST = "2026-11-25T10:00:00Z"
"""The latest deadline that the front door gives: a day after the start."""
GRACE = 1_800
"""Seconds after the deadline in which a machine ends: one wait, one slow Task, the failure path."""
SHORT = 150
"""States of an execution that does not go through a loop until the deadline."""
NO_CODES = {"", "KeyError", "TypeError", "States.QueryEvaluationError", "States.Runtime"}
"""What an execution ends with whose failure path has a mistake."""
Definition = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """A machine to be checked: its name, and its definition, mutated or not."""

    machine: str
    definition: Definition
    _usual: dict[str, Execution] = field(default_factory=dict)

    @classmethod
    def of(cls, machine: str) -> Subject:
        """A machine as its file says."""
        return cls(machine, definitions.definition(machine))

    def run(self, scenario: Scenario, *faults: Fault) -> Execution:
        """Run a scenario, with something going wrong."""
        script = Script(self.definition, scenario, *faults)
        return Machine(self.definition, self.machine).run(dict(scenario.input), script)

    def usual(self, scenario: Scenario) -> Execution:
        """How a scenario goes when nothing goes wrong beside it."""
        if scenario.name not in self._usual:
            self._usual[scenario.name] = self.run(scenario)
        return self._usual[scenario.name]

    def entering(self, task: str) -> Iterator[tuple[Scenario, Execution]]:
        """The scenarios that enter a Task, and how they go; long ones only where no short one does."""
        short = False
        for scenario in scenarios(self.machine):
            if task in self.usual(scenario).path and len(self.usual(scenario).path) <= SHORT:
                short = True
                yield scenario, self.usual(scenario)
        for scenario in () if short else scenarios(self.machine):
            if task in self.usual(scenario).path:
                yield scenario, self.usual(scenario)


def passing_errors(machine: str, task: str) -> list[str]:
    """The errors that a Task is tried again after, by its file."""
    return [
        name
        for block in definitions.tasks(definitions.definition(machine))[task]["Retry"]
        for name in block["ErrorEquals"]
    ]


def lasting_errors(machine: str, task: str) -> list[StateError]:
    """Errors that a Task is not tried again after."""
    resource = str(definitions.tasks(definitions.definition(machine))[task]["Resource"])
    told = {"errorMessage": "ClusterUnhealthy: environment main is INVALID", "errorType": "OperationError"}
    own = {
        "lambda:invoke": StateError("OperationError", json.dumps(told)),
        "startExecution.sync:2": StateError("States.TaskFailed", '{"Status": "ABORTED", "Name": "op-1"}'),
        "startBuild.sync": StateError("States.TaskFailed", '{"Build": {"Id": "shoal-genomics-build:1"}}'),
    }
    expected = next((error for ending, error in own.items() if resource.endswith(ending)), None)
    return [
        expected or StateError("CloudFormation.InvalidOperationException", "not in this state"),
        StateError("States.Timeout"),
        StateError("States.Permissions", "not authorised"),
    ]


def scenario_problems(subject: Subject, scenario: Scenario) -> Iterator[str]:
    """Does a scenario end as it says, by the way that it says?"""
    execution = subject.usual(scenario)
    if (execution.status, execution.error) != (scenario.status, scenario.error):
        yield f"ends {execution.status} {execution.error} ({execution.cause}), not {scenario.status} {scenario.error}"
    elif scenario.status == "SUCCEEDED":
        answered = {key: execution.output.get(key, "(none)") for key in scenario.output}
        if answered != dict(scenario.output):
            yield f"answers {answered}, not {scenario.output}"
    elif not execution.cause:
        yield "fails without a cause"
    if not _in_order(scenario.enters, execution.path):
        yield f"does not enter {scenario.enters} in this order: {execution.path}"
    made = {task: len(execution.calls_of(task)) for task in scenario.calls}
    if made != dict(scenario.calls):
        yield f"makes the calls {made}, not {scenario.calls}"
    if entered := set(scenario.never) & set(execution.path):
        yield f"enters {sorted(entered)}"


def passing_error_problems(subject: Subject, task: str) -> Iterator[str]:
    """Does one error that passes change nothing, at the price of one retry?"""
    for scenario, usual in subject.entering(task):
        for name in passing_errors(subject.machine, task):
            execution = subject.run(scenario, Fault(task, StateError(name, "{}")))
            if _end(execution) != _end(usual):
                yield f"{scenario.name}: after {name} it ends {_end(execution)}, not {_end(usual)}"
            elif [again for again in execution.retries if again not in usual.retries] != [(task, name)]:
                yield f"{scenario.name}: {name} was tried again after {execution.retries}"


def endless_error_problems(subject: Subject, task: str) -> Iterator[str]:
    """Does an error that does not pass end, after a bounded number of tries, on the failure path?"""
    for scenario, _ in subject.entering(task):
        name = passing_errors(subject.machine, task)[0]
        execution = subject.run(scenario, Fault(task, StateError(name, "{}"), FOR_EVER))
        tries, visits = len(execution.calls_of(task)), execution.path.count(task)
        if not 2 <= tries <= 7 * visits:
            yield f"{scenario.name}: {visits} visits were tried {tries} times"
        yield from _failure_problems(subject, scenario, task, execution)


def lasting_error_problems(subject: Subject, task: str) -> Iterator[str]:
    """Does an error that does not pass fail the machine, by its failure path, with a code and a cause?"""
    survives = paths(subject.machine).survives
    for scenario, usual in subject.entering(task):
        for error in lasting_errors(subject.machine, task):
            for times in (1, FOR_EVER):
                if times == 1 and task in survives:
                    continue
                execution = subject.run(scenario, Fault(task, error, times))
                yield from _failure_problems(subject, scenario, task, execution)
        if usual.path.count(task) > 1 and task not in survives:
            execution = subject.run(scenario, Fault(task, lasting_errors(subject.machine, task)[0], call=1))
            yield from _failure_problems(subject, scenario, task, execution)


def hanging_problems(subject: Subject, task: str) -> Iterator[str]:
    """Does a Task that never gets an answer fail the machine in time, even when compensation gets none either?"""
    way = paths(subject.machine)
    if task in way.survives:
        return
    for scenario, _ in subject.entering(task):
        yield from _failure_problems(subject, scenario, task, subject.run(scenario, Fault(task, None, FOR_EVER)))
        if way.compensation in way.after(task, scenario.never):
            both = subject.run(scenario, Fault(task, None, FOR_EVER), Fault(str(way.compensation), None))
            yield from _failure_problems(subject, scenario, task, both)


def double_failure_problems(subject: Subject, task: str) -> Iterator[str]:
    """Does the machine fail, and is what was done undone, when the failure path fails as well?"""
    way = paths(subject.machine)
    tasks = definitions.tasks(subject.definition)
    for scenario, _ in () if task in way.tolerated else subject.entering(task):
        following = [name for name in way.after(task, scenario.never) if name in tasks]
        for second in [[name] for name in following] + ([following] if len(following) > 1 else []):
            faults = [Fault(name, lasting_errors(subject.machine, name)[0], FOR_EVER) for name in second]
            execution = subject.run(scenario, Fault(task, lasting_errors(subject.machine, task)[0], FOR_EVER), *faults)
            if execution.status != "FAILED" or execution.error in NO_CODES:
                yield f"{scenario.name}: with {second} failing as well it ends {execution.status} {execution.error}"
            if way.compensation in following and way.compensation not in execution.path:
                yield f"{scenario.name}: with {second} failing as well {way.compensation} is not tried"


def input_problems(subject: Subject, scenario: Scenario) -> Iterator[str]:
    """Does every Task see the execution's input as it came?"""
    tasks = definitions.tasks(subject.definition)
    for name, data in subject.usual(scenario).inputs:
        if name in tasks and data != scenario.input:
            yield f"{name} sees {data}"


def bound_problems(subject: Subject, scenario: Scenario) -> Iterator[str]:
    """Does the execution end in time, with a short history, and stay small, whenever its deadline is?"""
    compensation = paths(subject.machine).compensation
    deadlines = (LONGEST, scenario.input["deadline"]) if "deadline" in scenario.input else (None,)
    for deadline in deadlines:
        given = {**scenario.input, **({"deadline": deadline} if deadline else {})}
        execution = subject.run(replace(scenario, input=given))
        if (execution.status, execution.error) != (scenario.status, scenario.error):
            yield f"with the deadline {deadline} it ends {execution.status} {execution.error}: {execution.cause}"
        if execution.largest > LARGEST_DATA:
            yield f"carries {execution.largest} bytes"
        ended = next((visit.at for visit in execution.visits if visit.name == compensation), execution.clock)
        if deadline and ended > datetime.fromisoformat(deadline).timestamp() + GRACE:
            yield f"with the deadline {deadline} it works {ended - START} seconds"


def _failure_problems(subject: Subject, scenario: Scenario, task: str, execution: Execution) -> Iterator[str]:
    if task in paths(subject.machine).tolerated:
        if execution.status != "SUCCEEDED":
            yield f"{scenario.name}: with {task} failing it ends {execution.status} {execution.error}"
        return
    if execution.status != "FAILED" or execution.error in NO_CODES:
        yield f"{scenario.name}: with {task} failing it ends {execution.status} {execution.error}: {execution.cause}"
        return
    expected = paths(subject.machine).after(task, scenario.never)
    last = len(execution.path) - execution.path[::-1].index(task)
    if not _in_order(expected, execution.path[last:]):
        yield f"{scenario.name}: after the failure of {task} came {execution.path[last:]}, not {expected}"
    if expected and not execution.cause:
        yield f"{scenario.name}: with {task} failing there is no cause"


def _end(execution: Execution) -> tuple[str, str, Any]:
    return execution.status, execution.error, execution.output


def _in_order(wanted: tuple[str, ...], path: list[str]) -> bool:
    rest = iter(path)
    return all(name in rest for name in wanted)
