"""Every key that is accepted acts: changing it changes a property that CloudFormation acts upon.

Tags, hashes, Metadata and the stored configuration do not count. And what a key's `Change` promises holds: a change
that an update may make replaces nothing that holds data or jobs, and does not restart the head node.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from shoal.cluster.blueprint import Blueprint, blueprint
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.keys import walk
from shoal.cluster.scheduling import QUEUES
from tests.support.clusters import REGION, compute_resource, queue, site_for, storage
from tests.support.configurations import base, parent, put, slurm_base
from tests.support.slurm_clusters import slurm_queue, slurm_resource

ABSENT = object()
QUEUE = "Scheduling.AwsBatchQueues[]"
SLURM_QUEUE = "Scheduling.SlurmQueues[]"
SLURM_RESOURCE = f"{SLURM_QUEUE}.ComputeResources[]"
NODE_STORAGE = f"{SLURM_QUEUE}.ComputeSettings.LocalStorage"
ROOT = "HeadNode.LocalStorage.RootVolume"
DIGEST = f"sha256:{'0' * 64}"

OF_AN_IMAGE: Mapping[str, tuple[Any, Any]] = MappingProxyType(
    {
        "Uri": (f"registry.example.com/one@{DIGEST}", f"registry.example.com/two@{DIGEST}"),
        "Context": ("s3://mine/one.zip", "s3://mine/two/"),
        "Dockerfile": ("Dockerfile", "docker/jobs"),
        "BuildArgs": ({"MPI": "4"}, {"MPI": "5"}),
        "Target": (ABSENT, "run"),
        "BuildTimeout": (60, 120),
        "ComputeType": ("BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_LARGE"),
    }
)
OF_A_GROUP: Mapping[str, tuple[Any, Any]] = MappingProxyType(
    {"Enabled": (False, True), "Name": (ABSENT, "mine"), "Id": (ABSENT, "mine")}
)
OF_AN_ACTION: Mapping[str, tuple[Any, Any]] = MappingProxyType(
    {
        "Script": ("s3://mine/one.sh", "https://example.com/two.sh"),
        "Args": (["one"], ["two"]),
        "Sequence": ([{"Script": "s3://mine/one.sh"}], [{"Script": "s3://mine/two.sh"}]),
        "Sequence[].Script": ("s3://mine/one.sh", "s3://mine/two.sh"),
        "Sequence[].Args": (["one"], ["two"]),
    }
)
ACTIONS = (
    *(f"HeadNode.CustomActions.{hook}" for hook in ("OnNodeStart", "OnNodeConfigured", "OnNodeUpdated")),
    *(f"{SLURM_QUEUE}.CustomActions.{hook}" for hook in ("OnNodeStart", "OnNodeConfigured")),
)
SLURM_CHANGES: Mapping[str, tuple[Any, Any]] = MappingProxyType(
    {
        "Scheduling.SlurmSettings.ScaledownIdletime": (10, 20),
        "Scheduling.SlurmSettings.EnableMemoryBasedScheduling": (False, True),
        "Scheduling.SlurmSettings.CustomSlurmSettings": ([{"PriorityType": "priority/basic"}], [{"MaxArraySize": 9}]),
        "Scheduling.SlurmQueues": ([slurm_queue("main")], [slurm_queue("main"), slurm_queue("second")]),
        f"{SLURM_QUEUE}.Name": ("main", "other"),
        f"{SLURM_QUEUE}.CapacityType": ("ONDEMAND", "SPOT"),
        f"{SLURM_QUEUE}.Networking.SubnetIds": (["subnet-00000001"], ["subnet-00000001", "subnet-00000002"]),
        f"{SLURM_QUEUE}.Networking.AssignPublicIp": (False, True),
        f"{SLURM_QUEUE}.Networking.SecurityGroups": (ABSENT, ["sg-00000001"]),
        f"{SLURM_QUEUE}.Networking.AdditionalSecurityGroups": (ABSENT, ["sg-00000001"]),
        **{f"{SLURM_QUEUE}.Networking.PlacementGroup.{key}": values for key, values in OF_A_GROUP.items()},
        f"{NODE_STORAGE}.RootVolume.VolumeType": ("gp2", "gp3"),
        f"{NODE_STORAGE}.RootVolume.Iops": (3000, 4000),
        f"{NODE_STORAGE}.RootVolume.Size": (40, 50),
        f"{NODE_STORAGE}.RootVolume.Throughput": (125, 250),
        f"{NODE_STORAGE}.RootVolume.Encrypted": (True, False),
        f"{NODE_STORAGE}.EphemeralVolume.MountDir": ("/scratch", "/fast"),
        f"{SLURM_QUEUE}.ComputeResources": ([slurm_resource("a")], [slurm_resource("a"), slurm_resource("b")]),
        f"{SLURM_RESOURCE}.Name": ("one", "other"),
        f"{SLURM_RESOURCE}.Instances": ([{"InstanceType": "c6i.large"}], [{"InstanceType": "c6i.xlarge"}]),
        f"{SLURM_RESOURCE}.Instances[].InstanceType": ("c6i.large", "c6i.xlarge"),
        f"{SLURM_RESOURCE}.InstanceType": ("c6i.large", "c6i.xlarge"),
        f"{SLURM_RESOURCE}.MinCount": (0, 2),
        f"{SLURM_RESOURCE}.MaxCount": (10, 20),
        f"{SLURM_RESOURCE}.SpotPrice": (0.5, 0.6),
        f"{SLURM_RESOURCE}.DisableSimultaneousMultithreading": (False, True),
        f"{SLURM_RESOURCE}.Efa.Enabled": (False, True),
        f"{SLURM_RESOURCE}.SchedulableMemory": (1000, 2000),
        **{f"{SLURM_RESOURCE}.Networking.PlacementGroup.{key}": values for key, values in OF_A_GROUP.items()},
        f"{SLURM_RESOURCE}.CustomSlurmSettings": ({"Weight": 1}, {"Weight": 2}),
        f"{SLURM_RESOURCE}.Tags": (ABSENT, [{"Key": "project", "Value": "genomes"}]),
        f"{SLURM_RESOURCE}.Tags[].Key": ("project", "team"),
        f"{SLURM_RESOURCE}.Tags[].Value": ("genomes", "proteins"),
        f"{SLURM_QUEUE}.Iam.InstanceRole": (ABSENT, "arn:aws:iam::111111111111:role/mine"),
        f"{SLURM_QUEUE}.Iam.InstanceProfile": (ABSENT, "arn:aws:iam::111111111111:instance-profile/mine"),
        f"{SLURM_QUEUE}.Iam.AdditionalIamPolicies": (ABSENT, [{"Policy": "arn:aws:iam::111111111111:policy/mine"}]),
        f"{SLURM_QUEUE}.Iam.AdditionalIamPolicies[].Policy": (
            "arn:aws:iam::111111111111:policy/mine",
            "arn:aws:iam::111111111111:policy/yours",
        ),
        f"{SLURM_QUEUE}.Iam.S3Access": (ABSENT, [{"BucketName": "data"}]),
        f"{SLURM_QUEUE}.Iam.S3Access[].BucketName": ("data", "results"),
        f"{SLURM_QUEUE}.Iam.S3Access[].KeyName": (ABSENT, "folder/*"),
        f"{SLURM_QUEUE}.Iam.S3Access[].EnableWriteAccess": (False, True),
        f"{SLURM_QUEUE}.Image.CustomAmi": (ABSENT, "ami-00000001"),
        f"{SLURM_QUEUE}.JobExclusiveAllocation": (False, True),
        f"{SLURM_QUEUE}.CustomSlurmSettings": ({"MaxTime": "1:00:00"}, {"MaxTime": "2:00:00"}),
        f"{SLURM_QUEUE}.Tags": (ABSENT, [{"Key": "project", "Value": "genomes"}]),
        f"{SLURM_QUEUE}.Tags[].Key": ("project", "team"),
        f"{SLURM_QUEUE}.Tags[].Value": ("genomes", "proteins"),
        "HeadNode.Imds.Secured": (False, True),
        "DevSettings.Timeouts.ComputeNodeBootstrapTimeout": (1800, 3600),
    }
)
CHANGES: Mapping[str, tuple[Any, Any]] = MappingProxyType(
    {
        **SLURM_CHANGES,
        **{f"{action}.{key}": values for action in ACTIONS for key, values in OF_AN_ACTION.items()},
        "Image.Os": ("debian12", "ubuntu2404"),
        "Image.CustomAmi": (ABSENT, "ami-00000001"),
        "HeadNode.InstanceType": ("t3.micro", "t3.large"),
        "HeadNode.DisableSimultaneousMultithreading": (ABSENT, True),
        "HeadNode.Networking.SubnetId": ("subnet-00000001", "subnet-00000002"),
        "HeadNode.Networking.ElasticIp": (ABSENT, True),
        "HeadNode.Networking.SecurityGroups": (ABSENT, ["sg-00000001"]),
        "HeadNode.Networking.AdditionalSecurityGroups": (ABSENT, ["sg-00000001"]),
        "HeadNode.Ssh.KeyName": (ABSENT, "key"),
        "HeadNode.Ssh.AllowedIps": ("192.0.2.0/24", "pl-00000001"),
        f"{ROOT}.VolumeType": ("gp2", "gp3"),
        f"{ROOT}.Iops": (3000, 4000),
        f"{ROOT}.Size": (40, 50),
        f"{ROOT}.Throughput": (125, 250),
        f"{ROOT}.Encrypted": (True, False),
        f"{ROOT}.DeleteOnTermination": (True, False),
        "HeadNode.LocalStorage.EphemeralVolume.MountDir": ("/scratch", "/fast"),
        "HeadNode.Iam.InstanceRole": (ABSENT, "arn:aws:iam::111111111111:role/mine"),
        "HeadNode.Iam.InstanceProfile": (ABSENT, "arn:aws:iam::111111111111:instance-profile/mine"),
        "HeadNode.Iam.AdditionalIamPolicies": (ABSENT, [{"Policy": "arn:aws:iam::111111111111:policy/mine"}]),
        "HeadNode.Iam.AdditionalIamPolicies[].Policy": (
            "arn:aws:iam::111111111111:policy/mine",
            "arn:aws:iam::111111111111:policy/yours",
        ),
        "HeadNode.Iam.S3Access": (ABSENT, [{"BucketName": "data"}]),
        "HeadNode.Iam.S3Access[].BucketName": ("data", "results"),
        "HeadNode.Iam.S3Access[].KeyName": (ABSENT, "folder/*"),
        "HeadNode.Iam.S3Access[].EnableWriteAccess": (False, True),
        "HeadNode.SharedStorageType": ("Ebs", "Efs"),
        "HeadNode.SharedStorageEfsSettings.Encrypted": (False, True),
        "HeadNode.Image.CustomAmi": (ABSENT, "ami-00000001"),
        "Scheduling.AwsBatchQueues": ([queue("main")], [queue("main"), queue("second")]),
        f"{QUEUE}.Name": ("main", "other"),
        f"{QUEUE}.CapacityType": ("ONDEMAND", "SPOT"),
        f"{QUEUE}.Networking.SubnetIds": (["subnet-00000001"], ["subnet-00000001", "subnet-00000002"]),
        f"{QUEUE}.Networking.AssignPublicIp": (False, True),
        f"{QUEUE}.Networking.SecurityGroups": (ABSENT, ["sg-00000001"]),
        f"{QUEUE}.Networking.AdditionalSecurityGroups": (ABSENT, ["sg-00000001"]),
        f"{QUEUE}.ComputeResources": ([compute_resource("a")], [compute_resource("a"), compute_resource("b")]),
        f"{QUEUE}.ComputeResources[].Name": ("one", "other"),
        f"{QUEUE}.ComputeResources[].InstanceTypes": (["c6i.large"], ["c6i.large", "m6i"]),
        f"{QUEUE}.ComputeResources[].MinvCpus": (0, 2),
        f"{QUEUE}.ComputeResources[].MaxvCpus": (10, 20),
        f"{QUEUE}.ComputeResources[].DesiredvCpus": (0, 2),
        f"{QUEUE}.ComputeResources[].SpotBidPercentage": (50, 60),
        **{f"{QUEUE}.ContainerImage.{key}": values for key, values in OF_AN_IMAGE.items()},
        "SharedStorage": ([storage("one")], [storage("one"), storage("two")]),
        "SharedStorage[].MountDir": ("/one", "/two"),
        "SharedStorage[].Name": ("one", "two"),
        "SharedStorage[].StorageType": ("Ebs", "Efs"),
        "SharedStorage[].EbsSettings.VolumeType": ("gp2", "gp3"),
        "SharedStorage[].EbsSettings.Iops": (3000, 4000),
        "SharedStorage[].EbsSettings.Size": (40, 50),
        "SharedStorage[].EbsSettings.Throughput": (125, 250),
        "SharedStorage[].EbsSettings.Encrypted": (True, False),
        "SharedStorage[].EbsSettings.KmsKeyId": (ABSENT, "alias/mine"),
        "SharedStorage[].EbsSettings.SnapshotId": (ABSENT, "snap-00000001"),
        "SharedStorage[].EbsSettings.VolumeId": (ABSENT, "vol-00000001"),
        "SharedStorage[].EbsSettings.Raid.Type": (0, 1),
        "SharedStorage[].EbsSettings.Raid.NumberOfVolumes": (2, 3),
        "SharedStorage[].EbsSettings.DeletionPolicy": ("Delete", "Retain"),
        "SharedStorage[].EfsSettings.Encrypted": (False, True),
        "SharedStorage[].EfsSettings.KmsKeyId": (ABSENT, "alias/mine"),
        "SharedStorage[].EfsSettings.PerformanceMode": ("generalPurpose", "maxIO"),
        "SharedStorage[].EfsSettings.ThroughputMode": ("bursting", "provisioned"),
        "SharedStorage[].EfsSettings.ProvisionedThroughput": (8, 16),
        "SharedStorage[].EfsSettings.FileSystemId": (ABSENT, "fs-00000001"),
        "SharedStorage[].EfsSettings.DeletionPolicy": ("Delete", "Retain"),
        "SharedStorage[].EfsSettings.AccessPointId": (ABSENT, "fsap-00000000000000001"),
        "SharedStorage[].EfsSettings.EncryptionInTransit": (False, True),
        "SharedStorage[].EfsSettings.IamAuthorization": (False, True),
        "Monitoring.DetailedMonitoring": (False, True),
        "Monitoring.Logs.CloudWatch.Enabled": (True, False),
        "Monitoring.Logs.CloudWatch.RetentionInDays": (30, 0),
        "Monitoring.Logs.CloudWatch.DeletionPolicy": ("Delete", "Retain"),
        "Monitoring.Logs.Rotation.Enabled": (True, False),
        "Monitoring.Dashboards.CloudWatch.Enabled": (True, False),
        "Monitoring.Alarms.Enabled": (True, False),
        "Tags": (ABSENT, [{"Key": "project", "Value": "genomes"}]),
        "Tags[].Key": ("project", "team"),
        "Tags[].Value": ("genomes", "proteins"),
        "CustomS3Bucket": (ABSENT, "mine"),
        "Imds.ImdsSupport": ("v1.0", "v2.0"),
        "DevSettings.Timeouts.HeadNodeBootstrapTimeout": (1800, 3600),
        **{f"ContainerImage.{key}": values for key, values in OF_AN_IMAGE.items()},
        "Lifecycle.Protect": (False, True),
    }
)
"""Each key with two values that differ."""
ONE_VALUE = frozenset(
    {
        "Region",  # the Region Shoal runs in; any other is refused
        "Scheduling.Scheduler",  # the kind of the cluster
        "Scheduling.ScalingStrategy",
        "Scheduling.SlurmSettings.Dns.DisableManagedDns",
        "ContainerImage.Platform",  # that of the queue's instances, which is the default
        f"{QUEUE}.ContainerImage.Platform",
    }
)
"""Keys of which only one value is accepted."""
TAG_PROPERTIES = frozenset({"Tags", "TagSpecifications", "FileSystemTags"})
HOLDS_DATA_OR_JOBS = frozenset(
    {
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::Batch::ComputeEnvironment",
        "AWS::Batch::JobQueue",
        "AWS::DynamoDB::Table",
        "AWS::EC2::Instance",
        "AWS::EC2::NetworkInterface",
        "AWS::EC2::Volume",
        "AWS::ECR::Repository",
        "AWS::EFS::FileSystem",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
    }
)
KEYS = {key.path: key.change for key in walk(Cluster) if key.change}
ONLY = {key.path: key.only.kind for key in walk(Cluster) if key.only}


def kinds(path: str) -> tuple[str, ...]:
    """The kinds of cluster in which a key may change."""
    if path == "HeadNode.Imds.Secured":
        return ("slurm",)
    own = [kind for only, kind in ONLY.items() if f"{path}.".startswith((f"{only}.", f"{only}[]"))]
    return (own[0],) if own else ("awsbatch", "slurm")


ASKED = [(path, kind) for path in CHANGES for kind in kinds(path)]
MAY_CHANGE = [(path, kind) for path, kind in ASKED if path in KEYS and not KEYS[path].refused]


def rendered(path: str, kind: str, value: Any, filler: Any) -> Blueprint:
    """The blueprint with a key at a value; `filler` is what brings the key's companions when the value is absent."""
    configuration = slurm_base() if kind == "slurm" else base()
    if path.endswith(("SpotBidPercentage", "SpotPrice")):
        configuration["Scheduling"][QUEUES[kind]][0]["CapacityType"] = "SPOT"
    if "[].Instances" in path:
        del configuration["Scheduling"][QUEUES[kind]][0]["ComputeResources"][0]["InstanceType"]
    put(configuration, path, filler if value is ABSENT else value)
    section, name = parent(configuration, path), path.rpartition(".")[2]
    if value is ABSENT:
        del section[name]
    else:
        section[name] = value
    if value == "bursting":
        del section["ProvisionedThroughput"]
    if ".Sequence" in path:
        del parent(configuration, f"{path.partition('.Sequence')[0]}.Script")["Script"]
    cluster = load(configuration)
    return blueprint(cluster, site_for(cluster))


