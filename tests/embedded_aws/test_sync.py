"""Does a `.sync` task wait for its child, fail as on AWS, and stop it when it is stopped itself?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.embedded import ALLOW_ALL, Account
from tests.support.polling import until

START = "arn:aws:states:::states:startExecution.sync:2"
LONG = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 5000, "End": True}}}


def _call(child: str, **state: Any) -> dict[str, Any]:
    arguments = {"StateMachineArn": child, "Name": "child", "Input": {"n": 1}}
    return {"Type": "Task", "Resource": START, "Arguments": arguments, "End": True} | state


def _parent(account: Account, child: str, *statements: dict[str, Any], **state: Any) -> str:
    definition = {"StartAt": "Call", "States": {"Call": _call(child, **state)}}
    return account.machine("parent", definition, *statements)


def _child_status(account: Account, child: str) -> str:
    arn = child.replace(":stateMachine:", ":execution:") + ":child"
    listed = account.client("stepfunctions").list_executions(stateMachineArn=child)["executions"]
    return next((found["status"] for found in listed if found["executionArn"] == arn), "")


def test_the_childs_output_arrives_as_a_value(account: Account) -> None:
    echo = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
    child = account.machine("child", echo)

    ended = account.run(_parent(account, child))

    assert ended["output"]["Output"] == {"n": 1}
    assert ended["output"]["Status"] == "SUCCEEDED"


def test_the_history_tells_which_child_was_started(account: Account) -> None:
    echo = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
    child = account.machine("child", echo)
    execution = account.start(_parent(account, child))
    account.wait(execution)

    events = account.client("stepfunctions").get_execution_history(executionArn=execution)["events"]

    (submitted,) = [event["taskSubmittedEventDetails"] for event in events if event["type"] == "TaskSubmitted"]
    assert (submitted["resourceType"], submitted["resource"]) == ("states", "startExecution.sync:2")
    assert json.loads(submitted["output"])["ExecutionArn"].endswith(":child:child")


def test_a_failed_child_is_a_failed_task_with_the_description_as_cause(account: Account) -> None:
    fail = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "StackFailed", "Cause": "no volume"}}}

    ended = account.run(_parent(account, account.machine("child", fail)))

    assert ended["error"] == "States.TaskFailed"
    described = json.loads(ended["cause"])
    assert (described["Error"], described["Cause"], described["Status"]) == ("StackFailed", "no volume", "FAILED")


def test_a_second_start_of_the_same_name_is_refused_by_its_own_error(account: Account) -> None:
    echo = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
    parent = _parent(account, account.machine("child", echo))
    account.run(parent)

    assert account.run(parent)["error"] == "StepFunctions.ExecutionAlreadyExistsException"


def test_stopping_the_parent_stops_the_child(account: Account) -> None:
    child = account.machine("child", LONG)
    execution = account.start(_parent(account, child))
    until(lambda: _child_status(account, child) == "RUNNING", what="the child's start")

    account.client("stepfunctions").stop_execution(executionArn=execution)

    until(lambda: _child_status(account, child) == "ABORTED", what="the child's end")
    assert account.wait(execution)["status"] == "ABORTED"


def test_a_role_that_may_not_stop_executions_leaves_the_child_running(account: Account) -> None:
    child = account.machine("child", LONG)
    denied = {"Effect": "Deny", "Action": "states:StopExecution", "Resource": "*"}
    ended = account.run(_parent(account, child, ALLOW_ALL, denied, TimeoutSeconds=3))

    assert ended["error"] == "States.Timeout"
    assert _child_status(account, child) == "RUNNING"


def test_a_task_that_times_out_stops_its_child(account: Account) -> None:
    child = account.machine("child", LONG)

    ended = account.run(_parent(account, child, TimeoutSeconds=3))

    assert ended["error"] == "States.Timeout"
    until(lambda: _child_status(account, child) == "ABORTED", what="the child's end")


def test_a_failing_branch_stops_the_child_of_the_other(account: Account) -> None:
    child = account.machine("child", LONG)
    fails = {
        "Pause": {"Type": "Wait", "Seconds": 150, "Next": "Fail"},
        "Fail": {"Type": "Fail", "Error": "BuildFailed", "Cause": "exit status 1"},
    }
    branches = [
        {"StartAt": "Call", "States": {"Call": _call(child)}},
        {"StartAt": "Pause", "States": fails},
    ]
    both = {"Type": "Parallel", "Branches": branches, "End": True}

    ended = account.run(account.machine("both", {"StartAt": "Both", "States": {"Both": both}}))

    assert (ended["error"], ended["cause"]) == ("BuildFailed", "exit status 1")
    until(lambda: _child_status(account, child) == "ABORTED", what="the child's end")


@pytest.mark.parametrize("pattern", [".sync", ".sync:2"])
def test_a_cause_is_cut_at_32768_characters(account: Account, pattern: str) -> None:
    fail = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "E"}}}
    child = account.machine("child", fail)
    arguments = {"StateMachineArn": child, "Input": {"text": "x" * 40_000}}

    ended = account.task(f"arn:aws:states:::states:startExecution{pattern}", arguments)

    assert len(ended["cause"]) == 32_768
