"""Run a JSONata state machine in process, on a virtual clock, against scripted answers.

As strict as AWS where the embedded AWS is kinder: `States.ALL` catches neither `States.Runtime` nor
`States.DataLimitExceeded`, branches have variables of their own, a machine's `TimeoutSeconds` ends it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.expressions import QueryEvaluationError, evaluate

LARGEST_DATA = 128 * 1024
"""Shoal's own ceiling for what one state hands on, in bytes; AWS's is 262,144
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""
MOST_STEPS = 5_000
"""A machine that takes more states than this does not end; AWS stops at 25,000 events."""
UNCATCHABLE = {"States.Runtime", "States.DataLimitExceeded"}
START = 1_795_514_400.0
"""Virtual time when every execution starts: 2026-11-24T10:00:00Z."""

Answer = Callable[[str, Any], Any]
"""Takes a Task's name and arguments; returns its result or raises `StateError`."""


class StateError(Exception):
    """A state failed with an error name and a cause."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name, self.cause = name, cause


@dataclass
class Execution:
    """What an execution did."""

    status: str = "RUNNING"
    output: Any = None
    error: str = ""
    cause: str = ""
    path: list[str] = field(default_factory=list)
    """Names of the states entered, in order."""
    retries: list[tuple[str, str]] = field(default_factory=list)
    """State and error of every retry."""
    inputs: list[tuple[str, Any]] = field(default_factory=list)
    """State and input of every state entered."""
    clock: float = START
    largest: int = 0
    """Bytes of the largest value that any state handed on."""


class _EndedError(Exception):
    """The machine's own `TimeoutSeconds` ran out; no Catch sees it."""


class Machine:
    """A definition with every `${substitution}` replaced."""

    def __init__(self, definition: Mapping[str, Any], name: str = "machine") -> None:
        self.definition, self.name = definition, name

    def run(self, data: Any, answer: Answer, execution_name: str = "test") -> Execution:
        """Run from the start to the end."""
        execution = Execution()
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
            output = self._walk(self.definition, data, {}, context, execution, answer)
            execution.status, execution.output = "SUCCEEDED", output
        except _EndedError:
            execution.status, execution.error = "TIMED_OUT", "States.Timeout"
        except StateError as failure:
            execution.status, execution.error, execution.cause = "FAILED", failure.name, failure.cause
        return execution

    def _walk(
        self,
        block: Mapping[str, Any],
        data: Any,
        variables: dict[str, Any],
        context: Any,
        run: Execution,
        answer: Answer,
    ) -> Any:
        name: str | None = block["StartAt"]
        while name is not None:
            state = block["States"][name]
            run.path.append(name)
            run.inputs.append((name, copy.deepcopy(data)))
            if len(run.path) > MOST_STEPS:
                raise StateError("States.Runtime", "the machine does not end")
            if run.clock - START > self.definition.get("TimeoutSeconds", 99_999_999):
                raise _EndedError
            step = _Step(self, state, name, data, variables, context, run, answer)
            name, data = step.take()
        return data


@dataclass
class _Step:
    """One state of one execution."""

    machine: Machine
    state: Mapping[str, Any]
    name: str
    data: Any
    variables: dict[str, Any]
    context: Any
    run: Execution
    answer: Answer

    def take(self) -> tuple[str | None, Any]:
        """Run the state; the next state's name, or none at the end, and its data."""
        try:
            return self._by_type()
        except QueryEvaluationError as error:
            return self._caught(StateError("States.QueryEvaluationError", str(error)))

    def _by_type(self) -> tuple[str | None, Any]:
        kind = self.state["Type"]
        if kind == "Fail":
            raise StateError(str(self._value("Error", "")), str(self._value("Cause", "")))
        if kind == "Choice":
            return self._choose()
        if kind == "Wait":
            self.run.clock += float(self._value("Seconds"))
        if kind in {"Task", "Map", "Parallel"}:
            return self._try()
        return self.state.get("Next"), self._finish(self.state, {}, self.data)

    def _states(self, **more: Any) -> dict[str, Any]:
        return {"input": self.data, "context": {**self.context, "State": {"Name": self.name}}, **more}

    def _value(self, key: str, default: Any = None, **more: Any) -> Any:
        variables = {**self.variables, "states": self._states(**more)}
        return evaluate(self.state.get(key, default), variables, self.run.clock)

    def _finish(self, block: Mapping[str, Any], more: dict[str, Any], default: Any) -> Any:
        variables = {**self.variables, "states": self._states(**more)}
        assigned = evaluate(block.get("Assign", {}), variables, self.run.clock)
        output = evaluate(block["Output"], variables, self.run.clock) if "Output" in block else default
        self.variables.update(copy.deepcopy(assigned))
        self._measure(output)
        self._measure(self.variables)
        return output

    def _measure(self, value: Any) -> None:
        self.run.largest = max(self.run.largest, len(json.dumps(value)))

    def _choose(self) -> tuple[str, Any]:
        for choice in self.state["Choices"]:
            condition = evaluate(choice["Condition"], {**self.variables, "states": self._states()}, self.run.clock)
            if not isinstance(condition, bool):
                raise QueryEvaluationError(f"{choice['Condition']} is not true or false")
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
            arguments = self._value("Arguments", self.data)
            self._measure(arguments)
            return self.answer(self.name, arguments)
        if kind == "Parallel":
            return [self._branch(branch, self.data) for branch in self.state["Branches"]]
        items = self._value("Items", self.data)
        selector = self.state.get("ItemSelector")
        return [
            self._branch(self.state["ItemProcessor"], self._item(selector, item, index))
            for index, item in enumerate(items)
        ]

    def _item(self, selector: Any, item: Any, index: int) -> Any:
        if selector is None:
            return item
        states = self._states()
        states["context"]["Map"] = {"Item": {"Value": item, "Index": index}}
        return evaluate(selector, {**self.variables, "states": states}, self.run.clock)

    def _branch(self, branch: Mapping[str, Any], data: Any) -> Any:
        own = copy.deepcopy(self.variables)
        return self.machine._walk(branch, copy.deepcopy(data), own, self.context, self.run, self.answer)

    def _retry(self, error: StateError, attempts: dict[int, int]) -> bool:
        for index, block in enumerate(self.state.get("Retry", [])):
            if _matches(block, error.name):
                made = attempts.get(index, 0)
                if made >= block.get("MaxAttempts", 3):
                    return False
                attempts[index] = made + 1
                delay = block.get("IntervalSeconds", 1) * block.get("BackoffRate", 2.0) ** made
                self.run.clock += min(delay, block.get("MaxDelaySeconds", delay))
                self.run.retries.append((self.name, error.name))
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
