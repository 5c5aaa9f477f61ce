"""Does the head node's section become an instance that stays when an update must not touch it?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from shoal.cluster import head_node, head_node_role
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.head_node import ELASTIC_IP, ELASTIC_IP_ASSOCIATION, HEAD_NODE, HEAD_NODE_PROFILE, LAUNCH_TEMPLATE
from shoal.cluster.head_node_role import HEAD_NODE_ROLE
from tests.support.clusters import HEAD_SUBNET, configuration, largest_configuration, queue, site

LARGEST_USER_DATA = 16 * 1024
"""Bytes, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html"""
ROLE = "arn:aws:iam::111111111111:role/team/heads"
PROFILE = "arn:aws:iam::111111111111:instance-profile/team/heads"


def head(**keys: Any) -> dict[str, Any]:
    networking = {"SubnetId": HEAD_SUBNET} | keys.pop("Networking", {})
    return {"InstanceType": "t3.micro", "Networking": networking} | keys


def rendered(cluster: Cluster | None = None, /, **keys: Any) -> dict[str, dict[str, Any]]:
    found = cluster or load(configuration(HeadNode=head(**keys)))
    return dict(head_node.resources(found, site())) | dict(head_node_role.resources(found, site()))


def instance(**keys: Any) -> dict[str, Any]:
    properties: dict[str, Any] = rendered(**keys)[HEAD_NODE]["Properties"]
    return properties


def statements(**keys: Any) -> dict[str, dict[str, Any]]:
    (policy,) = rendered(**keys)[HEAD_NODE_ROLE]["Properties"]["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


LIVE_CHANGES: list[dict[str, Any]] = [
    {"Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main"), queue("more")]}},
    {"HeadNode": head(Ssh={"AllowedIps": "192.0.2.0/24"})},
    {"HeadNode": head(Iam={"S3Access": [{"BucketName": "data"}]})},
    {"HeadNode": head(Networking={"AdditionalSecurityGroups": ["sg-0123456789abcdef0"]})},
    {"Monitoring": {"Logs": {"CloudWatch": {"RetentionInDays": 7, "DeletionPolicy": "Delete"}}}},
    {"Monitoring": {"Alarms": {"Enabled": False}, "Dashboards": {"CloudWatch": {"Enabled": False}}}},
]


@pytest.mark.parametrize("change", LIVE_CHANGES, ids=lambda change: next(iter(change)))
def test_a_live_change_leaves_the_instance_as_it_is(change: dict[str, Any]) -> None:
    before = rendered(load(configuration()))
    after = rendered(load(configuration(**change)))
    assert (after[HEAD_NODE], after[LAUNCH_TEMPLATE]) == (before[HEAD_NODE], before[LAUNCH_TEMPLATE])


def test_the_stack_waits_for_the_signal_as_long_as_the_configuration_says() -> None:
    cluster = load(configuration(DevSettings={"Timeouts": {"HeadNodeBootstrapTimeout": 1000}}))
    policy = rendered(cluster)[HEAD_NODE]["CreationPolicy"]
    assert policy == {"ResourceSignal": {"Count": 1, "Timeout": "PT1000S"}}


def test_the_user_data_of_the_largest_cluster_fit() -> None:
    value = rendered(load(largest_configuration()))[HEAD_NODE]["Properties"]["UserData"]["Fn::Base64"]
    identity = "vol-0123456789abcdef0"
    text = "".join(part if isinstance(part, str) else identity for part in value["Fn::Join"][1])
    assert len(text.encode()) <= LARGEST_USER_DATA


def test_the_instance_attaches_its_volumes_itself() -> None:
    """A VolumeAttachment would wait for the instance's signal, and the signal for the volume."""
    found = rendered()
    assert [volume["Device"] for volume in found[HEAD_NODE]["Properties"]["Volumes"]] == ["/dev/sdf"]
    assert not any(resource["Type"] == "AWS::EC2::VolumeAttachment" for resource in found.values())


@pytest.mark.parametrize(("support", "tokens"), [("v1.0", "optional"), ("v2.0", "required")])
def test_the_metadata_service_asks_for_tokens_as_configured(support: str, tokens: str) -> None:
    found = rendered(load(configuration(Imds={"ImdsSupport": support})))[HEAD_NODE]["Properties"]
    assert found["MetadataOptions"]["HttpTokens"] == tokens


def test_one_thread_for_each_core_where_cores_have_two() -> None:
    assert "CpuOptions" not in instance()
    options = instance(DisableSimultaneousMultithreading=True)["CpuOptions"]
    assert options == {"CoreCount": 1, "ThreadsPerCore": 1}
    assert "CpuOptions" not in instance(DisableSimultaneousMultithreading=True, InstanceType="c6gd.large")


