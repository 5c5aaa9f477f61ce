"""Run a JSONata state machine in process, on a virtual clock, against scripted answers.

As strict as AWS where the embedded AWS is kinder: `States.ALL` catches neither `States.Runtime` nor
`States.DataLimitExceeded`, branches have variables of their own, a machine's `TimeoutSeconds` ends it, and a branch
that fails stops the others. Jitter is left out: a retry waits as long as it may.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.execution import START, Again, Call, Execution, StateError, TimedOutError, Visit
from tests.support.expressions import QueryEvaluationError, evaluate

__all__ = ["LARGEST_DATA", "START", "Execution", "Lasting", "Machine", "StateError"]

LARGEST_DATA = 128 * 1024
"""Shoal's own ceiling for what one state hands on, in bytes."""
LIMIT = 256 * 1024
"""AWS's ceiling (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""
MOST_EVENTS = 25_000
"""AWS ends an execution whose history is longer; no Catch sees it."""
UNCATCHABLE = {"States.Runtime", "States.DataLimitExceeded"}

Answer = Callable[[str, Any], Any]
"""Takes a Task's name and arguments; returns its result or a `Lasting`, or raises `StateError`."""


@dataclass(frozen=True)
class Lasting:
    """An answer that takes virtual time; a Task whose `TimeoutSeconds` are over before gets none."""

    seconds: float
    answer: Callable[[float], Any]
    """Takes the time at the end; returns the result, or raises `StateError`."""


class Machine:
    """A definition with every `${substitution}` replaced."""

    def __init__(self, definition: Mapping[str, Any], name: str = "machine") -> None:
        self.definition, self.name = definition, name

    def run(self, data: Any, answer: Answer, execution_name: str = "test") -> Execution:
        """Run from the start to the end."""
        execution = Execution(self.definition.get("TimeoutSeconds", 99_999_999))
        context = {
            "Execution": {
                "Id": f"arn:aws:states:us-east-1:111111111111:execution:{self.name}:{execution_name}",
                "Name": execution_name,
                "StartTime": "2026-11-24T10:00:00.000Z",
                "Input": data,
            },
            "StateMachine": {
                "Id": f"arn:aws:states:us-east-1:111111111111:stateMachine:{self.name}",
                "Name": self.name,
            },
        }
        try:
            execution.output = walk(self.definition, data, {}, context, execution, answer)
            execution.status = "SUCCEEDED"
        except TimedOutError:
            execution.status, execution.error = "TIMED_OUT", "States.Timeout"
        except StateError as failure:
            execution.status, execution.error, execution.cause = "FAILED", failure.name, failure.cause
        return execution


def walk(
    block: Mapping[str, Any], data: Any, variables: dict[str, Any], context: Any, run: Execution, answer: Answer
) -> Any:
    """Take a machine's or a branch's states from the first to the last; the last one's output."""
    name: str | None = block["StartAt"]
    while name is not None:
        run.visits.append(Visit(run.clock, name, copy.deepcopy(data)))
        if run.events > MOST_EVENTS:
            raise StateError("States.Runtime", f"the history has more than {MOST_EVENTS} events")
        name, data = _Step(block["States"][name], name, data, variables, context, run, answer).take()
    return data