def both(path: str, kind: str) -> tuple[Blueprint, Blueprint]:
    before, after = CHANGES[path]
    return rendered(path, kind, before, after), rendered(path, kind, after, after)


def acting(value: Any, *, tags: bool) -> Any:
    """What AWS acts upon, and the head node: its fleet, without the hash that is the version of that."""
    if isinstance(value, dict):
        hidden = {"version"} if "join_seconds" in value else set() if tags else TAG_PROPERTIES
        return {key: acting(item, tags=tags) for key, item in value.items() if key not in hidden}
    return [acting(item, tags=tags) for item in value] if isinstance(value, list) else value


def what_acts(result: Blueprint, *, tags: bool) -> Any:
    return result.termination_protection, result.parameters, acting(result.template["Resources"], tags=tags)


def test_the_table_has_every_key_that_is_accepted() -> None:
    assert set(CHANGES) | ONE_VALUE == set(KEYS)


@pytest.mark.parametrize(("path", "kind"), ASKED)
def test_changing_a_key_changes_what_acts(path: str, kind: str) -> None:
    before, after = both(path, kind)
    tags = "Tags" in path

    assert what_acts(before, tags=tags) != what_acts(after, tags=tags)


@pytest.mark.parametrize(("path", "kind"), MAY_CHANGE)
def test_a_change_that_an_update_may_make_replaces_nothing_that_holds_data_or_jobs(path: str, kind: str) -> None:
    before, after = (result.template["Resources"] for result in both(path, kind))

    assert list(replaced(before, after)) == []


@pytest.mark.parametrize(("path", "kind"), MAY_CHANGE)
def test_a_change_that_an_update_may_make_does_not_restart_the_head_node(path: str, kind: str) -> None:
    before, after = (result.template["Resources"]["HeadNode"]["Properties"] for result in both(path, kind))

    assert before["UserData"] == after["UserData"]
    assert before["InstanceType"] == after["InstanceType"]


def replaced(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """What would be replaced of what is in both templates, by the properties that CloudFormation only creates."""
    for name in before.keys() & after.keys():
        old, new = before[name], after[name]
        if old["Type"] in HOLDS_DATA_OR_JOBS:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, old["Type"]).schema
            for pointer in schema.get("createOnlyProperties", ()):
                if at(old, pointer) != at(new, pointer):
                    yield f"{name}{pointer.removeprefix('/properties')}"


def at(resource: dict[str, Any], pointer: str) -> str:
    value: Any = resource["Properties"]
    for step in pointer.removeprefix("/properties/").split("/"):
        value = value.get(step) if isinstance(value, dict) else None
    return json.dumps(value, sort_keys=True)
