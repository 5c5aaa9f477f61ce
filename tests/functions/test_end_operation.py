"""Is an outcome recorded once, the cluster kept or forgotten, and the lock released?"""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.begin_operation.app import handler as begin
from functions.end_operation.app import handler
from shoal.aws import dynamodb
from tests.support.clusters import configuration

STACK = "shoal-cluster-genomics"
FACTS = {"stackId": "arn:stack", "kind": "awsbatch", "imageTag": "t"}


def started(operation: str, context: LambdaContext, **fields: Any) -> str:
    data: dict[str, Any] = {"operation": operation, "clusterName": "genomics"}
    data |= {"clusterConfiguration": configuration()} if operation in {"create", "update", "plan"} else {}
    arn = f"arn:aws:states:us-east-1:123456789012:execution:shoal-run-operation:{operation}"
    event = {"input": data | fields, "executionArn": arn, "startedAt": "2026-11-24T10:15:30Z"}
    return str(begin(event, context)["child"]["operationId"])


def end(operation_id: str, context: LambdaContext, **outcome: Any) -> dict[str, Any]:
    return handler({"clusterName": "genomics", "operationId": operation_id} | outcome, context)


def make_stack() -> None:
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(template))


def created(context: LambdaContext) -> None:
    make_stack()
    end(started("create", context), context, result={"summary": "done", "cluster": FACTS})


def test_a_created_cluster_is_registered_and_its_lock_released(context: LambdaContext) -> None:
    created(context)
    cluster = dynamodb.read_cluster("genomics") or {}
    assert (cluster["status"], cluster["imageTag"]) == ("CREATE_COMPLETE", "t")
    assert "holder" not in (dynamodb.read_lock("genomics") or {})


def test_a_failed_creation_that_left_no_stack_is_forgotten(context: LambdaContext) -> None:
    answer = end(started("create", context), context, failure={"state": "Run", "error": "States.TaskFailed"})
    assert answer["failure"]["code"] == "InternalError"
    assert dynamodb.read_cluster("genomics") is None


def test_a_failed_creation_that_left_a_stack_is_remembered(context: LambdaContext) -> None:
    make_stack()
    end(started("create", context), context, failure={"state": "Run", "error": "States.TaskFailed"})
    assert (dynamodb.read_cluster("genomics") or {})["status"] == "CREATE_FAILED"


def test_the_recorded_root_cause_is_the_one_that_is_told(context: LambdaContext) -> None:
    identity = started("create", context)
    dynamodb.record_failure("genomics", identity, {"code": "StackFailed", "cause": "no such key"})
    dynamodb.record_failure("genomics", identity, {"code": "InternalError", "cause": "a consequence"})
    answer = end(identity, context, failure={"state": "Run", "error": "States.TaskFailed"})
    assert answer["failure"] == {"code": "StackFailed", "cause": "no such key", "line": "no such key"}


def test_a_second_try_answers_the_same(context: LambdaContext) -> None:
    make_stack()
    identity, result = started("create", context), {"summary": "done", "cluster": FACTS}
    assert end(identity, context, result=result) == end(identity, context, result=result)


def test_a_deleted_cluster_is_forgotten(context: LambdaContext) -> None:
    created(context)
    boto3.client("cloudformation").delete_stack(StackName=STACK)
    end(started("delete", context), context, result={"summary": "gone"})
    assert dynamodb.read_cluster("genomics") is None


def test_a_failed_deletion_keeps_the_cluster(context: LambdaContext) -> None:
    created(context)
    end(started("delete", context), context, failure={"state": "Run", "error": "States.TaskFailed"})
    assert (dynamodb.read_cluster("genomics") or {})["status"] == "DELETE_FAILED"


def test_a_dry_run_is_recorded_and_changes_no_cluster(context: LambdaContext) -> None:
    identity = started("plan", context)
    end(identity, context, result={"summary": "34 resources"})
    assert (dynamodb.read_operation("genomics", identity) or {})["status"] == "SUCCEEDED"
    assert dynamodb.read_cluster("genomics") is None


def test_an_operation_is_counted_once_by_its_kind_and_never_by_its_cluster(
    context: LambdaContext, capsys: pytest.CaptureFixture[str]
) -> None:
    make_stack()
    identity, result = started("create", context), {"summary": "done", "cluster": FACTS}
    end(identity, context, result=result)
    end(identity, context, result=result)
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [item["_aws"]["CloudWatchMetrics"][0]["Dimensions"] for item in written] == [[["operation"]]]
    assert written[0]["OperationSucceeded"] == [1.0]


def test_an_operation_that_the_ledger_does_not_know_is_an_error(context: LambdaContext) -> None:
    with pytest.raises(LookupError, match="op-unknown"):
        end("op-unknown", context, result={})
