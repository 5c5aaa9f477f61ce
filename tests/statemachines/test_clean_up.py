"""Which way does an emptying go, and who is told how it ended?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import definitions
from tests.support.machine import Execution, Machine, StateError

MACHINE = Machine(definitions.definition("clean_up"), "clean_up")
INPUT = {"kind": "bucket", "name": "shoal-genomics", "stackId": "arn:stack", "deadline": "2026-11-24T12:15:30Z"}
SERVING = INPUT | {"answer": "key"}
OPERATING = INPUT | {"operationId": "op-1", "clusterName": "genomics"}
GOING_ON = {"deleted": 5, "emptyLooks": 0, "stuck": 0, "done": False, "waitSeconds": 1, "outcome": ""}
LOOK_AGAIN = GOING_ON | {"emptyLooks": 1, "waitSeconds": 10}
DONE = GOING_ON | {"emptyLooks": 2, "done": True, "outcome": "emptied"}


class Functions:
    """What the functions answer; the payloads of their calls."""

    def __init__(self, *slices: Any, failing: tuple[str, ...] = ()) -> None:
        self.slices: Iterator[Any] = iter(slices)
        self.failing = failing
        self.payloads: list[tuple[str, Any]] = []

    def __call__(self, name: str, arguments: Any) -> Any:
        self.payloads.append((name, arguments["Payload"]))
        if name in self.failing:
            raise StateError("OperationError", '{"errorMessage": "InternalError: expired"}')
        if name in {"Explain Failure", "Answer Failure"}:
            return {"Payload": {"answered": True, "code": "CleanUpIncomplete", "cause": "2 object versions resist"}}
        if name == "Answer Success":
            return {"Payload": {"answered": True}}
        found = next(self.slices)
        if isinstance(found, StateError):
            raise found
        return {"Payload": found}


def run(functions: Functions, data: dict[str, Any] = INPUT) -> Execution:
    return MACHINE.run(data, functions)


def test_it_goes_slice_by_slice_and_looks_twice() -> None:
    done = run(Functions(GOING_ON, LOOK_AGAIN, DONE))
    assert done.status == "SUCCEEDED"
    assert done.path.count("Empty Bucket") == 3
    assert done.clock - 1_795_514_400 == 11
    assert done.output == {"summary": "5 deleted from bucket shoal-genomics", "deleted": 5, "outcome": "emptied"}


def test_each_slice_learns_what_those_before_it_did() -> None:
    functions = Functions(GOING_ON, DONE)
    run(functions)
    assert [payload["progress"] for _, payload in functions.payloads] == [{}, GOING_ON]


def test_a_repository_is_emptied_by_its_own_function() -> None:
    done = run(Functions(DONE), INPUT | {"kind": "repository", "name": "shoal/genomics"})
    assert "Empty Repository" in done.path
    assert "Empty Bucket" not in done.path


def test_a_waiting_stack_hears_of_success() -> None:
    functions = Functions(DONE)
    assert run(functions, SERVING).status == "SUCCEEDED"
    assert functions.payloads[-1] == ("Answer Success", {"answer": "key"})


@pytest.mark.parametrize(("data", "told"), [(SERVING, "Answer Failure"), (OPERATING, "Explain Failure"), (INPUT, None)])
def test_whoever_waits_hears_of_a_failure(data: dict[str, Any], told: str | None) -> None:
    done = run(Functions(StateError("OperationError", "cause")), data)
    assert done.status == "FAILED"
    assert {"Answer Failure", "Explain Failure"} & set(done.path) == ({told} if told else set())


def test_a_failure_ends_with_the_stable_code() -> None:
    done = run(Functions(StateError("OperationError", "cause")), OPERATING)
    assert (done.error, done.cause) == ("CleanUpIncomplete", "2 object versions resist")


@pytest.mark.parametrize("failing", [("Answer Success",), ("Answer Success", "Answer Failure")])
def test_an_answer_that_fails_fails_the_execution(failing: tuple[str, ...]) -> None:
    done = run(Functions(DONE, failing=failing), SERVING)
    assert done.status == "FAILED"
    assert "Answer Failure" in done.path


def test_an_operator_without_a_deadline_gets_six_hours() -> None:
    functions = Functions(DONE)
    run(functions, {key: value for key, value in INPUT.items() if key != "deadline"})
    assert functions.payloads[0][1]["deadline"].startswith("2026-11-24T16:00:00")


def test_the_state_stays_small_over_a_thousand_slices() -> None:
    done = run(Functions(*[GOING_ON | {"deleted": number * 10**6} for number in range(1_000)], DONE))
    assert done.status == "SUCCEEDED"
    assert done.largest < 2_000
