"""Is a configuration validated against what is there, rendered, and stored, and is nothing made when it is wrong?"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.plan_cluster.app import handler
from shoal import __version__
from shoal.aws import dynamodb, s3
from shoal.aws.session import client
from shoal.cluster.schema import json_schema
from shoal.cluster.site import Site
from shoal.errors import ErrorCode, OperationError
from shoal.ledger import cluster_key
from tests.functions.conftest import ENVIRONMENT
from tests.support.clusters import compute_resource, configuration, largest_configuration, queue

BUCKET = ENVIRONMENT["BUCKET_NAME"]
STACK = "shoal-cluster-genomics"


@pytest.fixture
def subnet() -> str:
    """A subnet of moto's default VPC, in zone a, where moto offers the usual types."""
    found = boto3.client("ec2").describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-east-1a"]}])
    return str(found["Subnets"][0]["SubnetId"])


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the public parameter of Debian 12 names; moto has no such parameter, and does not let one be made."""
    found = boto3.client("ec2").describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"][0]
    image_id = str(found["ImageId"])
    answer = {"Parameters": [{"Name": "/aws/service/debian/release/12/latest/amd64", "Value": image_id}]}
    client("ssm").meta.events.register("before-call.ssm.GetParameters", lambda **_: (_Ok(), answer))
    return image_id


class _Ok:
    status_code = 200


def placed(subnet: str, **sections: Any) -> dict[str, Any]:
    """The small configuration in a subnet that moto has."""
    text = json.dumps(configuration(**sections))
    for unknown in ("subnet-0aaaaaaaaaaaaaaa1", "subnet-0bbbbbbbbbbbbbbb1"):
        text = text.replace(unknown, subnet)
    return dict(json.loads(text))


def event(sections: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "operationId": "op-20261124T101530-1a2b3c4d",
        "operation": "create",
        "purpose": "create",
        "clusterName": "genomics",
        "stackName": STACK,
        "configuration": s3.put_text(BUCKET, "configurations/genomics.yaml", json.dumps(sections)),
        "deadline": "2026-11-24T12:15:30Z",
        "dryrun": False,
        "generation": "20261124T101530",
        "suppressValidators": [],
        "validationFailureLevel": "ERROR",
    } | fields


def keys() -> list[str]:
    return [item["Key"] for item in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def created(subnet: str, context: LambdaContext, **sections: Any) -> dict[str, Any]:
    """The plan of a cluster that then exists: its stack, and its item in the ledger."""
    made = handler(event(placed(subnet, **sections)), context)
    boto3.client("cloudformation").create_stack(
        StackName=STACK, TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    )
    boto3.resource("dynamodb").Table(ENVIRONMENT["LEDGER_TABLE_NAME"]).put_item(
        Item={**cluster_key("genomics"), **made["cluster"]}
    )
    return made


def update(
    subnet: str, context: LambdaContext, fields: dict[str, Any] | None = None, **sections: Any
) -> dict[str, Any]:
    base = {"operation": "update", "purpose": "update", "operationId": "op-2"}
    return handler(event(placed(subnet, **sections), **(base | (fields or {}))), context)


def test_a_plan_has_all_that_the_machines_need(subnet: str, image: str, context: LambdaContext) -> None:
    plan = handler(event(placed(subnet)), context)
    (order,) = plan["images"]
    assert order["repositoryName"] == "shoal/genomics"
    assert plan["cluster"]["images"][0]["uri"].endswith(f"/shoal/genomics:{order['imageTag']}")
    assert plan["answer"]["summary"].startswith("Created cluster genomics")
    assert len(plan["foundations"]) == 4
    assert len(json.dumps(plan)) < 8 * 1024


def test_the_template_lies_where_the_url_says(subnet: str, image: str, context: LambdaContext) -> None:
    url = urlsplit(handler(event(placed(subnet)), context)["templateUrl"])
    _, bucket, key = url.path.split("/", 2)
    stored = s3.read_text(bucket, key, parse_qs(url.query)["versionId"][0])
    assert url.hostname == "s3.us-east-1.amazonaws.com"
    assert "Resources" in json.loads(stored)


def test_the_site_is_stored_with_what_was_looked_up(subnet: str, image: str, context: LambdaContext) -> None:
    at = handler(event(placed(subnet)), context)["cluster"]["site"]
    site = Site.model_validate_json(s3.read_text(at["bucket"], at["key"], at["versionId"]))
    assert (site.head_node_ami, site.generation) == (image, "20261124T101530")
    assert site.subnets[subnet].availability_zone == "us-east-1a"
    assert site.instance_types["c6i.large"].architecture == "x86_64"


def test_the_node_package_is_stored_once(subnet: str, image: str, context: LambdaContext) -> None:
    for _ in range(2):
        handler(event(placed(subnet)), context)
    versions = boto3.client("s3").list_object_versions(Bucket=BUCKET, Prefix="node-packages/")["Versions"]
    assert len(versions) == 1


def test_the_schema_is_stored_once_for_a_version(subnet: str, image: str, context: LambdaContext) -> None:
    handler(event(placed(subnet)), context)
    handler(event(placed(subnet)), context)
    (version,) = boto3.client("s3").list_object_versions(Bucket=BUCKET, Prefix="schemas/")["Versions"]
    stored = boto3.client("s3").get_object(Bucket=BUCKET, Key=version["Key"])["Body"].read()
    assert json.loads(stored) == json_schema()
    assert __version__ in version["Key"]


@pytest.mark.parametrize("fields", [{"dryrun": True}, {"operation": "plan"}])
def test_a_dry_run_lists_the_resources_and_makes_no_role(
    fields: dict[str, Any], subnet: str, image: str, context: LambdaContext
) -> None:
    plan = handler(event(placed(subnet), **fields), context)
    assert "nothing has been made" in plan["answer"]["summary"]
    assert plan["answer"]["resourceCounts"]["AWS::Batch::JobQueue"] == 1
    assert boto3.client("iam").list_roles(PathPrefix="/aws-service-role/")["Roles"] == []


def test_a_creation_makes_the_service_linked_role_once_for_all(subnet: str, image: str, context: LambdaContext) -> None:
    handler(event(placed(subnet)), context)
    handler(event(placed(subnet)), context)
    roles = boto3.client("iam").list_roles(PathPrefix="/aws-service-role/")["Roles"]
    assert [role["RoleName"] for role in roles] == ["AWSServiceRoleForbatch"]


def test_the_largest_configuration_makes_a_plan_that_travels(subnet: str, image: str, context: LambdaContext) -> None:
    largest = placed(subnet, **largest_configuration())
    plan = handler(event(largest, dryrun=True, suppressValidators=["ALL"]), context)
    assert len(json.dumps(plan)) < 24 * 1024
    uri = plan["answer"]["planUri"].removeprefix("s3://").split("/", 1)
    stored = json.loads(s3.read_text(uri[0], uri[1]))
    assert len(stored["resources"]) == sum(plan["answer"]["resourceCounts"].values())


def test_everything_that_is_not_there_is_told_at_once(image: str, context: LambdaContext) -> None:
    wrong = configuration(
        HeadNode={
            "InstanceType": "t99.huge",
            "Networking": {"SubnetId": "subnet-00000001"},
            "Ssh": {"KeyName": "no-key"},
            "Image": {"CustomAmi": "ami-00000001"},
        }
    )
    with pytest.raises(OperationError) as raised:
        handler(event(wrong), context)
    assert raised.value.code is ErrorCode.INVALID_CONFIGURATION
    for part in ("HeadNode.InstanceType is t99.huge", "subnet-00000001", "no-key", "ami-00000001"):
        assert part in raised.value.message
    assert keys() == ["configurations/genomics.yaml"]


def test_suppressed_validators_stop_nothing(subnet: str, image: str, context: LambdaContext) -> None:
    head = configuration()["HeadNode"] | {"Ssh": {"KeyName": "no-key"}}
    with pytest.raises(OperationError, match="no-key"):
        handler(event(placed(subnet, HeadNode=head)), context)
    assert handler(event(placed(subnet, HeadNode=head), suppressValidators=["type:KeyPairValidator"]), context)


def test_a_warning_stops_when_the_caller_says_so(subnet: str, image: str, context: LambdaContext) -> None:
    with pytest.raises(OperationError, match=r"HeadNode\.Ssh\.KeyName is absent"):
        handler(event(placed(subnet), validationFailureLevel="WARNING"), context)


def test_one_of_shoals_own_buckets_is_refused(subnet: str, image: str, context: LambdaContext) -> None:
    with pytest.raises(OperationError, match="CustomS3Bucket"):
        handler(event(placed(subnet, CustomS3Bucket=BUCKET)), context)


def test_a_bucket_that_keeps_no_versions_is_refused(subnet: str, image: str, context: LambdaContext) -> None:
    boto3.client("s3").create_bucket(Bucket="mine")
    with pytest.raises(OperationError, match="CustomS3Bucket is mine, which does not keep versions"):
        handler(event(placed(subnet, CustomS3Bucket="mine")), context)


def test_a_cluster_whose_stack_is_there_is_not_planned_again(subnet: str, image: str, context: LambdaContext) -> None:
    created(subnet, context)
    with pytest.raises(OperationError) as raised:
        handler(event(placed(subnet)), context)
    assert raised.value.code is ErrorCode.CLUSTER_EXISTS


def test_an_update_without_a_change_says_so(subnet: str, image: str, context: LambdaContext) -> None:
    created(subnet, context)
    plan = update(subnet, context)
    assert (plan["changed"], plan["imagesChanged"]) == (False, False)
    assert plan["answer"]["summary"] == "Nothing changes in the stack of cluster genomics."
    assert plan["answer"]["changeSet"] == []


def test_an_update_is_planned_with_the_facts_of_the_old_site(
    subnet: str, image: str, context: LambdaContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created(subnet, context)
    newer = boto3.client("ec2").describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"][1]
    client("ssm").meta.events.register("before-call.ssm.GetParameters", lambda **_: pytest.fail(newer["ImageId"]))
    queues = {"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main", compute_resource("ondemand", MaxvCpus=64))]}
    plan = update(subnet, context, Scheduling=queues)
    assert (plan["changed"], plan["imagesChanged"]) == (True, False)
    assert plan["stored"]["before"]["site"] == made["cluster"]["site"]
    assert plan["stackId"].endswith(boto3.client("cloudformation").describe_stacks()["Stacks"][0]["StackId"][-8:])


def test_an_update_of_a_key_that_may_not_change_is_refused_by_name(
    subnet: str, image: str, context: LambdaContext
) -> None:
    created(subnet, context)
    head = configuration()["HeadNode"] | {"InstanceType": "c6i.large"}
    with pytest.raises(OperationError, match=r"HeadNode\.InstanceType cannot change") as raised:
        update(subnet, context, HeadNode=head)
    assert raised.value.code is ErrorCode.UPDATE_REFUSED
    assert update(subnet, context, {"operation": "plan"}, HeadNode=head)["changed"]


def test_what_an_update_names_newly_must_be_there(subnet: str, image: str, context: LambdaContext) -> None:
    created(subnet, context)
    second = queue("second", compute_resource("ondemand", InstanceTypes=["c99.large"]))
    with pytest.raises(OperationError, match=r"AwsBatchQueues\[1\]\.ComputeResources\[0\]\.InstanceTypes\[0\]"):
        update(subnet, context, Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main"), second]})


def test_an_update_of_an_absent_cluster_names_it(subnet: str, image: str, context: LambdaContext) -> None:
    with pytest.raises(OperationError, match="clusterName: there is no cluster genomics") as raised:
        update(subnet, context)
    assert raised.value.code is ErrorCode.CLUSTER_NOT_FOUND
    assert dynamodb.read_cluster("genomics") is None


def test_an_update_of_everything_makes_a_plan_that_travels(subnet: str, image: str, context: LambdaContext) -> None:
    created(subnet, context)
    largest = largest_configuration()
    sections = {key: largest[key] for key in ("Scheduling", "SharedStorage", "Tags")}
    asked = {"operation": "plan", "suppressValidators": ["ALL"]}
    plan = update(subnet, context, asked, **sections)
    assert len(json.dumps(plan)) < 24 * 1024
    bucket, key = plan["answer"]["planUri"].removeprefix("s3://").split("/", 1)
    assert json.loads(s3.read_text(bucket, key))["changeSet"]
