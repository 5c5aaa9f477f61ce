"""Bad input to the front door: one sentence that names the field, and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.process import ACCOUNT_ID
from tests.support.front_door import BUCKET, Ended, FrontDoor, queue

Configuration = dict[str, Any]
Configure = Callable[..., Configuration]
SUBNET = "subnet-of-the-test"
"""Stands for the subnet that is there; filled in where the configuration is made."""


def refused(ended: Ended, code: str, field: str) -> None:
    """FAILED with a stable code and one line that names the field; no Python, no file's content."""
    assert (ended.status, ended.error) == ("FAILED", code), ended.cause
    assert field in ended.cause
    assert "\n" not in ended.cause
    assert "Traceback" not in ended.cause


def resource(**changed: Any) -> dict[str, Any]:
    return {"Name": "ondemand", "InstanceTypes": ["c6i.large"], "MaxvCpus": 4} | changed


def queues(*resources: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "Scheduling": {
            "Scheduler": "awsbatch",
            "AwsBatchQueues": [queue(SUBNET, ComputeResources=list(resources), **changed)],
        }
    }


def storage(**changed: Any) -> dict[str, Any]:
    return {"SharedStorage": [{"Name": "data", "MountDir": "/data", "StorageType": "Ebs"} | changed]}


def tags(key: str) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": "x"}]}


def slurm(*, networking: dict[str, Any] | None = None, resource: dict[str, Any] | None = None,
          **changed: Any) -> Configuration:  # fmt: skip
    """A Slurm cluster's scheduling."""
    queue = {
        "Name": "main",
        "Networking": {"SubnetIds": [SUBNET]} | (networking or {}),
        "ComputeResources": [{"Name": "work", "InstanceType": "c6i.large"} | (resource or {})],
    }
    return {"Scheduling": {"Scheduler": "slurm", "SlurmQueues": [queue]} | changed, "ContainerImage": None}


HEAD = {"InstanceType": "t3.small", "Networking": {"SubnetId": SUBNET}}
FIRST = "Scheduling.AwsBatchQueues[0]"
SLURM = "Scheduling.SlurmQueues[0].ComputeResources[0]"
FOUR = [resource(Name=f"r{number}") for number in range(4)]
TWINS = {"Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": [queue(SUBNET), queue(SUBNET)]}}
CONFIGURATIONS: dict[str, tuple[Configuration, str]] = {
    "unknown key": ({"HeadNodes": {}}, "HeadNodes"),
    "misspelled key": ({"HeadNode": HEAD | {"InstanceTyp": "t3.small"}}, "HeadNode.InstanceTyp"),
    "wrong type of a section": ({"HeadNode": "t3.small"}, "HeadNode"),
    "wrong type of a value": (queues(resource(MaxvCpus="many")), f"{FIRST}.ComputeResources[0].MaxvCpus"),
    "negative vCPUs": (queues(resource(MinvCpus=-1)), f"{FIRST}.ComputeResources[0].MinvCpus"),
    "reversed vCPUs": (queues(resource(MinvCpus=8)), f"{FIRST}.ComputeResources[0].MaxvCpus"),
    "no compute resource": (queues(), f"{FIRST}.ComputeResources"),
    "four compute resources": (queues(*FOUR), f"{FIRST}.ComputeResources"),
    "two architectures": (queues(resource(InstanceTypes=["c6i.large", "c6g.large"])), FIRST),
    "two queues of one name": (TWINS, "Scheduling.AwsBatchQueues[1].Name"),
    "Slurm: Batch queues": (slurm() | {"Scheduling": {"Scheduler": "slurm", "AwsBatchQueues": []}}, "SlurmQueues"),
    "Slurm: an image of jobs": (slurm() | {"ContainerImage": {"Uri": "debian:12"}}, "ContainerImage"),
    "Slurm: system without Slurm": (slurm() | {"Image": {"Os": "alinux2023"}}, "Image.Os"),
    "Slurm: reversed counts": (slurm(resource={"MinCount": 11}), f"{SLURM}.MaxCount"),
    "Slurm: a setting of Shoal's": (slurm(resource={"CustomSlurmSettings": {"Gres": "gpu:1"}}), f"{SLURM}.Custom"),
    "Slurm: absent instance type": (slurm(resource={"InstanceType": "c99i.large"}), f"{SLURM}.InstanceType"),
    "Slurm: login nodes": (slurm() | {"LoginNodes": {"Pools": []}}, "LoginNodes"),
    "unknown storage type": (storage(StorageType="Nfs"), "SharedStorage[0].StorageType"),
    "storage that is not offered": (storage(StorageType="FsxLustre"), "SharedStorage[0].StorageType"),
    "unsupported system": ({"Image": {"Os": "windows2022"}}, "Image.Os"),
    "system out of support": ({"Image": {"Os": "alinux2"}}, "alinux2023"),
    "absent instance type": (queues(resource(InstanceTypes=["c99i.large"])), "ComputeResources[0].InstanceTypes"),
    "absent head node type": ({"HeadNode": HEAD | {"InstanceType": "t99.small"}}, "HeadNode.InstanceType"),
    "absent subnet": (
        {"HeadNode": HEAD | {"Networking": {"SubnetId": "subnet-0123456789abcdef9"}}},
        "HeadNode.Networking.SubnetId",
    ),
    "absent AMI": ({"Image": {"Os": "debian12", "CustomAmi": "ami-0123456789abcdef9"}}, "Image.CustomAmi"),
    "dynamic reference": (tags("{{resolve:ssm:/secret}}"), "Tags[0].Key"),
    "dynamic reference in a name": (queues(resource(), Name="{{resolve:ssm:/secret}}"), f"{FIRST}.Name"),
    "another Region": ({"Region": "eu-west-1"}, "Region"),
    "tag of AWS": (tags("aws:name"), "Tags[0].Key"),
    "tag of Shoal": (tags("shoal:cluster"), "Tags[0].Key"),
    "the Region's bucket as CustomS3Bucket": ({"CustomS3Bucket": BUCKET}, "CustomS3Bucket"),
    "absent CustomS3Bucket": ({"CustomS3Bucket": "no-such-bucket-of-ours"}, "CustomS3Bucket"),
    "a role that is absent": (
        {"HeadNode": HEAD | {"Iam": {"InstanceRole": f"arn:aws:iam::{ACCOUNT_ID}:role/absent"}}},
        "HeadNode.Iam.InstanceRole",
    ),
    "a policy that is absent": (
        {"HeadNode": HEAD | {"Iam": {"AdditionalIamPolicies": [{"Policy": f"arn:aws:iam::{ACCOUNT_ID}:policy/none"}]}}},
        "HeadNode.Iam.AdditionalIamPolicies[0].Policy",
    ),
}


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_bad_configuration_is_refused_by_its_key_and_changes_nothing(
    shoal: FrontDoor, name: str, configure: Configure, case: str
) -> None:
    changed, key = CONFIGURATIONS[case]
    configuration = json.loads(json.dumps(configure(**changed)).replace(SUBNET, shoal.subnet))
    before = shoal.state()
    refused(shoal.operate("create", name, configuration), "InvalidConfiguration", key)
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None


