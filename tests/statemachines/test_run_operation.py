"""What does a user read when the front door itself does not work?"""

from __future__ import annotations

import pytest

from tests.statemachines.checks import Subject
from tests.statemachines.scenario import Fault
from tests.support.execution import StateError

SUBJECT = Subject.of("run_operation")


@pytest.mark.parametrize("task", ["Begin Operation", "Answer Query", "Record Success", "Record Failure"])
def test_a_front_door_that_does_not_work_names_the_state_and_the_error(task: str) -> None:
    scenario, _ = next(SUBJECT.entering(task))
    execution = SUBJECT.run(scenario, Fault(task, StateError("Lambda.Unknown", "a long stack trace")))
    assert execution.error == "InternalError"
    assert execution.cause.startswith(f"{task} failed with Lambda.Unknown; ")
