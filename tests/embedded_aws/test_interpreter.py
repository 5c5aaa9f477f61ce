"""Does the interpreter retry, catch, scope and limit as AWS's does?"""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.machines.interpreter import matches, pause
from tests.support.embedded import Account

END = {"Type": "Succeed"}


def _run(account: Account, states: dict[str, Any], data: object = None) -> dict[str, Any]:
    return account.run(account.machine("machine", {"StartAt": next(iter(states)), "States": states}), data)


@pytest.mark.parametrize(
    ("names", "error", "expected"),
    [
        (["States.ALL"], "Anything", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.Runtime"], "States.Runtime", False),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.TaskFailed"], "RetryableError", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["RetryableError"], "OperationError", False),
    ],
)
def test_errors_match_as_the_states_language_says(names: list[str], error: str, expected: bool) -> None:
    assert matches(names, error) is expected


@pytest.mark.parametrize(("retries", "seconds"), [(0, 2), (1, 4), (4, 32), (5, 60), (9, 60)])
def test_pauses_grow_up_to_max_delay_seconds(retries: int, seconds: float) -> None:
    assert pause({"IntervalSeconds": 2, "BackoffRate": 2, "MaxDelaySeconds": 60}, retries) == seconds


def test_without_max_delay_seconds_pauses_have_no_cap() -> None:
    assert pause({"IntervalSeconds": 2, "BackoffRate": 2}, 9) == 1024


def test_many_retries_with_a_cap_end_in_time(account: Account) -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1000, "MaxDelaySeconds": 1, "MaxAttempts": 60}
    call = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "absent"}}

    ended = _run(account, {"Call": call | {"Retry": [retry | {"JitterStrategy": "FULL"}], "End": True}})

    assert ended["error"] == "Lambda.ResourceNotFoundException"


def test_the_output_of_succeed_is_honoured(account: Account) -> None:
    ended = _run(account, {"Done": {"Type": "Succeed", "Output": {"n": "{% $states.input.n + 1 %}"}}}, {"n": 1})

    assert ended["output"] == {"n": 2}


def test_a_branch_sees_outer_variables_and_keeps_its_own(account: Account) -> None:
    branch = {
        "Inner": {"Type": "Pass", "Assign": {"seen": "{% $seen & '!' %}"}, "Next": "Show"},
        "Show": {"Type": "Pass", "Output": "{% $seen %}", "End": True},
    }
    states = {
        "Outer": {"Type": "Pass", "Assign": {"seen": "outer"}, "Next": "Both"},
        "Both": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "Inner", "States": branch}] * 2,
            "Assign": {"branches": "{% $states.result %}"},
            "Next": "Compare",
        },
        "Compare": {"Type": "Pass", "Output": {"mine": "{% $seen %}", "theirs": "{% $branches %}"}, "End": True},
    }

    assert _run(account, states)["output"] == {"mine": "outer", "theirs": ["outer!", "outer!"]}


def test_a_parallel_state_has_arguments_and_output(account: Account) -> None:
    echo = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
    both = {
        "Type": "Parallel",
        "Branches": [echo, echo],
        "Arguments": {"n": "{% $states.input.n * 2 %}"},
        "Output": {"sum": "{% $sum($states.result.n) %}", "kept": "{% $states.input %}"},
        "End": True,
    }

    assert _run(account, {"Both": both}, {"n": 1})["output"] == {"sum": 4, "kept": {"n": 1}}


def test_a_failed_branch_is_retried_with_the_whole_state_and_then_caught(account: Account) -> None:
    fail = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "E", "Cause": "why"}}}
    both = {
        "Type": "Parallel",
        "Branches": [fail],
        "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 2, "IntervalSeconds": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Done"}],
        "End": True,
    }

    assert _run(account, {"Both": both, "Done": END})["output"] == {"Error": "E", "Cause": "why"}


def test_a_task_timeout_may_be_an_expression(account: Account) -> None:
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets",
        "Arguments": {},
        "TimeoutSeconds": "{% $states.input.seconds %}",
        "Output": "done",
        "End": True,
    }

    assert _run(account, {"Call": call}, {"seconds": 20})["output"] == "done"


def test_a_state_output_above_the_limit_fails_the_execution(account: Account) -> None:
    grow = {"Type": "Pass", "Output": "{% [1..300] ~> $map(function($i) { $pad('', 1000, 'x') }) %}", "End": True}

    assert _run(account, {"Grow": grow})["error"] == "States.DataLimitExceeded"
