"""Is the first thing that went wrong found, and told in one line?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.error_page import errors_page
from shoal.errors import ErrorCode
from shoal.failure import LONGEST_CAUSE, explain, first_failure

STACK_ID = "arn:aws:cloudformation:us-east-1:111111111111:stack/shoal-cluster-genomics/0a1b2c3d"


def event(name: str, status: str, reason: str = "", kind: str = "AWS::Batch::JobQueue") -> dict[str, Any]:
    return {
        "LogicalResourceId": name,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "StackId": STACK_ID,
    }


def stack_event(status: str, reason: str = "") -> dict[str, Any]:
    return event("shoal-cluster-genomics", status, reason, "AWS::CloudFormation::Stack")


FAILED_CREATE = [
    stack_event("CREATE_IN_PROGRESS"),
    event("Bucket", "CREATE_COMPLETE", kind="AWS::S3::Bucket"),
    event(
        "QueueMain",
        "CREATE_FAILED",
        'Resource handler returned message: "CE is INVALID (Service: Batch, Status Code: 400, Request ID: 12-ab)" '
        "(RequestToken: 34-cd, HandlerErrorCode: GeneralServiceException)",
    ),
    event("HeadNode", "CREATE_FAILED", "Resource creation cancelled", "AWS::EC2::Instance"),
    stack_event("CREATE_FAILED", "The following resource(s) failed to create: [QueueMain, HeadNode]."),
]


def caught(error: str, cause: str = "", state: str = "Observe Stack") -> dict[str, str]:
    return {"state": state, "error": error, "cause": cause}


def operation_error(message: str) -> dict[str, str]:
    details = {"errorMessage": message, "errorType": "OperationError", "requestId": "1", "stackTrace": ["..."]}
    return caught("OperationError", json.dumps(details))


def test_a_stacks_failure_is_told_by_its_first_failed_resource() -> None:
    failure = explain(operation_error("StackFailed: the stack is CREATE_FAILED: ..."), FAILED_CREATE, "https://console")
    assert failure.code == "StackFailed"
    assert failure.resource == "QueueMain"
    assert failure.cause == "QueueMain (AWS::Batch::JobQueue) is CREATE_FAILED: CE is INVALID"
    assert failure.link == "https://console"


def test_cancelled_siblings_and_the_stacks_own_summary_are_consequences() -> None:
    first = first_failure([*FAILED_CREATE[3:], *FAILED_CREATE[:3]])
    assert first is not None
    assert first["LogicalResourceId"] == "QueueMain"


def test_the_stacks_own_reason_is_told_when_no_resource_has_one() -> None:
    events = [stack_event("CREATE_IN_PROGRESS"), stack_event("CREATE_FAILED", "The template is too strange")]
    failure = explain(operation_error("StackFailed: the stack is CREATE_FAILED"), events)
    assert "too strange" in failure.cause


def test_an_operation_without_failures_has_no_first_one() -> None:
    assert first_failure([stack_event("CREATE_IN_PROGRESS"), stack_event("CREATE_COMPLETE")]) is None


def test_a_deadline_is_told_by_the_resource_that_failed_before_it() -> None:
    failure = explain(caught("DeadlineExceeded", "The deadline passed"), FAILED_CREATE)
    assert (failure.code, failure.resource) == ("StackFailed", "QueueMain")


@pytest.mark.parametrize(
    ("given_", "code", "part"),
    [
        (operation_error("InvalidConfiguration: Image.Os is wrong: x"), "InvalidConfiguration", "Image.Os is wrong: x"),
        (operation_error("Nonsense: text"), "InternalError", "Nonsense: text"),
        (caught("DeadlineExceeded", "too late"), "DeadlineExceeded", "too late"),
        (caught("UpdateRefused", "HeadNode.InstanceType ..."), "UpdateRefused", "HeadNode.InstanceType"),
        (caught("States.Timeout", "", "Plan Cluster"), "DeadlineExceeded", "Plan Cluster took longer"),
        (
            caught("CloudFormation.AlreadyExistsException", "Stack [x] already exists"),
            "ClusterExists",
            "already exists",
        ),
        (
            caught(
                "CloudFormation.CloudFormationException", "Template error (Service: CloudFormation, Status Code: 400)"
            ),
            "StackFailed",
            "Template error",
        ),
        (
            caught("KeyError", json.dumps({"errorMessage": "'site'", "errorType": "KeyError"}), "Plan Cluster"),
            "InternalError",
            "Plan Cluster failed with KeyError: 'site'",
        ),
        (
            caught("RetryableError", json.dumps({"errorMessage": "ec2 answered Throttling"})),
            "InternalError",
            "ec2 answered",
        ),
        (
            caught("States.TaskFailed", json.dumps({"Status": "ABORTED", "Name": "op-1-deploy"}), "Deploy Stack"),
            "InternalError",
            "the execution op-1-deploy ended ABORTED",
        ),
        (
            caught("States.TaskFailed", json.dumps({"Status": "FAILED", "Error": "BuildFailed", "Cause": "exit 1"})),
            "BuildFailed",
            "exit 1",
        ),
        (caught("States.TaskFailed", '{"Status": "FAILED", "Cau'), "InternalError", "States.TaskFailed"),
        (caught("Lambda.Unknown", "[1]"), "InternalError", "Lambda.Unknown: [1]"),
    ],
)
def test_what_a_catch_saw_becomes_a_stable_code_and_a_reason(given_: dict[str, str], code: str, part: str) -> None:
    failure = explain(given_)
    assert failure.code == code
    assert part in failure.cause


@pytest.mark.parametrize(
    "noise",
    [
        "(Service: CloudFormation, Status Code: 400, Request ID: 1)",
        "(HandlerErrorCode: GeneralServiceException)",
        "(Error Code: RepositoryAlreadyExistsException)",
        "(Service: Ecr, Status Code: 400, Request ID: 2) (SDK Attempt Count: 1)",
    ],
)
def test_a_failure_of_aws_loses_its_request_ids(noise: str) -> None:
    failure = explain(caught("CloudFormation.CloudFormationException", f"No such thing {noise}", "Create Stack"))
    assert failure.cause == "Create Stack: No such thing"


@given(st.text(), st.text(), st.text())
def test_every_failure_has_a_code_of_ours_and_one_line(state: str, error: str, cause: str) -> None:
    failure = explain({"state": state, "error": error, "cause": cause})
    assert failure.code in set(ErrorCode)
    assert len(failure.cause) <= LONGEST_CAUSE
    assert len(failure.cause.splitlines()) <= 1


def test_the_ledger_keeps_only_what_is_known() -> None:
    assert set(explain(caught("UpdateRefused", "x")).to_item()) == {"code", "cause", "nextAction"}


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_meaning_and_something_to_do(code: ErrorCode) -> None:
    (row,) = [line for line in errors_page().splitlines() if line.startswith(f"| `{code}` |")]
    _, _, meaning, action, _ = (cell.strip() for cell in row.split("|"))
    assert meaning.endswith(".")
    assert action.endswith(".")