@dataclass
class _Step:
    """One state of one execution."""

    state: Mapping[str, Any]
    name: str
    data: Any
    variables: dict[str, Any]
    context: Any
    run: Execution
    answer: Answer

    def take(self) -> tuple[str | None, Any]:
        """Run the state; the next state's name, or none at the end, and its data."""
        kind = self.state["Type"]
        if kind == "Fail":
            raise StateError(str(self._value("Error", "")), str(self._value("Cause", "")))
        if kind == "Choice":
            return self._choose()
        if kind in {"Task", "Map", "Parallel"}:
            return self._try()
        if kind == "Wait":
            self._wait(self._value("Seconds"))
        elif kind not in {"Pass", "Succeed"}:
            raise ValueError(f"{self.name}: states of type {kind} are not known here")
        return self.state.get("Next"), self._finish(self.state, {}, self.data)

    def _wait(self, seconds: Any) -> None:
        if not isinstance(seconds, int) or seconds < 0:
            raise StateError("States.QueryEvaluationError", f"{seconds} is no number of seconds")
        self.run.let_pass(seconds)

    def _value(self, key: str, default: Any = None) -> Any:
        return self._evaluate(self.state.get(key, default))

    def _evaluate(self, template: Any, **more: Any) -> Any:
        states = {"input": self.data, "context": {**self.context, "State": {"Name": self.name}}, **more}
        if "map" in states:
            states["context"]["Map"] = states.pop("map")
        try:
            return evaluate(template, {**self.variables, "states": states}, self.run.clock)
        except QueryEvaluationError as error:
            raise StateError("States.QueryEvaluationError", str(error)) from error

    def _finish(self, block: Mapping[str, Any], more: dict[str, Any], default: Any) -> Any:
        """Assign and output of a state, a rule or a catcher; both see the variables as they were before."""
        assigned = self._evaluate(block.get("Assign", {}), **more)
        output = self._evaluate(block["Output"], **more) if "Output" in block else default
        self._measure(output)
        self._measure(assigned)
        self.variables.update(copy.deepcopy(assigned))
        self.run.largest = max(self.run.largest, len(json.dumps(self.variables)))
        return output

    def _measure(self, value: Any) -> None:
        size = len(json.dumps(value))
        self.run.largest = max(self.run.largest, size)
        if size > LIMIT:
            raise StateError("States.DataLimitExceeded", f"{self.name}: {size} bytes")

    def _choose(self) -> tuple[str, Any]:
        for choice in self.state["Choices"]:
            condition = self._evaluate(choice["Condition"])
            if not isinstance(condition, bool):
                raise StateError("States.QueryEvaluationError", f"{choice['Condition']} is not true or false")
            if condition:
                return choice["Next"], self._finish(choice, {}, self.data)
        if "Default" not in self.state:
            raise StateError("States.NoChoiceMatched", self.name)
        return self.state["Default"], self._finish(self.state, {}, self.data)

    def _try(self) -> tuple[str | None, Any]:
        attempts: dict[int, int] = {}
        while True:
            try:
                result = json.loads(json.dumps(self._result()))
                return self.state.get("Next"), self._finish(self.state, {"result": result}, result)
            except StateError as error:
                if not self._retry(error, attempts):
                    return self._caught(error)

    def _result(self) -> Any:
        kind = self.state["Type"]
        if kind == "Task":
            return self._task(self._value("Arguments", self.data))
        if kind == "Parallel":
            return self._side_by_side([(branch, self.data) for branch in self.state["Branches"]])
        selector, processor = self.state.get("ItemSelector", "{% $states.context.Map.Item.Value %}"), "ItemProcessor"
        places = [{"Item": {"Value": item, "Index": index}} for index, item in enumerate(self._value("Items"))]
        return self._side_by_side([(self.state[processor], self._evaluate(selector, map=place)) for place in places])

    def _task(self, arguments: Any) -> Any:
        self._measure(arguments)
        began, limit = self.run.clock, self.state.get("TimeoutSeconds", 99_999_999)
        try:
            result = self.answer(self.name, arguments)
            if not isinstance(result, Lasting):
                return result
            self.run.let_pass(min(result.seconds, limit))
            if result.seconds > limit:
                raise StateError("States.Timeout", "")  # AWS gives no cause
            return result.answer(self.run.clock)
        finally:
            self.run.calls.append(Call(began, self.name, copy.deepcopy(arguments), self.run.clock))

    def _side_by_side(self, branches: list[tuple[Mapping[str, Any], Any]]) -> list[Any]:
        """Run branches that begin together; the first failure ends them all."""
        results: list[Any] = []
        failures: list[tuple[float, int, Exception]] = []
        runs = [self.run.fork() for _ in branches]
        for number, ((block, data), run) in enumerate(zip(branches, runs, strict=True)):
            own = copy.deepcopy(self.variables)
            try:
                results.append(walk(block, copy.deepcopy(data), own, self.context, run, self.answer))
            except (StateError, TimedOutError) as failure:
                failures.append((run.clock, number, failure))
        end = min(failures)[0] if failures else max((run.clock for run in runs), default=self.run.clock)
        for run in runs:
            self.run.join(run, until=end)
        self.run.clock = end
        if failures:
            raise min(failures)[2]
        return results

    def _retry(self, error: StateError, attempts: dict[int, int]) -> bool:
        for index, block in enumerate(self.state.get("Retry", [])):
            if _matches(block, error.name):
                made = attempts.get(index, 0)
                if made >= block.get("MaxAttempts", 3):
                    return False
                attempts[index] = made + 1
                delay = block.get("IntervalSeconds", 1) * block.get("BackoffRate", 2.0) ** made
                self.run.let_pass(min(delay, block.get("MaxDelaySeconds", delay)))
                self.run.repeats.append(Again(self.run.clock, self.name, error.name))
                return True
        return False

    def _caught(self, error: StateError) -> tuple[str, Any]:
        for block in self.state.get("Catch", []):
            if _matches(block, error.name):
                told = {"Error": error.name, "Cause": error.cause}
                return block["Next"], self._finish(block, {"errorOutput": told}, told)
        raise error


def _matches(block: Mapping[str, Any], name: str) -> bool:
    if name in block["ErrorEquals"]:
        return True
    if name in UNCATCHABLE:
        return False
    return "States.ALL" in block["ErrorEquals"] or (
        "States.TaskFailed" in block["ErrorEquals"] and name != "States.Timeout"
    )
