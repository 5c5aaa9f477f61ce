"""Does every way of deleting a cluster end with nothing left but what was to be kept?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from embedded_aws.process import ACCOUNT_ID
from tests.support.front_door import Configure, FrontDoor
from tests.support.polling import until

RETAINED: list[dict[str, Any]] = [
    {
        "MountDir": "/retained",
        "Name": "retained",
        "StorageType": "Ebs",
        "EbsSettings": {"Size": 10, "DeletionPolicy": "Retain"},
    },
    {
        "MountDir": "/snapshot",
        "Name": "snapshot",
        "StorageType": "Ebs",
        "EbsSettings": {"Size": 10, "DeletionPolicy": "Snapshot"},
    },
    {"MountDir": "/files", "Name": "files", "StorageType": "Efs", "EfsSettings": {"DeletionPolicy": "Retain"}},
]
KEEPING_LOGS = {
    "Logs": {"CloudWatch": {"DeletionPolicy": "Retain"}},
    "Dashboards": {"CloudWatch": {"Enabled": False}},
}
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def test_the_jobs_of_a_cluster_are_ended_before_it_is_deleted(
    shoal: FrontDoor, configure: Configure, name: str
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure())
    queue = next(item for item in shoal.resources(name).values() if item["ResourceType"] == "AWS::Batch::JobQueue")
    definition = next(
        item for item in shoal.resources(name).values() if item["ResourceType"] == "AWS::Batch::JobDefinition"
    )
    batch = shoal.client("batch")
    job = batch.submit_job(
        jobName="long",
        jobQueue=queue["PhysicalResourceId"],
        jobDefinition=definition["PhysicalResourceId"],
        containerOverrides={"command": ["sleep", "3600"]},
    )["jobId"]
    shoal.succeed("delete", name)
    assert batch.describe_jobs(jobs=[job])["jobs"][0]["status"] in {"FAILED", "SUCCEEDED"}
    assert shoal.left_since(before) == []


def test_policies_that_others_attached_to_a_role_do_not_stop_a_deletion(
    shoal: FrontDoor, configure: Configure, name: str
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure())
    role = next(item["PhysicalResourceId"] for item in shoal.resources(name).values() if is_role(item))
    foreign = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    shoal.client("iam").attach_role_policy(RoleName=role, PolicyArn=foreign)
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    shoal.client("iam").put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=document)
    answer = shoal.succeed("delete", name)
    assert f"{role}: {foreign}" in answer["detachedPolicies"]
    assert shoal.left_since(before) == []


def is_role(item: dict[str, Any]) -> bool:
    return bool(item["ResourceType"] == "AWS::IAM::Role")


def test_a_failed_create_keeps_nothing_that_its_policies_would_keep(
    shoal: FrontDoor, configure: Configure, name: str
) -> None:
    before = shoal.state()
    shoal.fail_once("cloudformation", "updateTerminationProtection", "States.TaskFailed", match=name)
    ended = shoal.operate("create", name, configure(SharedStorage=RETAINED, Monitoring=KEEPING_LOGS))
    assert ended.status == "FAILED"
    assert shoal.left_since(before) == []


def test_what_the_configuration_keeps_is_kept_and_listed(shoal: FrontDoor, configure: Configure, name: str) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure(SharedStorage=RETAINED, Monitoring=KEEPING_LOGS))
    answer = shoal.succeed("delete", name)
    kept = {thing["resourceType"] for thing in answer["kept"]}
    assert {"AWS::EC2::Volume", "AWS::EC2::Snapshot", "AWS::EFS::FileSystem", "AWS::Logs::LogGroup"} <= kept
    left = {line.split(" ")[0] for line in shoal.left_since(before)}
    assert left <= kept, "what is there is what was listed"


def test_only_the_clusters_prefix_of_a_users_bucket_goes(shoal: FrontDoor, configure: Configure, name: str) -> None:
    s3, bucket = shoal.client("s3"), f"research-{name}-{ACCOUNT_ID}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("thesis.tex", f"shoal/{name}-notes/kept"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"mine")
    before = shoal.state()
    shoal.succeed("create", name, configure(CustomS3Bucket=bucket))
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key=f"shoal/{name}/jobs/script.sh", Body=body)
    s3.create_multipart_upload(Bucket=bucket, Key=f"shoal/{name}/jobs/large")
    shoal.succeed("delete", name)
    held = s3.list_object_versions(Bucket=bucket)
    assert [item["Key"] for item in held["Versions"]] == [f"shoal/{name}-notes/kept", "thesis.tex"]
    assert "DeleteMarkers" not in held
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
    assert shoal.left_since(before) == []


def test_a_prefix_that_holds_somebodys_objects_is_not_taken(shoal: FrontDoor, configure: Configure, name: str) -> None:
    s3, bucket = shoal.client("s3"), f"research-{name}-{ACCOUNT_ID}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=f"shoal/{name}/thesis.tex", Body=b"mine")
    before = shoal.state()
    ended = shoal.operate("create", name, configure(CustomS3Bucket=bucket))
    assert "already holds objects that no cluster of Shoal wrote" in ended.cause
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    assert shoal.left_since(before) == []


def test_a_stack_deleted_in_the_console_cleans_up_by_itself(shoal: FrontDoor, configure: Configure, name: str) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure(ContainerImage=None))
    fill(shoal, name)
    stack = shoal.stack(name)
    assert stack is not None
    cloudformation = shoal.client("cloudformation")
    cloudformation.update_termination_protection(StackName=stack["StackId"], EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=stack["StackId"])
    until(lambda: shoal.stack(name) is None, 60, "the end of the stack")
    assert shoal.succeed("delete", name)["clusterStatus"] == "DELETE_COMPLETE"
    assert shoal.left_since(before) == []


def test_objects_and_multi_architecture_images_go_with_the_cluster(
    shoal: FrontDoor, configure: Configure, name: str
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure(ContainerImage=None))
    fill(shoal, name)
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def fill(shoal: FrontDoor, name: str) -> None:
    """Versions, delete markers and an unfinished upload; an image for two architectures, and one without a tag."""
    found = {item["ResourceType"]: item["PhysicalResourceId"] for item in shoal.resources(name).values()}
    s3, bucket = shoal.client("s3"), found["AWS::S3::Bucket"]
    for number in range(40):
        s3.put_object(Bucket=bucket, Key=f"jobs/{number % 20}/script.sh", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="jobs/1/script.sh")
    s3.create_multipart_upload(Bucket=bucket, Key="jobs/large")
    members = [push(shoal, found["AWS::ECR::Repository"], manifest(number), MANIFEST) for number in (1, 2, 3)]
    listed = [{"mediaType": MANIFEST, "size": 1, "digest": member} for member in members[:2]]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
    push(shoal, found["AWS::ECR::Repository"], index, INDEX, imageTag="two-architectures")


def manifest(number: int) -> str:
    kind = "application/vnd.oci.image.config.v1+json"
    config = {"mediaType": kind, "size": number, "digest": f"sha256:{number:064x}"}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []})


def push(shoal: FrontDoor, repository: str, text: str, media_type: str, **tag: str) -> str:
    answer = shoal.client("ecr").put_image(
        repositoryName=repository, imageManifest=text, imageManifestMediaType=media_type, **tag
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def test_a_protected_cluster_is_deleted_only_after_an_update(shoal: FrontDoor, configure: Configure, name: str) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure(Lifecycle={"Protect": True}))
    refused = shoal.operate("delete", name)
    assert refused.error == "ClusterProtected"
    assert "Lifecycle.Protect" in refused.cause
    shoal.succeed("update", name, configure(Lifecycle={"Protect": False}))
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


@pytest.mark.parametrize("times", [1, 2])
def test_deleting_what_is_not_there_succeeds_every_time(shoal: FrontDoor, name: str, times: int) -> None:
    for _ in range(times):
        assert shoal.succeed("delete", name)["alreadyDeleted"]