def test_a_placement_group_that_is_absent_is_refused(shoal: FrontDoor, name: str, configure: Configure) -> None:
    changed = json.dumps(slurm(networking={"PlacementGroup": {"Name": "none"}})).replace(SUBNET, shoal.subnet)
    ended = shoal.operate("create", name, configure(**json.loads(changed)))
    refused(ended, "InvalidConfiguration", "Scheduling.SlurmQueues[0].Networking.PlacementGroup names none")


TEXTS = {
    "not a mapping": ("- a\n- b\n", "mapping"),
    "empty": ("", "The configuration is empty"),
    "not YAML": ("Region: [us-east-1\nsecret: hunter2\n", "YAML"),
    "duplicate key": ("Region: us-east-1\nRegion: us-east-1\n", "Region"),
    "no sections": ("Region: us-east-1\n", "HeadNode"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_that_is_no_configuration_is_refused_without_being_echoed(
    shoal: FrontDoor, name: str, case: str
) -> None:
    text, word = TEXTS[case]
    before = shoal.state()
    ended = shoal.operate("create", name, text)
    refused(ended, "InvalidConfiguration", word)
    assert "hunter2" not in ended.cause
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None


REQUESTS: dict[str, tuple[Any, str]] = {
    "not an object": (["help"], "object"),
    "no operation": ({"clusterName": "genomics"}, "operation"),
    "unknown operation": ({"operation": "craete", "clusterName": "genomics"}, "did you mean create?"),
    "operation of a wrong type": ({"operation": 7}, "operation"),
    "missing name": ({"operation": "describe"}, "clusterName"),
    "upper case": ({"operation": "delete", "clusterName": "Genomics"}, "clusterName"),
    "a digit first": ({"operation": "delete", "clusterName": "1genomics"}, "clusterName"),
    "underscore": ({"operation": "delete", "clusterName": "geno_mics"}, "clusterName"),
    "too long": ({"operation": "delete", "clusterName": "g" * 32}, "clusterName"),
    "empty name": ({"operation": "delete", "clusterName": ""}, "clusterName"),
    "a line break": ({"operation": "delete", "clusterName": "genomics\n"}, "clusterName"),
    "a name of a wrong type": ({"operation": "delete", "clusterName": 7}, "clusterName"),
    "no configuration": ({"operation": "create", "clusterName": "genomics"}, "clusterConfiguration"),
    "unknown field": ({"operation": "delete", "clusterName": "genomics", "force": True}, "force"),
    "deadline out of range": (
        {"operation": "delete", "clusterName": "genomics", "deadlineMinutes": 1},
        "deadlineMinutes",
    ),
    "a file's address": (
        {"operation": "create", "clusterName": "genomics", "clusterConfigurationUri": "file:///etc/passwd"},
        "clusterConfigurationUri",
    ),
    "two configurations": (
        {
            "operation": "create",
            "clusterName": "genomics",
            "clusterConfiguration": {},
            "clusterConfigurationUri": "s3://bucket/key.yaml",
        },
        "clusterConfigurationUri",
    ),
    "configuration too large for an input": (
        {"operation": "create", "clusterName": "genomics", "clusterConfiguration": {"Tags": "x" * 70_000}},
        "clusterConfigurationUri",
    ),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_bad_request_is_refused_by_its_field_and_changes_nothing(shoal: FrontDoor, case: str) -> None:
    data, field = REQUESTS[case]
    before = shoal.state()
    refused(shoal.run(data), "InvalidRequest", field)
    assert shoal.left_since(before) == []


def test_empty_input_explains_itself(shoal: FrontDoor) -> None:
    ended = shoal.run({})
    assert ended.status == "SUCCEEDED"
    assert {"create", "update", "delete", "describe", "list", "build-image", "plan", "help"} <= {
        item["operation"] for item in ended.answer["operations"]
    }


@pytest.mark.parametrize("operation", ["update", "describe", "build-image"])
def test_what_needs_a_cluster_is_refused_without_one(
    shoal: FrontDoor, name: str, configure: Configure, operation: str
) -> None:
    configuration = configure() if operation == "update" else None
    refused(
        shoal.operate(operation, name, configuration), "ClusterNotFound", f"clusterName: there is no cluster {name}"
    )
    assert shoal.item("CLUSTER", name) is None


def test_input_above_256_kib_is_refused_by_step_functions(shoal: FrontDoor, name: str) -> None:
    with pytest.raises(ClientError, match="262144"):
        shoal.operate("create", name, {"Tags": "x" * 300_000})


@pytest.mark.refused("s3:GetObject")
@pytest.mark.parametrize("uri", ["s3://no-such-bucket-anywhere/key.yaml", f"s3://{BUCKET}/no-such-key.yaml"])
def test_a_configuration_that_is_not_there_is_named_by_its_address(shoal: FrontDoor, name: str, uri: str) -> None:
    refused(shoal.operate("create", name, clusterConfigurationUri=uri), "ConfigurationUnreadable", uri)
    assert shoal.item("CLUSTER", name) is None


@pytest.mark.refused("s3:GetObject")
def test_a_configuration_that_may_not_be_read_is_named_by_its_address(shoal: FrontDoor, name: str) -> None:
    s3, bucket = shoal.client("s3"), f"{name}-closed"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="cluster.yaml", Body=b"Region: us-east-1\n")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    uri = f"s3://{bucket}/cluster.yaml"
    refused(shoal.operate("create", name, clusterConfigurationUri=uri), "ConfigurationUnreadable", uri)
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="cluster.yaml")
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"Region: [us-east-1", "InvalidConfiguration"), (b"\xff\xfe\x00binary", "ConfigurationUnreadable")],
    ids=["not YAML", "not text"],
)
def test_a_stored_file_that_is_no_configuration_is_refused(
    shoal: FrontDoor, name: str, content: bytes, code: str
) -> None:
    s3, bucket = shoal.client("s3"), f"{name}-files"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="cluster.yaml", Body=content)
    ended = shoal.operate("create", name, clusterConfigurationUri=f"s3://{bucket}/cluster.yaml")
    s3.delete_object(Bucket=bucket, Key="cluster.yaml")
    s3.delete_bucket(Bucket=bucket)
    refused(ended, code, "" if code == "InvalidConfiguration" else bucket)
    assert shoal.item("CLUSTER", name) is None


def test_a_plan_of_a_stored_configuration_reads_it_and_keeps_no_cluster(
    shoal: FrontDoor, name: str, configure: Configure
) -> None:
    s3, bucket = shoal.client("s3"), f"{name}-files"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="cluster.json", Body=json.dumps(configure()).encode())
    before = shoal.state()
    answer = shoal.succeed("plan", name, clusterConfigurationUri=f"s3://{bucket}/cluster.json")
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None
    assert answer["resources"]
    s3.delete_object(Bucket=bucket, Key="cluster.json")
    s3.delete_bucket(Bucket=bucket)
