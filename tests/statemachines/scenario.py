"""One way through a state machine, as data: the input, what each Task answers, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shoal.errors import OperationError, RetryableError
from shoal.failure import explain
from tests.support import definitions
from tests.support.machine import Lasting, StateError

MINUTES = 60.0
HOURS = 3600.0
FOR_EVER = 10**9
"""Calls, or seconds."""


@dataclass(frozen=True)
class Took:
    """An answer that comes after some seconds."""

    seconds: float
    answer: Any


@dataclass(frozen=True)
class Scenario:
    """One way through a state machine."""

    name: str
    input: Mapping[str, Any]
    answers: Mapping[str, Any]
    """By Task what the function, the child or the service returns.

    A list is for successive calls, its last item for all that follow; a `StateError` is raised; a function is called
    with what the Task sends and the virtual time, and may raise what a Lambda function raises.
    """
    status: str = "SUCCEEDED"
    error: str = ""
    """The code that a failed execution ends with."""
    output: Mapping[str, Any] = field(default_factory=dict)
    """Some of what a successful one answers."""
    enters: tuple[str, ...] = ()
    """States that this is about, in the order in which they are entered."""
    never: tuple[str, ...] = ()
    """States that are not entered here, whatever fails."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """How often some Tasks are called when nothing fails."""


@dataclass(frozen=True)
class FailurePaths:
    """What follows on a Task that has failed for good."""

    usual: tuple[str, ...]
    """States entered in this order after most Tasks."""
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same for the Tasks after which it is different."""
    survives: Mapping[str, str] = field(default_factory=dict)
    """Tasks of which one failure is no failure of the machine, each with the reason."""
    tolerated: Mapping[str, str] = field(default_factory=dict)
    """Tasks that may fail for ever without a failure of the machine, each with the reason."""
    compensation: str | None = None
    """The Task that undoes what was done; it is tried even when the one that records the failure fails."""

    def after(self, task: str, never: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The states after a Task's failure, without those that a scenario does not enter."""
        return tuple(name for name in self.others.get(task, self.usual) if name not in never)


def refused(code: str, message: str) -> StateError:
    """A function raised an `OperationError`, as its machine sees it."""
    told = {"errorMessage": f"{code}: {message}", "errorType": "OperationError", "stackTrace": []}
    return StateError("OperationError", json.dumps(told))


def child_failed(code: str, cause: str) -> StateError:
    """A child execution failed, as its parent sees it."""
    return StateError(
        "States.TaskFailed", json.dumps({"Name": "op-1", "Status": "FAILED", "Error": code, "Cause": cause})
    )


def explained(payload: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
    """What `explain_failure` answers where the ledger knows no earlier cause."""
    return explain(payload["failure"]).to_item()


@dataclass
class Fault:
    """What goes wrong beside the scenario."""

    task: str
    error: StateError | None
    """None: there is never an answer, and the Task gives up after its `TimeoutSeconds`."""
    times: int = 1
    """Calls in a row that fail."""
    call: int = 0
    """The first call that fails."""

    def strikes(self, task: str, call: int) -> bool:
        """Whether this call fails."""
        return task == self.task and self.call <= call < self.call + self.times


class Script:
    """Answers a machine's Tasks as a scenario says, in the form that their integrations have."""

    def __init__(self, definition: Mapping[str, Any], scenario: Scenario, *faults: Fault) -> None:
        self.tasks = definitions.tasks(definition)
        self.scenario, self.faults = scenario, faults
        self.made: dict[str, int] = {}
        self.answered: dict[str, int] = {}

    def __call__(self, task: str, arguments: Any) -> Any:
        call = self.made.get(task, 0)
        self.made[task] = call + 1
        for fault in self.faults:
            if fault.strikes(task, call):
                return _failing(fault)
        if task not in self.scenario.answers:
            raise AssertionError(f"the scenario '{self.scenario.name}' has no answer for {task}")
        return self._answer(task, self._next(task), arguments)

    def _next(self, task: str) -> Any:
        answer = self.scenario.answers[task]
        if not isinstance(answer, list):
            return answer
        number = self.answered.get(task, 0)
        self.answered[task] = number + 1
        return answer[min(number, len(answer) - 1)]

    def _answer(self, task: str, answer: Any, arguments: Any) -> Any:
        took = answer if isinstance(answer, Took) else Took(0, answer)
        resource = str(self.tasks[task]["Resource"])
        return Lasting(took.seconds, lambda now: _in_form(resource, _called(took.answer, _sent(arguments), now)))


def _failing(fault: Fault) -> Any:
    if fault.error is None:
        return Lasting(FOR_EVER, lambda _now: None)
    raise fault.error


def _sent(arguments: Mapping[str, Any]) -> Any:
    return arguments.get("Payload", arguments.get("Input", arguments))


def _called(answer: Any, sent: Any, now: float) -> Any:
    if isinstance(answer, StateError):
        raise answer
    if not callable(answer):
        return answer
    try:
        return answer(sent, datetime.fromtimestamp(now, UTC))
    except OperationError as error:
        raise refused(error.code, error.message) from error
    except (RetryableError, KeyError, TypeError) as error:
        raise StateError(type(error).__name__, json.dumps({"errorMessage": str(error)})) from error


def _in_form(resource: str, answer: Any) -> Any:
    if resource.endswith("lambda:invoke"):
        return {"ExecutedVersion": "$LATEST", "Payload": answer, "StatusCode": 200}
    if resource.endswith("startExecution.sync:2"):
        return {"Name": "op-1", "Status": "SUCCEEDED", "Output": answer}
    return answer
