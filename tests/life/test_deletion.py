"""Deletion: what goes, what stays because somebody asked for it, and what was never ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shoal.cluster.build_project import BUILD_PROJECT
from shoal.cluster.repository import REPOSITORY
from tests.support.front_door import FrontDoor
from tests.support.polling import until

Configure = Callable[..., dict[str, Any]]
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def bucket_of(shoal: FrontDoor, cluster: str) -> str:
    stack = shoal.stack(cluster)
    assert stack is not None
    values = {item["ParameterKey"]: str(item["ParameterValue"]) for item in stack["Parameters"]}
    return values["ResourcesS3Bucket"]


def fill_bucket(shoal: FrontDoor, bucket: str, prefix: str = "") -> None:
    """Objects in two versions, a delete marker, and an upload that nobody finished."""
    s3 = shoal.client("s3")
    for body in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key=f"{prefix}jobs/batch/job/job.sh", Body=body)
    s3.delete_object(Bucket=bucket, Key=f"{prefix}jobs/batch/job/job.sh")
    s3.put_object(Bucket=bucket, Key=f"{prefix}jobs/batch/other/other.sh", Body=b"")
    s3.create_multipart_upload(Bucket=bucket, Key=f"{prefix}jobs/large")


def fill_repository(shoal: FrontDoor, repository: str) -> None:
    """An image for two architectures, and one without a tag."""
    members = [push(shoal, repository, manifest(number), MANIFEST) for number in (1, 2, 3)]
    listed = [{"mediaType": MANIFEST, "size": 1, "digest": member} for member in members[:2]]
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
    push(shoal, repository, index, INDEX, imageTag="two-architectures")


def manifest(number: int) -> str:
    kind = "application/vnd.oci.image.config.v1+json"
    config = {"mediaType": kind, "size": number, "digest": f"sha256:{number:064x}"}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []})


def push(shoal: FrontDoor, repository: str, text: str, media_type: str, **tag: str) -> str:
    answer = shoal.client("ecr").put_image(
        repositoryName=repository, imageManifest=text, imageManifestMediaType=media_type, **tag
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def delete_in_the_console(shoal: FrontDoor, cluster: str) -> str:
    """What somebody does who does not know of Shoal: lift the protection, delete the stack; its status at the end."""
    cloudformation, stack = shoal.client("cloudformation"), shoal.stack(cluster)
    assert stack is not None
    assert stack["EnableTerminationProtection"]
    cloudformation.update_termination_protection(StackName=stack["StackId"], EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=stack["StackId"])

    def settled() -> str:
        status = cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackStatus"]
        return "" if status.endswith("IN_PROGRESS") else str(status)

    return until(settled, 90, f"the deletion of {cluster}")


def test_delete_empties_what_was_written_and_says_what_it_removed(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure())
    fill_bucket(shoal, bucket_of(shoal, name))
    answer = shoal.succeed("delete", name)
    assert (answer["clusterStatus"], answer["kept"], answer["alreadyDeleted"]) == ("DELETE_COMPLETE", [], False)
    assert answer["removed"] > 10
    assert "nothing left over" in answer["summary"]
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None
    again = shoal.succeed("delete", name)
    assert (again["clusterStatus"], again["alreadyDeleted"]) == ("DELETE_COMPLETE", True)


def test_a_stack_deleted_in_the_console_deletes_cleanly_with_its_images_and_objects(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure(ContainerImage=None))
    fill_bucket(shoal, bucket_of(shoal, name))
    fill_repository(shoal, shoal.resources(name)[REPOSITORY]["PhysicalResourceId"])
    assert delete_in_the_console(shoal, name) == "DELETE_COMPLETE"
    assert shoal.left_since(before) == []
    assert shoal.succeed("describe", name)["cloudFormationStackStatus"] in {"ABSENT", "DELETE_COMPLETE"}
    answer = shoal.succeed("delete", name)
    assert answer["clusterStatus"] == "DELETE_COMPLETE"
    assert shoal.item("CLUSTER", name) is None


def test_delete_ends_jobs_and_builds_that_run(shoal: FrontDoor, name: str, configure: Configure) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure(ContainerImage=None))
    resources = shoal.resources(name)
    project = resources[BUILD_PROJECT]["PhysicalResourceId"]
    spec = json.dumps(
        {"version": 0.2, "phases": {"build": {"commands": ["sleep 600"]}}}, indent=1
    )  # one line names a file
    build = shoal.client("codebuild").start_build(
        projectName=project, sourceTypeOverride="NO_SOURCE", buildspecOverride=spec
    )["build"]["id"]
    definition = next(item for key, item in resources.items() if key.startswith("JobDefinition"))
    shoal.server.call("POST", "/_shoal/batch-jobs", {"status": "RUNNING"})
    try:
        job = shoal.client("batch").submit_job(
            jobName="endless", jobQueue=f"shoal-{name}_main", jobDefinition=definition["PhysicalResourceId"]
        )["jobId"]
    finally:
        shoal.server.call("POST", "/_shoal/batch-jobs", {"status": "SUCCEEDED"})
    assert shoal.succeed("delete", name)["clusterStatus"] == "DELETE_COMPLETE"
    assert shoal.left_since(before) == []
    assert shoal.client("batch").describe_jobs(jobs=[job])["jobs"][0]["status"] == "FAILED"
    assert shoal.client("codebuild").batch_get_builds(ids=[build])["builds"][0]["buildStatus"] == "STOPPED"


def test_a_policy_that_somebody_attached_to_a_cluster_s_role_does_not_stop_the_deletion(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before, iam = shoal.state(), shoal.client("iam")
    shoal.succeed("create", name, configure())
    role = shoal.resources(name)["HeadNodeRole"]["PhysicalResourceId"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
    policy = iam.create_policy(PolicyName=f"own-{name}", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=json.dumps(document))
    answer = shoal.succeed("delete", name)
    assert sorted(answer["detachedPolicies"]) == sorted([f"{role}: {policy}", f"{role}: inline"])
    iam.delete_policy(PolicyArn=policy)
    assert shoal.left_since(before) == []


def test_clean_up_run_twice_empties_once_and_harms_nothing(shoal: FrontDoor, name: str, configure: Configure) -> None:
    shoal.succeed("create", name, configure())
    bucket, stack = bucket_of(shoal, name), shoal.stack(name)
    assert stack is not None
    fill_bucket(shoal, bucket)
    order = {"kind": "bucket", "name": bucket, "stackId": stack["StackId"]}
    first, second = shoal.run(order, "clean-up"), shoal.run(order, "clean-up")
    assert (first.status, second.status) == ("SUCCEEDED", "SUCCEEDED")
    assert first.answer["deleted"] >= 5
    assert second.answer["deleted"] == 0
    assert shoal.succeed("describe", name)["clusterStatus"] == "CREATE_COMPLETE"
    foreign = shoal.run(order | {"stackId": stack["StackId"] + "0"}, "clean-up")
    assert (foreign.status, foreign.answer["deleted"]) == ("SUCCEEDED", 0)
    shoal.succeed("delete", name)
    gone = shoal.run(order, "clean-up")
    assert (gone.status, gone.answer["deleted"]) == ("SUCCEEDED", 0)


# ---- Data that outlives a cluster


def with_data(configure: Configure) -> dict[str, Any]:
    """A volume to keep, one of which a snapshot stays, and a file system to keep."""
    ebs = {"MountDir": "/retained", "Name": "retained", "StorageType": "Ebs", "EbsSettings": {"Size": 40}}
    ebs["EbsSettings"] = {"Size": 40, "DeletionPolicy": "Retain"}
    snapshot = ebs | {"MountDir": "/copied", "Name": "copied"}
    snapshot["EbsSettings"] = {"Size": 40, "DeletionPolicy": "Snapshot"}
    efs = {"MountDir": "/files", "Name": "files", "StorageType": "Efs", "EfsSettings": {"DeletionPolicy": "Retain"}}
    logs = {"Logs": {"CloudWatch": {"DeletionPolicy": "Retain"}}, "Dashboards": {"CloudWatch": {"Enabled": False}}}
    return configure(SharedStorage=[ebs, snapshot, efs], Monitoring=logs)


def test_delete_keeps_and_names_the_data_that_the_configuration_retains(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, with_data(configure))
    answer = shoal.succeed("delete", name)
    kinds = {item["resourceType"] for item in answer["kept"]}
    assert {"AWS::EC2::Volume", "AWS::EC2::Snapshot", "AWS::EFS::FileSystem", "AWS::Logs::LogGroup"} <= kinds
    named = {item["id"] for item in answer["kept"]}
    left = [line.split(" ", 1) for line in shoal.left_since(before)]
    assert {identifier for kind, identifier in left if kind in kinds} <= named
    assert all(f"{item['id']} ({item['resourceType']})" in answer["summary"] for item in answer["kept"])
    remove(shoal, answer["kept"])


def remove(shoal: FrontDoor, kept: list[dict[str, str]]) -> None:
    """Delete what a cluster has left on purpose."""
    ec2, efs, logs = shoal.client("ec2"), shoal.client("efs"), shoal.client("logs")
    things = {kind: [item["id"] for item in kept if item["resourceType"] == kind] for kind in
              {item["resourceType"] for item in kept}}  # fmt: skip
    for target in things.get("AWS::EFS::MountTarget", []):
        efs.delete_mount_target(MountTargetId=target)
    for system in things.get("AWS::EFS::FileSystem", []):
        efs.delete_file_system(FileSystemId=system)
    for volume in things.get("AWS::EC2::Volume", []):
        ec2.delete_volume(VolumeId=volume)
    for snapshot in things.get("AWS::EC2::Snapshot", []):
        ec2.delete_snapshot(SnapshotId=snapshot)
    for group in things.get("AWS::Logs::LogGroup", []):
        logs.delete_log_group(logGroupName=group)
    for group in things.get("AWS::EC2::SecurityGroup", []):
        ec2.delete_security_group(GroupId=group)


def test_a_failed_create_keeps_no_data_whatever_the_configuration_retains(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    before = shoal.state()
    shoal.server.call("POST", "/_shoal/head-node-signal", {"send": "FAILURE"})
    try:
        ended = shoal.operate("create", name, with_data(configure))
    finally:
        shoal.server.call("POST", "/_shoal/head-node-signal", {"send": "SUCCESS"})
    assert ended.error == "StackFailed"
    assert shoal.left_since(before) == []


# ---- A bucket of the user's


@pytest.fixture
def own_bucket(shoal: FrontDoor, name: str) -> Iterator[str]:
    """A versioned bucket of the user's, with an object that is nobody's business; it survives, and is checked."""
    s3, bucket = shoal.client("s3"), f"own-bucket-{name}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = ["data/foreign", f"shoal/{name}0/foreign", f"shoal/{name}"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"foreign")
    yield bucket
    listed = s3.list_object_versions(Bucket=bucket)
    assert sorted(version["Key"] for version in listed["Versions"]) == sorted(keys)
    assert listed.get("DeleteMarkers", []) == []
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    for version in listed["Versions"]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_bucket(Bucket=bucket)


def test_of_a_custom_bucket_only_the_prefix_goes_with_the_cluster(
    shoal: FrontDoor, name: str, configure: Configure, own_bucket: str
) -> None:
    """The prefix was that of a cluster before, whose stack is gone; what has its marker may be taken over."""
    before, dead = shoal.state(), "arn:aws:cloudformation:us-east-1:111111111111:stack/shoal-cluster-gone/5f6a"
    shoal.client("s3").put_object(Bucket=own_bucket, Key=f"shoal/{name}/.shoal-stack", Body=dead.encode())
    shoal.succeed("create", name, configure(CustomS3Bucket=own_bucket))
    assert bucket_of(shoal, name) == own_bucket
    fill_bucket(shoal, own_bucket, f"shoal/{name}/")
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def test_of_a_custom_bucket_only_the_prefix_goes_with_a_stack_deleted_in_the_console(
    shoal: FrontDoor, name: str, configure: Configure, own_bucket: str
) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure(CustomS3Bucket=own_bucket))
    fill_bucket(shoal, own_bucket, f"shoal/{name}/")
    assert delete_in_the_console(shoal, name) == "DELETE_COMPLETE"
    assert shoal.left_since(before) == []
    shoal.succeed("delete", name)


def test_a_failed_create_leaves_a_custom_bucket_as_it_was(
    shoal: FrontDoor, name: str, configure: Configure, own_bucket: str
) -> None:
    before = shoal.state()
    shoal.server.call("POST", "/_shoal/head-node-signal", {"send": "FAILURE"})
    try:
        ended = shoal.operate("create", name, configure(CustomS3Bucket=own_bucket))
    finally:
        shoal.server.call("POST", "/_shoal/head-node-signal", {"send": "SUCCESS"})
    assert ended.error == "StackFailed"
    assert shoal.left_since(before) == []


def test_a_prefix_that_holds_foreign_objects_is_not_taken(
    shoal: FrontDoor, name: str, configure: Configure, own_bucket: str
) -> None:
    s3, key = shoal.client("s3"), f"shoal/{name}/foreign"
    version = s3.put_object(Bucket=own_bucket, Key=key, Body=b"foreign")["VersionId"]
    before = shoal.state()
    ended = shoal.operate("create", name, configure(CustomS3Bucket=own_bucket))
    assert ended.error == "StackFailed"
    assert "already holds objects that no cluster of Shoal wrote" in ended.cause
    assert shoal.left_since(before) == []
    assert s3.head_object(Bucket=own_bucket, Key=key)["VersionId"] == version
    s3.delete_object(Bucket=own_bucket, Key=key, VersionId=version)
