"""Is a configuration validated against what is there, rendered, and stored, and is nothing made when it is wrong?"""

from __future__ import annotations

import json
from collections.abc import Iterator
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
from shoal.image.content import ContextFile, context_zip
from shoal.ledger import cluster_key, operation_key
from tests.functions.conftest import ACCOUNT_ID, ENVIRONMENT, MANIFEST
from tests.support.clusters import compute_resource, configuration, largest_configuration, queue
from tests.support.registry import Registry, Reply, registry
from tests.support.slurm_clusters import slurm_configuration, slurm_queue, slurm_resource

BUCKET = ENVIRONMENT["BUCKET_NAME"]
STACK = "shoal-cluster-genomics"
OLD_DIGEST, NEW_DIGEST = (f"sha256:{digit * 64}" for digit in "12")
DOCKERFILE = b"ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n"


@pytest.fixture(autouse=True)
def base_images(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The registry of base images, with the one of Debian."""
    with registry() as server:
        server.serve("docker/library/debian:12-slim", OLD_DIGEST)
        monkeypatch.setenv("BASE_IMAGE_REGISTRY", server.host)
        yield server


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


def rebuild(context: LambdaContext, **fields: Any) -> dict[str, Any]:
    asked = {"operation": "build-image", "purpose": "rebuild", "operationId": "op-3"}
    given = event({}, **asked, **fields)
    del given["configuration"]
    return handler(given, context)


def tags(plan: dict[str, Any]) -> list[str]:
    return [order["imageTag"] for order in plan["images"]]


def upload(key: str, dockerfile: bytes = DOCKERFILE) -> str:
    """A build context in the user's bucket; its URI."""
    s3_client = boto3.client("s3")
    if "mine" not in [bucket["Name"] for bucket in s3_client.list_buckets()["Buckets"]]:
        s3_client.create_bucket(Bucket="mine")
    s3_client.put_object(Bucket="mine", Key=key, Body=context_zip([ContextFile("Dockerfile", 0o644, dockerfile)]))
    return f"s3://mine/{key}"


def scheduling(*queues: dict[str, Any]) -> dict[str, Any]:
    return {"Scheduler": "awsbatch", "AwsBatchQueues": list(queues)}


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


def test_the_base_image_is_pinned_by_the_digest_of_today(
    subnet: str, image: str, base_images: Registry, context: LambdaContext
) -> None:
    plan = handler(event(placed(subnet)), context)
    assert plan["images"][0]["baseImage"] == f"{base_images.host}/docker/library/debian@{OLD_DIGEST}"
    assert plan["answer"]["images"][0]["effect"] == "built unless it is there"


@pytest.mark.parametrize(
    ("reply", "reason"), [(Reply(404), "has no such image"), (Reply(429), "limits how often it may be asked")]
)
def test_a_base_image_without_a_digest_is_told_and_built_all_the_same(
    reply: Reply, reason: str, subnet: str, image: str, base_images: Registry, context: LambdaContext
) -> None:
    base_images.replies = dict.fromkeys(base_images.replies, reply)
    plan = handler(event(placed(subnet)), context)
    assert plan["images"][0]["baseImage"] == f"{base_images.host}/docker/library/debian:12-slim"
    (message,) = [
        item for item in plan["answer"]["validationMessages"] if item["type"] == "ContainerImageBaseValidator"
    ]
    assert message["level"] == "WARNING"
    assert reason in message["message"]


def test_a_base_image_in_a_repository_of_the_account_is_asked_of_ecr(
    subnet: str, image: str, context: LambdaContext
) -> None:
    name = f"{ACCOUNT_ID}.dkr.ecr.us-east-1.amazonaws.com/team/base"
    boto3.client("ecr").create_repository(repositoryName="team/base")
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": {"digest": "sha256:1"}}
    put = boto3.client("ecr").put_image(repositoryName="team/base", imageManifest=json.dumps(manifest), imageTag="1")
    for tag, expected in (("1", f"{name}@{put['image']['imageId']['imageDigest']}"), ("2", f"{name}:2")):
        arguments = {"BuildArgs": {"BASE_IMAGE": f"{name}:{tag}"}}
        plan = handler(event(placed(subnet, ContainerImage=arguments)), context)
        assert plan["images"][0]["baseImage"] == expected


def test_two_queues_are_built_from_contexts_of_their_own(subnet: str, image: str, context: LambdaContext) -> None:
    one, two = upload("one.zip"), upload("two.zip", DOCKERFILE + b"USER job\n")
    queues = [queue(name, ContainerImage={"Context": uri}) for name, uri in (("main", one), ("second", two))]
    plan = handler(event(placed(subnet, Scheduling=scheduling(*queues))), context)
    assert [order["queues"] for order in plan["images"]] == [["main"], ["second"]]
    snapshots = [order["contextSource"] for order in plan["images"]]
    assert [snapshot["key"].split("/")[0] for snapshot in snapshots] == ["contexts", "contexts"]
    assert len(set(tags(plan))) == 2
    for snapshot in snapshots:
        assert s3.read_object(snapshot["bucket"], snapshot["key"], snapshot["versionId"])


def test_queues_of_two_architectures_get_an_image_each(subnet: str, image: str, context: LambdaContext) -> None:
    arm = queue("arm", compute_resource("graviton", InstanceTypes=["c6g"]))
    plan = handler(event(placed(subnet, Scheduling=scheduling(queue("main"), arm))), context)
    assert [(order["platform"], order["environmentType"]) for order in plan["images"]] == [
        ("linux/amd64", "LINUX_CONTAINER"),
        ("linux/arm64", "ARM_CONTAINER"),
    ]


def test_nothing_is_built_or_asked_for_when_all_images_are_ready(
    subnet: str, image: str, base_images: Registry, context: LambdaContext
) -> None:
    plan = handler(event(placed(subnet, ContainerImage={"Uri": "debian:12"})), context)
    assert (plan["images"], plan["foundations"], plan["cluster"]["images"]) == ([], [], [])
    assert base_images.asked == []


def test_a_context_that_is_not_there_is_told_at_its_key(subnet: str, image: str, context: LambdaContext) -> None:
    upload("one.zip")
    with pytest.raises(OperationError, match=r"ContainerImage\.Context names s3://mine/two\.zip, which is not there"):
        handler(event(placed(subnet, ContainerImage={"Context": "s3://mine/two.zip"})), context)


def test_an_update_looks_up_only_what_the_user_wrote_newly(
    subnet: str, image: str, base_images: Registry, context: LambdaContext
) -> None:
    first = created(subnet, context, ContainerImage={"Context": upload("one.zip")})
    upload("one.zip", DOCKERFILE + b"USER job\n")
    base_images.serve("docker/library/debian:12-slim", NEW_DIGEST)
    same = update(subnet, context, ContainerImage={"Context": "s3://mine/one.zip", "BuildTimeout": 90})
    assert (tags(same), same["imagesChanged"]) == (tags(first), False)
    other = base_images.serve("team/base:1", NEW_DIGEST)
    named = {"Context": "s3://mine/one.zip", "BuildArgs": {"BASE_IMAGE": other}}
    newer = update(subnet, context, ContainerImage=named)
    assert newer["images"][0]["baseImage"] == f"{base_images.host}/team/base@{NEW_DIGEST}"
    assert newer["images"][0]["contextSource"] == first["images"][0]["contextSource"]
    assert newer["imagesChanged"]
    assert {item["effect"] for item in newer["answer"]["images"]} == {"built unless it is there", "no longer used"}


def test_a_rebuild_changes_nothing_when_everything_is_as_it_was(
    subnet: str, image: str, context: LambdaContext
) -> None:
    made = created(subnet, context)
    plan = rebuild(context)
    assert (plan["changed"], plan["imagesChanged"], tags(plan)) == (False, False, tags(made))
    assert plan["cluster"]["configuration"] == made["cluster"]["configuration"]


def test_a_rebuild_takes_a_newer_base_image_and_the_context_of_today(
    subnet: str, image: str, base_images: Registry, context: LambdaContext
) -> None:
    made = created(subnet, context, ContainerImage={"Context": upload("one.zip")})
    base_images.serve("docker/library/debian:12-slim", NEW_DIGEST)
    newer = rebuild(context)
    assert newer["images"][0]["baseImage"].endswith(f"@{NEW_DIGEST}")
    assert (newer["changed"], newer["imagesChanged"]) == (True, True)
    upload("one.zip", DOCKERFILE + b"USER job\n")
    newest = rebuild(context)
    assert len({*tags(made), *tags(newer), *tags(newest)}) == 3
    assert newest["stored"]["before"]["site"] == made["cluster"]["site"]


def test_a_rebuild_that_is_forced_makes_other_tags_and_updates_keep_them(
    subnet: str, image: str, context: LambdaContext
) -> None:
    made = created(subnet, context)
    forced = rebuild(context, force=True)
    assert tags(forced) != tags(made)
    boto3.resource("dynamodb").Table(ENVIRONMENT["LEDGER_TABLE_NAME"]).put_item(
        Item={**cluster_key("genomics"), **forced["cluster"]}
    )
    assert tags(update(subnet, context)) == tags(rebuild(context)) == tags(forced)


def test_a_rebuild_keeps_the_digest_when_the_registry_is_silent(
    subnet: str, image: str, base_images: Registry, context: LambdaContext
) -> None:
    made = created(subnet, context)
    base_images.replies.clear()
    plan = rebuild(context)
    assert tags(plan) == tags(made)
    assert "has no such image" in plan["answer"]["validationMessages"][0]["message"]


def test_a_rebuild_of_a_context_that_is_gone_is_refused(subnet: str, image: str, context: LambdaContext) -> None:
    created(subnet, context, ContainerImage={"Context": upload("one.zip")})
    boto3.client("s3").delete_object(Bucket="mine", Key="one.zip")
    with pytest.raises(OperationError, match="which is not there"):
        rebuild(context)


def test_a_rebuild_of_an_absent_cluster_names_it(context: LambdaContext) -> None:
    with pytest.raises(OperationError, match="clusterName: there is no cluster genomics"):
        rebuild(context)


def test_what_a_newer_shoal_builds_otherwise_is_built_with_the_next_change(
    subnet: str, image: str, context: LambdaContext
) -> None:
    made = created(subnet, context)
    older = made["cluster"] | {"images": [{"tag": "0" * 32, "uri": "older", "queues": ["main"]}]}
    boto3.resource("dynamodb").Table(ENVIRONMENT["LEDGER_TABLE_NAME"]).put_item(
        Item={**cluster_key("genomics"), **older}
    )
    queues = {"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main", compute_resource("ondemand", MaxvCpus=64))]}
    assert not update(subnet, context)["imagesChanged"]
    assert update(subnet, context, Scheduling=queues)["imagesChanged"]


