"""Do tasks of state machines call AWS under the machine's role, and fail as on AWS?"""

from __future__ import annotations

import json

import pytest

from embedded_aws.process import Server
from tests.support.embedded import ALLOW_ALL, Account

INVOKE = "arn:aws:states:::lambda:invoke"
START = "arn:aws:states:::states:startExecution.sync:2"


def test_an_sdk_call_answers_in_pascal_case(account: Account) -> None:
    account.client("s3").create_bucket(Bucket=f"data-{account.id}")

    ended = account.task("arn:aws:states:::aws-sdk:s3:listBuckets", {})

    assert ended["output"]["Buckets"][0]["Name"] == f"data-{account.id}"


def test_a_call_that_the_role_may_not_make_fails_the_task(account: Account) -> None:
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}

    ended = account.task("arn:aws:states:::aws-sdk:cloudformation:describeStacks", {}, allowed)

    assert ended["status"] == "FAILED"
    assert ended["error"] == "CloudFormation.CloudFormationException"
    assert "cloudformation:DescribeStacks" in ended["cause"]


def test_an_unknown_field_is_a_runtime_error_that_no_catch_sees(account: Account) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    call = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "Arguments": {"Bukkit": "b"}}
    states = {"Call": call | {"Catch": catch, "End": True}, "Caught": {"Type": "Succeed"}}

    ended = account.run(account.machine("strict", {"StartAt": "Call", "States": states}))

    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert "Bukkit" in ended["cause"]


def test_a_function_gets_the_payload_and_its_answer_comes_back_as_a_value(account: Account) -> None:
    function = account.function("double", "def handler(event, context):\n    return {'twice': 2 * event['n']}\n")

    ended = account.task(INVOKE, {"FunctionName": function, "Payload": {"n": 21}})

    assert ended["output"]["Payload"] == {"twice": 42}
    assert ended["output"]["StatusCode"] == 200


def test_an_exception_of_a_function_is_caught_by_its_class(account: Account) -> None:
    source = "class RetryableError(Exception): pass\ndef handler(event, context):\n    raise RetryableError('later')\n"
    function = account.function("later", source)

    ended = account.task(INVOKE, {"FunctionName": function, "Payload": {}})

    assert ended["error"] == "RetryableError"
    assert json.loads(ended["cause"])["errorMessage"] == "later"


def test_a_function_that_the_role_may_not_invoke_is_a_lambda_exception(account: Account) -> None:
    function = account.function("closed", "def handler(event, context):\n    return 1\n")

    ended = account.task(INVOKE, {"FunctionName": function}, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})

    assert ended["error"] == "Lambda.AWSLambdaException"
    assert "lambda:InvokeFunction" in ended["cause"]


def test_an_absent_function_is_named(account: Account) -> None:
    function = f"arn:aws:lambda:us-east-1:{account.id}:function:absent"

    assert account.task(INVOKE, {"FunctionName": function})["error"] == "Lambda.ResourceNotFoundException"


def test_a_result_above_the_limit_is_a_data_limit_error_that_states_all_does_not_catch(account: Account) -> None:
    function = account.function("large", "def handler(event, context):\n    return 'x' * 300_000\n")
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    call = {"Type": "Task", "Resource": INVOKE, "Arguments": {"FunctionName": function}, "Catch": catch, "End": True}
    definition = {"StartAt": "Call", "States": {"Call": call, "Caught": {"Type": "Succeed"}}}

    ended = account.run(account.machine("limited", definition))

    assert ended["error"] == "States.DataLimitExceeded"


@pytest.mark.parametrize("times", [1, 2])
def test_a_planted_fault_fails_as_often_as_it_says(server: Server, account: Account, times: int) -> None:
    rule = {"service": "s3", "action": "listBuckets", "error": "SlowDown", "times": times, "account": account.id}
    server.call("POST", "/_shoal/faults", {"rules": [rule]})
    retry = [{"ErrorEquals": ["S3.S3Exception"], "MaxAttempts": 1, "IntervalSeconds": 1}]

    ended = account.task("arn:aws:states:::aws-sdk:s3:listBuckets", {}, ALLOW_ALL, Retry=retry)

    assert ended["status"] == ("SUCCEEDED" if times == 1 else "FAILED")


def test_a_planted_error_with_a_dot_is_the_tasks_error_as_it_stands(server: Server, account: Account) -> None:
    rule = {"service": "s3", "action": "listBuckets", "error": "States.TaskFailed", "account": account.id}
    server.call("POST", "/_shoal/faults", {"rules": [rule]})

    assert account.task("arn:aws:states:::aws-sdk:s3:listBuckets", {})["error"] == "States.TaskFailed"


def test_a_fault_for_other_arguments_is_not_triggered(server: Server, account: Account) -> None:
    rule = {"service": "s3", "action": "listBuckets", "error": "SlowDown", "match": "other", "account": account.id}
    server.call("POST", "/_shoal/faults", {"rules": [rule]})

    assert account.task("arn:aws:states:::aws-sdk:s3:listBuckets", {})["status"] == "SUCCEEDED"
