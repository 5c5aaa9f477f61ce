"""Does the search for leftovers wait, delete what a failed create made, and end?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import definitions
from tests.support.machine import Execution, Machine, StateError

MACHINE = Machine(definitions.definition("remove_leftovers"), "remove_leftovers")
INPUT = {"operationId": "op-1", "clusterName": "genomics", "stackId": "arn:stack", "discard": False}
REPORT = {"summary": "The cluster genomics is deleted.", "removed": 40, "kept": []}


def found(following: str) -> dict[str, Any]:
    return {"next": following, "waitSeconds": 5, "report": REPORT}


def run(*answers: Any, discard: bool = False) -> Execution:
    looks = iter(answers)

    def answer(name: str, arguments: Any) -> Any:
        if name == "Explain Failure":
            return {"Payload": {"code": "LeftoversFound", "cause": "vol-1 is still there"}}
        if name == "Delete Leftovers":
            return {"Payload": {"deleted": 1}}
        assert arguments["Payload"]["since"] == "2026-11-24T10:00:00.000Z"
        look = next(looks)
        if isinstance(look, StateError):
            raise look
        return {"Payload": look}

    return MACHINE.run(INPUT | {"discard": discard}, answer)


def test_one_look_is_enough_when_nothing_is_left() -> None:
    done = run(found("done"))
    assert (done.status, done.output) == ("SUCCEEDED", REPORT)
    assert done.path == ["Find Leftovers", "Is Anything Left?", "Nothing Left"]


def test_what_is_on_its_way_out_is_waited_for() -> None:
    done = run(found("wait"), found("wait"), found("done"))
    assert done.path.count("Wait For AWS") == 2
    assert "Delete Leftovers" not in done.path


def test_what_a_failed_create_made_is_deleted_and_looked_for_again() -> None:
    done = run(found("delete"), found("done"), discard=True)
    assert done.path.index("Delete Leftovers") < done.path.index("Wait For AWS")
    assert done.path.count("Find Leftovers") == 2


@pytest.mark.parametrize("discard", [False, True])
def test_leftovers_fail_the_deletion(discard: bool) -> None:
    done = run(found("wait"), StateError("OperationError", "{}"), discard=discard)
    assert (done.status, done.error, done.cause) == ("FAILED", "LeftoversFound", "vol-1 is still there")
