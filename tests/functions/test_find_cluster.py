"""Is the right stack found, by what the ledger knows, and a protected cluster refused?"""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.find_cluster.app import handler
from shoal import ledger
from shoal.aws import dynamodb, s3
from shoal.aws.session import client
from shoal.errors import ErrorCode, OperationError
from tests.functions.conftest import ENVIRONMENT

EVENT: dict[str, Any] = {
    "operationId": "op-1",
    "clusterName": "genomics",
    "stackName": "shoal-cluster-genomics",
    "stackId": "",
    "discard": False,
    "lap": 1,
}
GONE = "arn:aws:cloudformation:us-east-1:123456789012:stack/shoal-cluster-genomics/gone"
TEMPLATE = {
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shoal-genomics-1a2b3c4d"}},
        "Repository": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "shoal/genomics"}},
    }
}


def stack(cluster: str = "genomics") -> str:
    made = boto3.client("cloudformation").create_stack(
        StackName="shoal-cluster-genomics",
        TemplateBody=json.dumps(TEMPLATE),
        Tags=[{"Key": "shoal:cluster", "Value": cluster}],
    )
    return made["StackId"]


def made_by(operation: str) -> None:
    """Whose the stack's first event is; moto keeps no token of a creation."""
    answer = {"StackEvents": [{"ClientRequestToken": "later"}, {"ClientRequestToken": f"{operation}-create"}]}
    name = "before-call.cloudformation.DescribeStackEvents"
    client("cloudformation").meta.events.register(name, lambda **_: (_Ok(), answer))


class _Ok:
    status_code = 200


def known(**facts: Any) -> None:
    """What the ledger knows of the cluster."""
    item = {**ledger.cluster_key("genomics"), "clusterName": "genomics", **facts}
    dynamodb.write([{"Put": {"Item": item}}])


def stored(configuration: str) -> dict[str, str]:
    return s3.put_text(ENVIRONMENT["BUCKET_NAME"], "configurations/genomics.yaml", configuration)


def test_a_cluster_that_never_was_is_absent(context: LambdaContext) -> None:
    found = handler(EVENT, context)
    assert found["state"] == "absent"
    assert found["report"]["summary"] == "There is no cluster genomics; nothing had to be deleted."


def test_a_stack_is_found_by_its_name(context: LambdaContext) -> None:
    stack_id = stack()
    found = handler(EVENT, context)
    assert (found["state"], found["stackId"]) == ("present", stack_id)


def test_bucket_and_repository_are_to_be_emptied(context: LambdaContext) -> None:
    stack()
    stores = handler(EVENT, context)["stores"]
    assert [(store["kind"], store["name"], store["executionName"]) for store in stores] == [
        ("bucket", "shoal-genomics-1a2b3c4d", "op-1-clean-bucket"),
        ("repository", "shoal/genomics", "op-1-clean-repository"),
    ]


def test_of_a_stack_that_was_deleted_by_hand_leftovers_are_looked_for(context: LambdaContext) -> None:
    known(stackId=GONE)
    found = handler(EVENT, context)
    assert (found["state"], found["stackId"], found["stores"]) == ("gone", GONE, [])


def test_a_stack_that_only_has_the_name_is_not_touched(context: LambdaContext) -> None:
    stack(cluster="other")
    with pytest.raises(OperationError, match="lacks the tag shoal:cluster=genomics"):
        handler(EVENT, context)


def test_a_protected_cluster_is_refused(context: LambdaContext) -> None:
    stack()
    known(configuration=stored("Lifecycle: {Protect: true}"))
    with pytest.raises(OperationError, match=r"Lifecycle\.Protect") as error:
        handler(EVENT, context)
    assert error.value.code is ErrorCode.CLUSTER_PROTECTED


def test_what_a_failed_create_made_is_not_protected(context: LambdaContext) -> None:
    stack()
    made_by("op-1")
    known(configuration=stored("Lifecycle: {Protect: true}"))
    assert handler(EVENT | {"discard": True}, context)["state"] == "present"


def test_undoing_a_create_finds_nothing_that_another_operation_made(context: LambdaContext) -> None:
    stack()
    made_by("op-0")
    found = handler(EVENT | {"discard": True}, context)
    assert (found["state"], found["stackId"], found["stores"]) == ("absent", "", [])


def test_a_configuration_of_another_version_of_shoal_does_not_stop_a_deletion(context: LambdaContext) -> None:
    stack()
    known(configuration=stored("Image: {Os: alinux5}\nUnheardOf: 1"))
    assert handler(EVENT, context)["state"] == "present"


def test_the_second_lap_has_names_and_tokens_of_its_own(context: LambdaContext) -> None:
    stack()
    first, second = (handler(EVENT | {"lap": lap}, context) for lap in (1, 2))
    assert first["deletion"] == "op-1-delete"
    assert second["deletion"] == "op-1-delete-2"
    names = [store["executionName"] for found in (first, second) for store in found["stores"]]
    assert len(set(names)) == 4


@pytest.mark.parametrize(("discard", "recorded"), [(False, False), (True, True)])
def test_the_second_lap_forgets_what_it_repairs_but_not_why_a_create_failed(
    discard: bool, recorded: bool, context: LambdaContext
) -> None:
    stack()
    dynamodb.record_failure("genomics", "op-1", {"code": "StackFailed", "cause": "Bucket is not empty"})
    handler(EVENT | {"discard": discard, "lap": 2}, context)
    operation = dynamodb.read_operation("genomics", "op-1")
    assert ("failure" in (operation or {})) is recorded
