"""Do Python functions behave as under Lambda's own runtime?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.embedded import Account, zipped

RAISES = """
class ClusterBusyError(Exception):
    pass

def handler(event, context):
    raise ClusterBusyError("genomics is busy")
"""
ENVIRONMENT = """
import os, sys, boto3

def handler(event, context):
    return {
        "variables": dict(os.environ), "version": list(sys.version_info[:2]), "function": context.function_name,
        "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis(),
        "who": boto3.client("sts").get_caller_identity()["Arn"],
    }
"""
WRITE = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}


def test_an_exception_arrives_with_its_class_and_stack_trace(account: Account) -> None:
    account.function("busy", RAISES)

    answer = account.invoke("busy")

    assert answer["error"] == "Unhandled"
    assert answer["payload"]["errorType"] == "ClusterBusyError"
    assert answer["payload"]["errorMessage"] == "genomics is busy"
    assert "raise ClusterBusyError" in "".join(answer["payload"]["stackTrace"])


def test_a_module_that_cannot_be_imported_is_an_import_module_error_in_the_log_too(account: Account) -> None:
    account.function("broken", "import nothing_of_that_name\n")

    payload = account.invoke("broken")["payload"]

    assert payload["errorType"] == "Runtime.ImportModuleError"
    lines = account.client("logs").filter_log_events(logGroupName="/aws/lambda/broken")["events"]
    assert any("No module named 'nothing_of_that_name'" in line["message"] for line in lines)


def test_a_function_that_takes_too_long_times_out(account: Account) -> None:
    account.function("slow", "import time\ndef handler(event, context):\n    time.sleep(30)\n", Timeout=1)

    payload = account.invoke("slow")["payload"]

    assert payload["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in payload["errorMessage"]


def test_a_function_sees_lambdas_environment_and_runs_as_its_role(account: Account) -> None:
    arn = account.function("look", ENVIRONMENT, Environment={"Variables": {"BUCKET_NAME": "b", "AWS_REGION": "no"}})

    seen = account.invoke("look")["payload"]

    assert seen["who"] == f"arn:aws:sts::{account.id}:assumed-role/look-role/look"
    assert seen["version"] == [3, 13]
    assert (seen["function"], seen["arn"]) == ("look", arn)
    assert 0 < seen["left"] <= 20_000
    assert seen["variables"]["BUCKET_NAME"] == "b"
    assert seen["variables"]["AWS_REGION"] == "us-east-1"
    assert seen["variables"]["AWS_LAMBDA_FUNCTION_NAME"] == "look"
    assert seen["variables"]["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert "PYTHONDONTWRITEBYTECODE" not in seen["variables"]
    assert "GATEWAY_PORT" not in seen["variables"]


def test_two_functions_share_one_unpacked_layer(account: Account) -> None:
    layer = account.client("lambda").publish_layer_version(
        LayerName="shoal", Content={"ZipFile": zipped({"python/answers.py": "VALUE = 42\n"})}
    )["LayerVersionArn"]
    source = "import answers\ndef handler(event, context):\n    return [answers.VALUE, answers.__file__]\n"
    for name in ("one", "two"):
        account.function(name, source, Layers=[layer])

    answers = [account.invoke(name)["payload"] for name in ("one", "two")]

    assert answers[0][0] == 42
    assert answers[0] == answers[1]


def test_new_code_is_used_after_an_update(account: Account) -> None:
    account.function("versioned", "def handler(event, context):\n    return 1\n")
    assert account.invoke("versioned")["payload"] == 1

    account.client("lambda").update_function_code(
        FunctionName="versioned", ZipFile=zipped({"app.py": "def handler(event, context):\n    return 2\n"})
    )

    assert account.invoke("versioned")["payload"] == 2


@pytest.mark.parametrize(
    ("statements", "group", "expected"),
    [
        pytest.param([WRITE], True, True, id="may write and the group exists"),
        pytest.param([WRITE], False, False, id="may write but not make the group"),
        pytest.param([WRITE | {"Action": "logs:*"}], False, True, id="may make the group"),
        pytest.param([WRITE | {"Action": "s3:GetObject"}], True, False, id="may not write"),
    ],
)
def test_log_lines_arrive_only_where_the_role_lets_them(
    account: Account, statements: list[dict[str, Any]], group: bool, expected: bool
) -> None:
    logs = account.client("logs")
    if group:
        logs.create_log_group(logGroupName="/aws/lambda/talk")
    account.function("talk", "def handler(event, context):\n    print('hello there')\n", *statements)

    account.invoke("talk")

    groups = [found["logGroupName"] for found in logs.describe_log_groups()["logGroups"]]
    lines = logs.filter_log_events(logGroupName="/aws/lambda/talk")["events"] if groups else []
    assert any("hello there" in line["message"] for line in lines) is expected
    assert groups == (["/aws/lambda/talk"] if group or expected else [])
