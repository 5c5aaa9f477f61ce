"""Which states an operation is in, read from the histories of its execution and of all that it started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from shoal_cli.following import Following, State
from shoal_cli.progress import SHOWN, shown

RECORDED: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "events/execution_histories_of_an_update.json").read_text()
)
ROOT = next(iter(RECORDED))
BEGAN = datetime.fromisoformat(RECORDED[ROOT][0]["timestamp"])
LONGEST = 200
"""Events of a history, more than any recorded one has."""


@pytest.fixture
def states() -> Iterator[Stubber]:
    client = boto3.client("stepfunctions", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        yield stubber


def answers(states: Stubber, arn: str, events: list[dict[str, Any]]) -> None:
    """The next question about an execution's history is answered with these events."""
    stamped = [event | {"timestamp": datetime.fromisoformat(event["timestamp"])} for event in events]
    asked = {"executionArn": arn, "includeExecutionData": True, "maxResults": 1000}
    states.add_response("get_execution_history", {"events": stamped}, asked)


def read_up_to(states: Stubber, following: Following, until: dict[str, int]) -> None:
    """One round of reading, in which each history is known up to a number of events."""
    for arn, number in until.items():
        answers(states, arn, RECORDED[arn][:number])
    following.read()
    states.assert_no_pending_responses()


def names(following: Following) -> list[tuple[str, str]]:
    return [(state.machine, state.name) for state in following.states]


def test_children_of_children_are_followed_in_the_same_round(states: Stubber) -> None:
    following = Following(states.client, ROOT)
    read_up_to(states, following, dict.fromkeys(RECORDED, LONGEST))
    assert {state.execution for state in following.states} == set(RECORDED)
    assert ("shoal-deploy-stack", "Execute Change Set") in names(following)


def test_nothing_runs_any_more_in_an_execution_that_has_ended(states: Stubber) -> None:
    following = Following(states.client, ROOT)
    read_up_to(states, following, dict.fromkeys(RECORDED, LONGEST))
    assert [state for state in following.states if state.left is None] == []


def test_a_state_that_was_entered_and_not_left_is_running(states: Stubber) -> None:
    following = Following(states.client, ROOT)
    read_up_to(states, following, {ROOT: 2})
    assert [(state.name, state.left) for state in following.states] == [("Begin Operation", None)]


def test_what_was_read_is_not_read_again(states: Stubber) -> None:
    following = Following(states.client, ROOT)
    read_up_to(states, following, {ROOT: 4})
    read_up_to(states, following, {ROOT: 5})
    assert names(following) == [
        ("shoal-run-operation", "Begin Operation"),
        ("shoal-run-operation", "What Was Asked?"),
    ]
    assert all(state.left for state in following.states)


def test_an_execution_that_has_ended_is_not_asked_for_again(states: Stubber) -> None:
    following = Following(states.client, ROOT)
    read_up_to(states, following, dict.fromkeys(RECORDED, LONGEST))
    read_up_to(states, following, {})


def test_a_state_that_is_entered_again_leaves_its_first_visit_alone(states: Stubber) -> None:
    following = Following(states.client, ROOT)
    read_up_to(states, following, dict.fromkeys(RECORDED, LONGEST))
    visits = [state for state in following.states if state.name == "Observe Stack"]
    assert len(visits) > 2
    assert all(state.left and state.left >= state.entered for state in visits)


def test_the_end_of_an_execution_closes_what_it_never_left(states: Stubber) -> None:
    following = Following(states.client, ROOT)
    aborted = {"id": 3, "type": "ExecutionAborted", "timestamp": (BEGAN + timedelta(seconds=9)).isoformat()}
    answers(states, ROOT, [*RECORDED[ROOT][:2], aborted])
    following.read()
    assert [state.left for state in following.states] == [BEGAN + timedelta(seconds=9)]


def state(name: str, second: int, *, left: bool = True, kind: str = "Task", execution: str = ROOT) -> State:
    entered = BEGAN + timedelta(seconds=second)
    return State(execution, kind, name, entered, entered if left else None)


def test_the_screen_shows_a_state_of_a_loop_once_as_it_was_last_entered() -> None:
    laps = [state("Observe", second) for second in range(30)]
    assert shown(laps) == [laps[-1]]


def test_the_screen_leaves_out_what_takes_no_time() -> None:
    assert shown([state("Which?", 0, kind="Choice"), state("Note", 1, kind="Pass")]) == []


def test_the_screen_always_shows_what_runs_however_much_came_after_it() -> None:
    waiting = state("Run Operation", 0, left=False)
    later = [state(f"State {second}", second) for second in range(1, 40)]
    on_screen = shown([waiting, *later])
    assert on_screen[0] == waiting
    assert on_screen[1:] == later[1 - SHOWN :]


def test_the_screen_shows_more_than_its_lines_when_more_runs() -> None:
    running = [state(f"State {second}", second, left=False) for second in range(SHOWN + 3)]
    assert shown([*running, state("Ended", 99)]) == running


def test_two_executions_of_one_machine_are_told_apart() -> None:
    other = f"{ROOT}-other"
    both = [state("Observe", 0), state("Observe", 1, execution=other)]
    assert shown(both) == both
