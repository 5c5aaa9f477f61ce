"""Does a request become an answer, a refusal or work with the cluster's lock taken?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.begin_operation.app import handler
from shoal.aws import dynamodb
from shoal.aws import lock as locks
from shoal.ledger import Start
from tests.functions.conftest import ENVIRONMENT
from tests.support.clusters import configuration

ARN = "arn:aws:states:us-east-1:123456789012:execution:shoal-run-operation:first"
STARTED = "2026-11-24T10:15:30.000Z"
CREATE = {"operation": "create", "clusterName": "genomics", "clusterConfiguration": configuration()}


def begin(data: Any, context: LambdaContext, arn: str = ARN) -> dict[str, Any]:
    return handler({"input": data, "executionArn": arn, "startedAt": STARTED}, context)


def hold(operation: str, arn: str) -> None:
    """The lock taken by another operation."""
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    locks.take(Start("op-other", operation, "genomics", arn, now, now + timedelta(hours=2), False), registers=False)


def running_execution() -> str:
    client = boto3.client("stepfunctions")
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 900, "End": True}}})
    role = "arn:aws:iam::123456789012:role/any"
    machine = client.create_state_machine(name="shoal-run-operation", definition=definition, roleArn=role)
    return client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]


@pytest.mark.parametrize("data", [{}, {"operation": "list"}, {"operation": "describe", "clusterName": "genomics"}])
def test_a_question_goes_to_the_one_who_answers(data: dict[str, Any], context: LambdaContext) -> None:
    assert begin(data, context) == {"route": "answer"}


def test_a_bad_request_is_refused_and_nothing_is_written(context: LambdaContext) -> None:
    answer = begin({"operation": "creat"}, context)
    assert (answer["route"], answer["failure"]["code"]) == ("refuse", "InvalidRequest")
    assert boto3.client("dynamodb").scan(TableName=ENVIRONMENT["LEDGER_TABLE_NAME"])["Count"] == 0


def test_work_is_given_to_its_machine_with_the_lock_taken(context: LambdaContext) -> None:
    answer = begin(CREATE, context)
    assert (answer["route"], answer["machine"]) == ("run", "create-cluster")
    assert (dynamodb.read_lock("genomics") or {})["holder"] == answer["child"]["operationId"]


def test_the_configuration_is_stored_by_version(context: LambdaContext) -> None:
    stored = begin(CREATE, context)["child"]["configuration"]
    found = boto3.client("s3").get_object(Bucket=stored["bucket"], Key=stored["key"], VersionId=stored["versionId"])
    assert json.loads(found["Body"].read()) == configuration()


def test_a_cluster_is_listed_while_it_is_created(context: LambdaContext) -> None:
    begin(CREATE, context)
    assert [item["status"] for item in dynamodb.list_clusters(10)[0]] == ["CREATE_IN_PROGRESS"]


def test_a_second_try_of_the_same_execution_begins_the_same_operation(context: LambdaContext) -> None:
    assert begin(CREATE, context)["executionName"] == begin(CREATE, context)["executionName"]
    assert (dynamodb.read_lock("genomics") or {})["fence"] == 1


def test_a_wrong_configuration_is_refused_before_anything_is_stored(context: LambdaContext) -> None:
    answer = begin(CREATE | {"clusterConfiguration": {"Region": "us-east-1"}}, context)
    assert answer["failure"]["code"] == "InvalidConfiguration"
    assert "KeyCount" in boto3.client("s3").list_objects_v2(Bucket=ENVIRONMENT["BUCKET_NAME"])
    assert boto3.client("s3").list_objects_v2(Bucket=ENVIRONMENT["BUCKET_NAME"])["KeyCount"] == 0


@pytest.mark.parametrize("key", ["absent.yaml", "not-text.yaml"])
def test_a_configuration_that_cannot_be_read_is_named(key: str, context: LambdaContext) -> None:
    boto3.client("s3").create_bucket(Bucket="users-bucket")
    boto3.client("s3").put_object(Bucket="users-bucket", Key="not-text.yaml", Body=b"\xff\xfe\x00")
    data = {"operation": "create", "clusterName": "genomics", "clusterConfigurationUri": f"s3://users-bucket/{key}"}
    answer = begin(data, context)
    assert answer["failure"]["code"] == "ConfigurationUnreadable"
    assert f"s3://users-bucket/{key}" in answer["failure"]["line"]


def test_a_configuration_is_read_from_its_uri(context: LambdaContext) -> None:
    boto3.client("s3").create_bucket(Bucket="users-bucket")
    boto3.client("s3").put_object(Bucket="users-bucket", Key="c.yaml", Body=json.dumps(configuration()).encode())
    data = {"operation": "create", "clusterName": "genomics", "clusterConfigurationUri": "s3://users-bucket/c.yaml"}
    assert begin(data, context)["route"] == "run"


def test_updating_an_absent_cluster_is_refused(context: LambdaContext) -> None:
    answer = begin(CREATE | {"operation": "update"}, context)
    assert answer["failure"]["code"] == "ClusterNotFound"


def test_a_cluster_that_is_worked_on_is_busy(context: LambdaContext) -> None:
    hold("update", running_execution())
    answer = begin({"operation": "delete", "clusterName": "genomics"}, context)
    assert answer["failure"]["code"] == "ClusterBusy"
    assert "update" in answer["failure"]["line"]


def test_the_lock_of_an_execution_that_is_gone_is_taken_over(context: LambdaContext) -> None:
    hold("update", "arn:aws:states:us-east-1:123456789012:execution:shoal-run-operation:gone")
    answer = begin({"operation": "delete", "clusterName": "genomics"}, context)
    lock = dynamodb.read_lock("genomics") or {}
    assert lock["holder"] == answer["child"]["operationId"]
    assert lock["fence"] == 2


@pytest.mark.parametrize(
    ("found", "code"),
    [({}, "OperationStopped"), ({"code": "BuildFailed", "cause": "phase BUILD failed"}, "BuildFailed")],
)
def test_an_operation_that_was_stopped_is_closed_by_the_next_one_with_what_it_had_found(
    found: dict[str, str], code: str, context: LambdaContext
) -> None:
    hold("build-image", ARN.replace("first", "gone"))
    if found:
        dynamodb.record_failure("genomics", "op-other", found)
    begin({"operation": "delete", "clusterName": "genomics"}, context)
    stopped = dynamodb.read_operation("genomics", "op-other") or {}
    assert (stopped["status"], stopped["failure"]["code"], stopped["endedAt"]) == (
        "FAILED",
        code,
        "2026-11-24T10:15:30+00:00",
    )


@pytest.mark.parametrize("data", [CREATE | {"operation": "plan"}, CREATE | {"dryrun": True}])
def test_a_plan_takes_no_lock_and_registers_nothing(data: dict[str, Any], context: LambdaContext) -> None:
    answer = begin(data, context)
    assert answer["child"]["dryrun"] is True
    assert dynamodb.read_lock("genomics") is None
    assert dynamodb.read_cluster("genomics") is None