@pytest.mark.parametrize(("status", "changed"), [("FAILED", True), ("SUCCEEDED", False)])
def test_after_a_failed_operation_cloudformation_says_whether_anything_changes(
    subnet: str, image: str, context: LambdaContext, status: str, changed: bool
) -> None:
    made = created(subnet, context)
    known = {**cluster_key("genomics"), **made["cluster"], "lastOperationId": "op-1"}
    operation = {**operation_key("genomics", "op-1"), "status": status}
    dynamodb.write([{"Put": {"Item": known}}, {"Put": {"Item": operation}}])
    assert update(subnet, context)["changed"] is changed


def test_the_plan_of_a_slurm_cluster_builds_nothing_and_names_the_fleet(
    subnet: str, image: str, context: LambdaContext
) -> None:
    sections = slurm_configuration(slurm_queue("main", slurm_resource("work", MinCount=2, InstanceType="c5.large")))
    made = handler(event(placed(subnet, **sections)), context)
    assert (made["images"], made["foundations"], made["cluster"]["kind"]) == ([], [], "slurm")
    assert made["fleet"]["static"] == [{"queue": "main", "computeResource": "work", "minCount": 2}]
    assert "AWS::AutoScaling::AutoScalingGroup" in made["answer"]["resourceCounts"]


