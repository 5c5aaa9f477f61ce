"""Do the CloudFormation types of our stacks create, change, replace and delete what they stand for?"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from embedded_aws.ec2.images import IMAGES
from tests.support.embedded import Account
from tests.support.stacks import Stack, resource

SUBNET = "subnet-00000001"
ZONE = "us-east-1a"
RANGE = "10.0.0.0/8"


def get(logical_id: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id, attribute]}


def ref(logical_id: str) -> dict[str, str]:
    return {"Ref": logical_id}


def environment(maximum: Any = "4", **compute: Any) -> dict[str, Any]:
    properties = {
        "Type": "MANAGED",
        "State": "ENABLED",
        "ReplaceComputeEnvironment": False,
        "ComputeResources": {
            "Type": "EC2",
            "MinvCpus": 0,
            "MaxvCpus": maximum,
            "DesiredvCpus": 0,
            "InstanceTypes": ["c5"],
            "Subnets": [SUBNET],
            "AllocationStrategy": "BEST_FIT_PROGRESSIVE",
            **compute,
        },
    }
    return resource("AWS::Batch::ComputeEnvironment", properties)


def queue(*environments: str) -> dict[str, Any]:
    order = [{"Order": str(number), "ComputeEnvironment": ref(name)} for number, name in enumerate(environments)]
    return resource("AWS::Batch::JobQueue", {"Priority": "1", "State": "ENABLED", "ComputeEnvironmentOrder": order})


def definition(image: str = "public.ecr.aws/debian/debian:12") -> dict[str, Any]:
    container = {"Image": image, "Vcpus": "1", "Memory": 512, "Command": ["true"], "Environment": []}
    return resource("AWS::Batch::JobDefinition", {"Type": "container", "ContainerProperties": container})


def batch_resources(**overrides: Any) -> dict[str, Any]:
    return {"Work": environment(), "Jobs": queue("Work"), "Job": definition()} | overrides


def instance(**properties: Any) -> dict[str, Any]:
    attributes = {key: properties.pop(key) for key in ("CreationPolicy", "DependsOn") if key in properties}
    wanted = {"ImageId": IMAGES[0][0], "InstanceType": "c5.large", "SubnetId": SUBNET} | properties
    return resource("AWS::EC2::Instance", wanted, **attributes)


@pytest.fixture
def stack(account: Account) -> Stack:
    return Stack(account)


def test_batch_resources_are_created_settled_and_deleted(account: Account, stack: Stack) -> None:
    batch = account.client("batch")
    stack.create(batch_resources())
    environment_arn, queue_arn = stack.physical_id("Work"), stack.physical_id("Jobs")
    found = batch.describe_compute_environments(computeEnvironments=[environment_arn])["computeEnvironments"][0]
    assert (found["status"], found["computeResources"]["maxvCpus"]) == ("VALID", 4)
    assert batch.describe_job_queues(jobQueues=[queue_arn])["jobQueues"][0]["status"] == "VALID"
    stack.delete()
    assert batch.describe_compute_environments()["computeEnvironments"] == []
    assert batch.describe_job_queues()["jobQueues"] == []
    assert batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"] == []


def test_more_vcpus_and_other_instance_types_change_an_environment_in_place(account: Account, stack: Stack) -> None:
    stack.create(batch_resources())
    before = stack.physical_id("Work")
    wanted = batch_resources(Work=environment(8, InstanceTypes=["m5"]))
    assert stack.changes(wanted)["Work"]["Replacement"] == "False"
    stack.update(wanted)
    found = account.client("batch").describe_compute_environments(computeEnvironments=[before])
    resources = found["computeEnvironments"][0]["computeResources"]
    assert (stack.physical_id("Work"), resources["maxvCpus"], resources["instanceTypes"]) == (before, 8, ["m5"])


def test_an_environment_that_may_be_replaced_is_replaced_for_other_instance_types(stack: Stack) -> None:
    replaceable = environment()
    replaceable["Properties"]["ReplaceComputeEnvironment"] = True
    stack.create({"Work": replaceable})
    other = environment(InstanceTypes=["m5"])
    other["Properties"]["ReplaceComputeEnvironment"] = True
    change = stack.changes({"Work": other})["Work"]
    assert change["Replacement"] == "True"
    assert {detail["Target"]["Name"] for detail in change["Details"]} == {"ComputeResources"}


@pytest.mark.parametrize("changed", [{"SpotIamFleetRole": "arn:aws:iam::1:role/x"}])
def test_what_an_environment_cannot_change_replaces_it(stack: Stack, changed: dict[str, Any]) -> None:
    stack.create({"Work": environment()})
    assert stack.changes({"Work": environment(**changed)})["Work"]["Replacement"] == "True"


def test_an_environment_of_a_profile_that_does_not_exist_fails_the_stack(stack: Stack) -> None:
    stack.create({"Work": environment(InstanceRole="nobody")}, status="ROLLBACK_COMPLETE")
    assert any("nobody" in reason for reason in stack.reasons())


def test_a_changed_job_definition_is_a_new_revision_and_the_old_one_is_retired(account: Account, stack: Stack) -> None:
    stack.create(batch_resources())
    first = stack.physical_id("Job")
    stack.update(batch_resources(Job=definition("public.ecr.aws/debian/debian:13")))
    second = stack.physical_id("Job")
    active = account.client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    assert (first[-2:], second[-2:], [found["jobDefinitionArn"] for found in active]) == (":1", ":2", [second])


def test_a_head_node_with_a_volume_and_an_address(account: Account, stack: Stack) -> None:
    ec2 = account.client("ec2")
    user_data = base64.b64encode(b"#!/bin/sh\necho hello\n").decode()
    stack.create(
        {
            "Node": instance(
                UserData=user_data,
                BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": "40"}}],
                MetadataOptions={"HttpTokens": "required"},
                CpuOptions={"CoreCount": "1", "ThreadsPerCore": 1},
                Monitoring=True,
                NetworkInterfaces=[],
                Tags=[{"Key": "Name", "Value": "head"}],
                PropagateTagsToVolumeOnCreation=True,
            ),
            "Disk": resource("AWS::EC2::Volume", {"AvailabilityZone": ZONE, "Size": "35", "VolumeType": "gp3"}),
            "Attachment": resource(
                "AWS::EC2::VolumeAttachment",
                {"VolumeId": ref("Disk"), "InstanceId": ref("Node"), "Device": "/dev/sdf"},
            ),
            "Address": resource("AWS::EC2::EIP", {"Domain": "vpc"}),
            "Association": resource(
                "AWS::EC2::EIPAssociation",
                {"AllocationId": get("Address", "AllocationId"), "InstanceId": ref("Node")},
            ),
        },
        sections={"Outputs": {"Ip": {"Value": get("Node", "PrivateIp")}}},
    )
    node = ec2.describe_instances(InstanceIds=[stack.physical_id("Node")])["Reservations"][0]["Instances"][0]
    assert stack.outputs() == {"Ip": node["PrivateIpAddress"]}
    assert node["MetadataOptions"]["HttpTokens"] == "required"
    root = ec2.describe_volumes(VolumeIds=[node["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"][0]
    assert (root["Size"], {"Key": "Name", "Value": "head"} in root["Tags"]) == (40, True)
    data = ec2.describe_instance_attribute(InstanceId=node["InstanceId"], Attribute="userData")["UserData"]["Value"]
    assert data == user_data
    assert ec2.describe_volumes(VolumeIds=[stack.physical_id("Disk")])["Volumes"][0]["State"] == "in-use"
    stack.delete()
    assert ec2.describe_volumes()["Volumes"] == []
    assert ec2.describe_addresses()["Addresses"] == []


def test_another_image_replaces_the_node_and_another_type_does_not(account: Account, stack: Stack) -> None:
    stack.create({"Node": instance()})
    before = stack.physical_id("Node")
    assert stack.changes({"Node": instance(ImageId=IMAGES[2][0])})["Node"]["Replacement"] == "True"
    assert stack.changes({"Node": instance(InstanceType="c5.xlarge")})["Node"]["Replacement"] == "Conditional"
    stack.update({"Node": instance(InstanceType="c5.xlarge")})
    found = account.client("ec2").describe_instances(InstanceIds=[before])["Reservations"][0]["Instances"][0]
    assert (stack.physical_id("Node"), found["InstanceType"], found["State"]["Name"]) == (
        before,
        "c5.xlarge",
        "running",
    )


def test_a_volume_grows_in_place_and_is_replaced_for_another_zone(account: Account, stack: Stack) -> None:
    def disk(size: int, zone: str = ZONE) -> dict[str, Any]:
        return {"Disk": resource("AWS::EC2::Volume", {"AvailabilityZone": zone, "Size": size})}

    stack.create(disk(10))
    assert stack.changes(disk(20))["Disk"]["Replacement"] == "False"
    assert stack.changes(disk(10, "us-east-1b"))["Disk"]["Replacement"] == "True"
    stack.update(disk(20))
    found = account.client("ec2").describe_volumes(VolumeIds=[stack.physical_id("Disk")])["Volumes"][0]
    assert found["Size"] == 20


def test_a_volume_that_would_shrink_rolls_the_update_back(stack: Stack) -> None:
    stack.create({"Disk": resource("AWS::EC2::Volume", {"AvailabilityZone": ZONE, "Size": 10})})
    smaller = {"Disk": resource("AWS::EC2::Volume", {"AvailabilityZone": ZONE, "Size": 5})}
    stack.update(smaller, status="UPDATE_ROLLBACK_COMPLETE")
    assert any("smaller" in reason for reason in stack.reasons())


def test_a_volume_with_a_snapshot_policy_leaves_a_snapshot(account: Account, stack: Stack) -> None:
    disk = resource("AWS::EC2::Volume", {"AvailabilityZone": ZONE, "Size": 10}, DeletionPolicy="Snapshot")
    volume = stack.create({"Disk": disk}).physical_id("Disk")
    stack.delete()
    ec2 = account.client("ec2")
    assert [found["VolumeId"] for found in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]] == [volume]
    assert ec2.describe_volumes()["Volumes"] == []


def test_groups_rules_interfaces_and_placement(account: Account, stack: Stack) -> None:
    stack.create({
        "Group": resource("AWS::EC2::SecurityGroup", {"GroupDescription": "nodes", "VpcId": "vpc-00000001"}),
        "In": resource(
            "AWS::EC2::SecurityGroupIngress",
            {
                "GroupId": get("Group", "GroupId"),
                "IpProtocol": -1,
                "SourceSecurityGroupId": get("Group", "GroupId"),
            },
        ),
        "Out": resource(
            "AWS::EC2::SecurityGroupEgress",
            {"GroupId": get("Group", "GroupId"), "IpProtocol": "tcp", "FromPort": "1", "ToPort": 443, "CidrIp": RANGE},
        ),
        "Card": resource("AWS::EC2::NetworkInterface", {"SubnetId": SUBNET, "GroupSet": [get("Group", "GroupId")]}),
        "Close": resource("AWS::EC2::PlacementGroup", {"Strategy": "cluster"}),
        "Node": instance(
            NetworkInterfaces=[{"NetworkInterfaceId": ref("Card"), "DeviceIndex": "0"}], SubnetId=None,
            PlacementGroupName=ref("Close"),
        ),
    })  # fmt: skip
    group = account.client("ec2").describe_security_groups(GroupIds=[stack.physical_id("Group")])["SecurityGroups"][0]
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    assert {443} == {rule["ToPort"] for rule in group["IpPermissionsEgress"] if "ToPort" in rule}
    stack.delete()
    assert account.client("ec2").describe_network_interfaces()["NetworkInterfaces"] == []


def test_a_property_that_a_type_does_not_have_fails_by_its_name(stack: Stack) -> None:
    wrong = resource("AWS::EC2::Volume", {"AvailabilityZone": ZONE, "Size": 1, "Sise": 1})
    stack.create({"Disk": wrong}, status="ROLLBACK_COMPLETE")
    assert any("extraneous key [Sise] is not permitted" in reason for reason in stack.reasons())


def test_a_node_that_signals_success_is_complete(account: Account, stack: Stack) -> None:
    policy = {"ResourceSignal": {"Count": 1, "Timeout": "PT1M"}}
    stack.create({"Node": instance(CreationPolicy=policy)})
    reasons = [event.get("ResourceStatusReason", "") for event in stack.events("Node")]
    assert any("Received SUCCESS signal" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("send", "timeout", "reason"),
    [("FAILURE", "PT1M", "Received 1 FAILURE signal"), (None, "PT1S", "Failed to receive 1 resource signal")],
)
def test_a_node_that_signals_failure_or_nothing_fails_and_is_terminated(
    account: Account, stack: Stack, send: str | None, timeout: str, reason: str
) -> None:
    account.server.call("POST", "/_shoal/head-node-signal", {"send": send, "account": account.id})
    policy = {"ResourceSignal": {"Timeout": timeout}}
    stack.create({"Node": instance(CreationPolicy=policy)}, status="ROLLBACK_COMPLETE")
    assert any(reason in found for found in stack.reasons())
    states = [
        found["State"]["Name"]
        for reservation in account.client("ec2").describe_instances()["Reservations"]
        for found in reservation["Instances"]
    ]
    assert states == ["terminated"]


def test_a_template_may_name_its_image_by_a_public_parameter(account: Account, stack: Stack) -> None:
    parameter = {
        "Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>",
        "Default": "/aws/service/debian/release/12/latest/amd64",
    }
    stack.create({"Node": instance(ImageId=ref("Image"))}, sections={"Parameters": {"Image": parameter}})
    found = account.client("ec2").describe_instances(InstanceIds=[stack.physical_id("Node")])
    assert found["Reservations"][0]["Instances"][0]["ImageId"] == IMAGES[4][0]
