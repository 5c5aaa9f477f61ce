"""Are executions started, described and ended as on AWS?"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from embedded_aws.machines.executions import refusal
from tests.support.embedded import Account
from tests.support.polling import until

ECHO = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 5000, "End": True}}}


def test_an_input_above_256_kib_is_refused(account: Account) -> None:
    machine = account.machine("echo", ECHO)

    with pytest.raises(ClientError, match="less than or equal to 262144"):
        account.start(machine, "x" * 262_144)


def test_an_input_of_exactly_256_kib_is_accepted() -> None:
    assert refusal({"input": '"' + "x" * 262_142 + '"'}) is None


@pytest.mark.parametrize("name", ["a" * 81, "with space", "with:colon", ""])
def test_a_name_that_aws_refuses_is_refused(name: str) -> None:
    assert refusal({"name": name, "input": "{}"}) == ("InvalidName", f"Invalid Name: '{name}'")


def test_an_input_that_is_not_json_is_refused() -> None:
    found = refusal({"input": "{"})

    assert found is not None
    assert found[0] == "InvalidExecutionInput"


def test_a_second_start_with_name_and_input_of_a_running_execution_answers_like_the_first(account: Account) -> None:
    machine = account.machine("wait", WAIT)

    first = account.start(machine, {"n": 1}, name="once")

    assert account.start(machine, {"n": 1}, name="once") == first


def test_a_second_start_with_another_input_is_refused(account: Account) -> None:
    machine = account.machine("wait", WAIT)
    account.start(machine, {"n": 1}, name="once")

    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        account.start(machine, {"n": 2}, name="once")


def test_a_second_start_after_the_end_is_refused(account: Account) -> None:
    machine = account.machine("echo", ECHO)
    account.run(machine, {"n": 1}, name="once")

    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        account.start(machine, {"n": 1}, name="once")


def test_a_failed_execution_has_error_and_cause_and_no_output(account: Account) -> None:
    fail = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "E", "Cause": "why"}}}

    ended = account.run(account.machine("fail", fail))

    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "E", "why")
    assert "output" not in ended


def test_a_machines_timeout_ends_the_execution(account: Account) -> None:
    assert account.run(account.machine("slow", WAIT | {"TimeoutSeconds": 1}))["status"] == "TIMED_OUT"


def test_a_stopped_execution_stays_aborted_though_its_task_fails_later(account: Account) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(1)\n    raise RuntimeError('late')\n"
    arguments = {"FunctionName": account.function("late", source)}
    call = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments, "End": True}
    execution = account.start(account.machine("stopped", {"StartAt": "Call", "States": {"Call": call}}))
    states = account.client("stepfunctions")

    def happened(kind: str) -> bool:
        events = states.get_execution_history(executionArn=execution)["events"]
        return any(event["type"] == kind for event in events)

    until(lambda: happened("TaskScheduled"), what="the task's start")
    states.stop_execution(executionArn=execution)
    until(lambda: happened("TaskFailed"), what="the function's end")

    ended = account.wait(execution)
    assert (ended["status"], ended.get("error")) == ("ABORTED", None)