def test_removing_a_slurm_queue_says_that_its_jobs_end(subnet: str, image: str, context: LambdaContext) -> None:
    queues = [slurm_queue(name, slurm_resource("work", InstanceType="c5.large")) for name in ("main", "more")]
    created(subnet, context, **slurm_configuration(*queues))
    (change,) = update(subnet, context, **slurm_configuration(queues[0]))["answer"]["changeSet"]
    assert change["effect"] == "its instances end, and with them the jobs that run there"


@pytest.mark.parametrize(("status", "minimum"), [("STOPPED", "0"), ("RUNNING", "2")])
def test_an_update_of_a_stopped_fleet_asks_for_no_nodes(
    subnet: str, image: str, context: LambdaContext, status: str, minimum: str
) -> None:
    resources = [slurm_resource("work", MinCount=2, MaxCount=count, InstanceType="c5.large") for count in (4, 5)]
    made = created(subnet, context, **slurm_configuration(slurm_queue("main", resources[0])))
    known = {**cluster_key("genomics"), **made["cluster"], "fleetStatus": status}
    dynamodb.write([{"Put": {"Item": known}}])
    plan = update(subnet, context, **slurm_configuration(slurm_queue("main", resources[1])))
    groups = [item for item in rendered(plan)["Resources"].values() if item["Type"].endswith("AutoScalingGroup")]
    assert [group["Properties"]["MinSize"] for group in groups] == [minimum]
    assert plan["changed"]


def rendered(plan: dict[str, Any]) -> dict[str, Any]:
    """The template that CloudFormation is given."""
    url = urlsplit(plan["templateUrl"])
    key, version = url.path.removeprefix(f"/{BUCKET}/"), parse_qs(url.query)["versionId"][0]
    found = boto3.client("s3").get_object(Bucket=BUCKET, Key=key, VersionId=version)
    return dict(json.loads(found["Body"].read()))