def test_the_root_volume_is_what_its_settings_say() -> None:
    root = {"Size": 50, "VolumeType": "gp3", "Iops": 4000, "Throughput": 500, "Encrypted": False}
    found = rendered(LocalStorage={"RootVolume": root | {"DeleteOnTermination": False}})[LAUNCH_TEMPLATE]
    (mapping,) = found["Properties"]["LaunchTemplateData"]["BlockDeviceMappings"]
    expected = {"VolumeSize": 50, "VolumeType": "gp3", "Iops": 4000, "Throughput": 500, "Encrypted": False}
    assert mapping == {"DeviceName": "/dev/xvda", "Ebs": expected | {"DeleteOnTermination": False}}


@pytest.mark.parametrize(("system", "device"), [("alinux2023", "/dev/xvda"), ("ubuntu2404", "/dev/sda1")])
def test_the_root_volume_has_the_device_name_of_the_system_or_that_of_the_ami(system: str, device: str) -> None:
    cluster = load(configuration(Image={"Os": system}))
    for where, expected in ((site(), device), (site(head_node_root_device="/dev/sdx"), "/dev/sdx")):
        data = dict(head_node.resources(cluster, where))[LAUNCH_TEMPLATE]["Properties"]["LaunchTemplateData"]
        assert data["BlockDeviceMappings"][0]["DeviceName"] == expected


def test_an_elastic_ip_is_made_taken_by_its_id_or_by_its_address() -> None:
    assert ELASTIC_IP_ASSOCIATION not in rendered()
    assert ELASTIC_IP in rendered(Networking={"ElasticIp": True})
    given = rendered(Networking={"ElasticIp": "eipalloc-0123456789abcdef0"})
    assert ELASTIC_IP not in given
    assert given[ELASTIC_IP_ASSOCIATION]["Properties"]["AllocationId"] == "eipalloc-0123456789abcdef0"
    cluster = load(configuration(HeadNode=head(Networking={"ElasticIp": "192.0.2.1"})))
    found = dict(head_node.resources(cluster, site(elastic_ips={"192.0.2.1": "eipalloc-1"})))
    assert found[ELASTIC_IP_ASSOCIATION]["Properties"]["AllocationId"] == "eipalloc-1"


def test_the_instance_starts_only_when_its_address_is_there() -> None:
    assert ELASTIC_IP_ASSOCIATION in rendered(Networking={"ElasticIp": True})[HEAD_NODE]["DependsOn"]


def test_a_given_role_or_profile_takes_the_place_of_the_clusters_own() -> None:
    by_role = rendered(Iam={"InstanceRole": ROLE})
    assert HEAD_NODE_ROLE not in by_role
    assert by_role[HEAD_NODE_PROFILE]["Properties"]["Roles"] == ["heads"]
    by_profile = rendered(Iam={"InstanceProfile": PROFILE})
    assert HEAD_NODE_PROFILE not in by_profile
    assert by_profile[HEAD_NODE]["Properties"]["IamInstanceProfile"] == "heads"


def test_managed_policies_are_attached_to_the_role() -> None:
    policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    found = rendered(Iam={"AdditionalIamPolicies": [{"Policy": policy}]})[HEAD_NODE_ROLE]
    assert found["Properties"]["ManagedPolicyArns"] == [policy]


def test_a_bucket_is_read_and_only_where_it_says_so_written() -> None:
    access = [{"BucketName": "in", "KeyName": "raw/*"}, {"BucketName": "out", "EnableWriteAccess": True}]
    found = statements(Iam={"S3Access": access})
    assert found["S3Read"]["Resource"] == ["arn:aws:s3:::in/raw/*", "arn:aws:s3:::out", "arn:aws:s3:::out/*"]
    assert found["S3Write"]["Resource"] == ["arn:aws:s3:::out/*"]
    assert not {"S3Read", "S3Write"} & statements().keys()


def test_the_role_signals_its_own_stack_only() -> None:
    assert statements()["SignalTheStack"]["Resource"] == {"Ref": "AWS::StackId"}


def test_a_head_node_without_logs_may_write_none() -> None:
    cluster = load(configuration(Monitoring={"Logs": {"CloudWatch": {"Enabled": False}}}))
    found = rendered(cluster)
    policy = json.dumps(found[HEAD_NODE_ROLE])
    assert "logs:PutLogEvents" not in policy
    assert "cloudwatch:PutMetricData" not in policy
    assert head_node.settings(cluster, site()).log_group is None
