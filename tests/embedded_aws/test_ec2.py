"""Does EC2 launch what was asked for, refuse what AWS refuses, and take away what goes with an instance?"""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ec2.images import IMAGES, PARAMETERS
from tests.support.embedded import Account

AL2023, AL2023_ARM = IMAGES[0][0], IMAGES[1][0]
SUBNET = "subnet-00000002"


@pytest.fixture
def ec2(account: Account) -> Any:
    return account.client("ec2")


def launch(ec2: Any, **options: Any) -> dict[str, Any]:
    """A new instance, as DescribeInstances shows it."""
    asked = {"ImageId": AL2023, "InstanceType": "c5.large", "SubnetId": SUBNET, "MinCount": 1, "MaxCount": 1} | options
    identifier = ec2.run_instances(**asked)["Instances"][0]["InstanceId"]
    return shown(ec2, identifier)


def shown(ec2: Any, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = ec2.describe_instances(InstanceIds=[identifier])["Reservations"][0]["Instances"][0]
    return found


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("run_instances", {"ImageId": "ami-0123456789abcdeff"}, "InvalidAMIID.NotFound"),
        ("run_instances", {"SubnetId": "subnet-0123456789abcdeff"}, "InvalidSubnetID.NotFound"),
        ("run_instances", {"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
        ("run_instances", {"Placement": {"GroupName": "nobody"}}, "InvalidPlacementGroup.Unknown"),
        ("run_instances", {"SecurityGroupIds": ["sg-0123456789abcdeff"]}, "InvalidGroup.NotFound"),
        ("run_instances", {"InstanceType": "c99.large"}, "InvalidParameterValue"),
        ("run_instances", {"InstanceType": "c6g.large"}, "InvalidParameterValue"),
        ("run_instances", {"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue"),
        ("describe_images", {"ImageIds": ["ami-0123456789abcdeff"]}, "InvalidAMIID.NotFound"),
        ("describe_subnets", {"SubnetIds": ["subnet-0123456789abcdeff"]}, "InvalidSubnetID.NotFound"),
        ("describe_vpcs", {"VpcIds": ["vpc-0123456789abcdeff"]}, "InvalidVpcID.NotFound"),
        ("describe_route_tables", {"RouteTableIds": ["rtb-0123456789abcdeff"]}, "InvalidRouteTableID.NotFound"),
        ("describe_volumes", {"VolumeIds": ["vol-0123456789abcdeff"]}, "InvalidVolume.NotFound"),
        ("describe_snapshots", {"SnapshotIds": ["snap-0123456789abcdeff"]}, "InvalidSnapshot.NotFound"),
        ("describe_key_pairs", {"KeyNames": ["nobody"]}, "InvalidKeyPair.NotFound"),
        ("describe_security_groups", {"GroupIds": ["sg-0123456789abcdeff"]}, "InvalidGroup.NotFound"),
        ("describe_instance_types", {"InstanceTypes": ["c99.large"]}, "InvalidInstanceType"),
        ("describe_network_interfaces", {"NetworkInterfaceIds": ["eni-0123"]}, "InvalidNetworkInterfaceID.NotFound"),
        ("create_volume", {"AvailabilityZone": "us-east-1a", "SnapshotId": "snap-01"}, "InvalidSnapshot.NotFound"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_code_of_aws(
    ec2: Any, operation: str, arguments: dict[str, Any], code: str
) -> None:
    launching = {"ImageId": AL2023, "InstanceType": "c5.large", "MinCount": 1, "MaxCount": 1}
    with pytest.raises(ClientError) as refusal:
        getattr(ec2, operation)(**(launching if operation == "run_instances" else {}) | arguments)
    assert refusal.value.response["Error"]["Code"] == code


def test_an_instance_lies_in_the_zone_and_the_range_of_its_subnet(ec2: Any) -> None:
    instance, subnet = launch(ec2), ec2.describe_subnets(SubnetIds=[SUBNET])["Subnets"][0]
    assert instance["Placement"]["AvailabilityZone"] == subnet["AvailabilityZone"]
    assert ipaddress.ip_address(instance["PrivateIpAddress"]) in ipaddress.ip_network(subnet["CidrBlock"])
    assert launch(ec2)["PrivateIpAddress"] != instance["PrivateIpAddress"]


def test_an_instance_has_the_volumes_that_were_mapped(ec2: Any) -> None:
    mappings = [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 40, "VolumeType": "gp3", "Throughput": 250}},
        {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 5, "DeleteOnTermination": False, "Encrypted": True}},
        {"DeviceName": "/dev/sdc", "VirtualName": "ephemeral0"},
    ]
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "shoal:cluster", "Value": "demo"}]}]
    instance = launch(ec2, BlockDeviceMappings=mappings, TagSpecifications=tags)
    mapped = {one["DeviceName"]: one["Ebs"]["VolumeId"] for one in instance["BlockDeviceMappings"]}
    volumes = {one["VolumeId"]: one for one in ec2.describe_volumes(VolumeIds=list(mapped.values()))["Volumes"]}
    root, second = volumes[mapped["/dev/xvda"]], volumes[mapped["/dev/sdb"]]
    assert (root["Size"], root["Throughput"], root["Tags"]) == (40, 250, tags[0]["Tags"])
    assert (second["Size"], second["Encrypted"], set(mapped)) == (5, True, {"/dev/xvda", "/dev/sdb"})


def test_options_of_an_instance_are_shown(ec2: Any) -> None:
    instance = launch(
        ec2,
        CpuOptions={"CoreCount": 1, "ThreadsPerCore": 1},
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        Monitoring={"Enabled": True},
        UserData="echo hello",
    )
    assert instance["CpuOptions"] == {"CoreCount": 1, "ThreadsPerCore": 1}
    assert (instance["MetadataOptions"]["HttpTokens"], instance["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
        "required",
        2,
    )
    assert instance["Monitoring"]["State"] == "enabled"
    shown_data = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    assert shown_data["UserData"]["Value"] == "ZWNobyBoZWxsbw=="


def test_a_launch_template_says_what_the_request_does_not(ec2: Any) -> None:
    made = ec2.create_launch_template(
        LaunchTemplateName="base",
        LaunchTemplateData={
            "ImageId": AL2023_ARM,
            "InstanceType": "c6g.large",
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 33}}],
        },
    )["LaunchTemplate"]
    template = {"LaunchTemplateId": made["LaunchTemplateId"], "Version": "$Latest"}
    identifier = ec2.run_instances(LaunchTemplate=template, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    instance = shown(ec2, identifier)
    volume = ec2.describe_volumes(VolumeIds=[instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"][0]
    assert (instance["Architecture"], instance["InstanceType"], volume["Size"]) == ("arm64", "c6g.large", 33)


def test_a_terminated_instance_takes_its_volumes_and_its_interface_along(ec2: Any) -> None:
    kept = [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 5, "DeleteOnTermination": False}}]
    instance = launch(ec2, BlockDeviceMappings=kept)
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert [volume["Size"] for volume in ec2.describe_volumes()["Volumes"]] == [5]
    assert ec2.describe_volumes()["Volumes"][0]["State"] == "available"
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_an_interface_of_its_own_outlives_the_instance(ec2: Any) -> None:
    interface = ec2.create_network_interface(SubnetId=SUBNET)["NetworkInterface"]
    attached = [{"DeviceIndex": 0, "NetworkInterfaceId": interface["NetworkInterfaceId"]}]
    asked = {"ImageId": AL2023, "InstanceType": "c5.large", "MinCount": 1, "MaxCount": 1}
    instance = ec2.run_instances(**asked, NetworkInterfaces=attached)["Instances"][0]
    assert instance["PrivateIpAddress"] == interface["PrivateIpAddress"]
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert ec2.describe_network_interfaces()["NetworkInterfaces"][0]["Status"] == "available"


def test_an_elastic_ip_on_an_interface_is_the_address_of_its_instance_and_cannot_be_released(ec2: Any) -> None:
    instance, address = launch(ec2), ec2.allocate_address(Domain="vpc")
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
    assert shown(ec2, instance["InstanceId"])["PublicIpAddress"] == address["PublicIp"]
    with pytest.raises(ClientError, match=r"InvalidIPAddress\.InUse"):
        ec2.release_address(AllocationId=address["AllocationId"])
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    ec2.release_address(AllocationId=address["AllocationId"])


def test_a_group_that_an_instance_uses_cannot_be_deleted(ec2: Any) -> None:
    group = ec2.create_security_group(GroupName="used", Description="used")["GroupId"]
    instance = launch(ec2, SecurityGroupIds=[group])
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    ec2.delete_security_group(GroupId=group)


def test_instances_and_interfaces_are_found_by_filters(ec2: Any) -> None:
    instance = launch(ec2)
    by_subnet = [{"Name": "subnet-id", "Values": [SUBNET]}]
    elsewhere = [{"Name": "subnet-id", "Values": ["subnet-00000001"]}]
    assert ec2.describe_instances(Filters=elsewhere)["Reservations"] == []
    assert len(ec2.describe_instances(Filters=by_subnet)["Reservations"]) == 1
    of_instance = [{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
    assert len(ec2.describe_network_interfaces(Filters=of_instance)["NetworkInterfaces"]) == 1
    assert ec2.describe_network_interfaces(Filters=elsewhere)["NetworkInterfaces"] == []


def test_a_filter_that_ec2_does_not_have_is_refused(ec2: Any) -> None:
    with pytest.raises(ClientError, match="is invalid"):
        ec2.describe_instances(Filters=[{"Name": "subnet", "Values": [SUBNET]}])


def test_a_volume_of_a_snapshot_has_at_least_its_size(ec2: Any) -> None:
    volume = ec2.create_volume(AvailabilityZone="us-east-1b", Size=20, KmsKeyId="alias/own", Throughput=300)
    assert (volume["KmsKeyId"], volume["Throughput"], volume["Encrypted"]) == ("alias/own", 300, True)
    snapshot = ec2.create_snapshot(VolumeId=volume["VolumeId"])["SnapshotId"]
    again = ec2.create_volume(AvailabilityZone="us-east-1b", SnapshotId=snapshot)
    assert (again["Size"], again["Encrypted"]) == (20, True)


def test_a_volume_is_attached_once_and_only_in_its_zone(ec2: Any) -> None:
    instance = launch(ec2)["InstanceId"]
    far = ec2.create_volume(AvailabilityZone="us-east-1c", Size=1)["VolumeId"]
    near = ec2.create_volume(AvailabilityZone="us-east-1b", Size=1)["VolumeId"]
    with pytest.raises(ClientError, match=r"InvalidVolume\.ZoneMismatch"):
        ec2.attach_volume(VolumeId=far, InstanceId=instance, Device="/dev/sdf")
    ec2.attach_volume(VolumeId=near, InstanceId=instance, Device="/dev/sdf")
    with pytest.raises(ClientError, match="VolumeInUse"):
        ec2.attach_volume(VolumeId=near, InstanceId=instance, Device="/dev/sdg")


def test_an_instance_type_is_described_with_what_decides_a_cluster(ec2: Any) -> None:
    found = ec2.describe_instance_types(InstanceTypes=["c5d.xlarge", "c6g.large"])["InstanceTypes"]
    with_store, arm = {kind["InstanceType"]: kind for kind in found}["c5d.xlarge"], found[1]
    assert (with_store["VCpuInfo"]["DefaultVCpus"], with_store["VCpuInfo"]["DefaultCores"]) == (4, 2)
    assert (with_store["InstanceStorageSupported"], with_store["MemoryInfo"]["SizeInMiB"]) == (True, 8192)
    assert arm["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]


def test_instance_types_are_found_by_name_and_by_family(ec2: Any) -> None:
    filters = [{"Name": "instance-type", "Values": ["c6i.*", "c5d.xlarge"]}]
    found = [item["InstanceType"] for item in ec2.describe_instance_types(Filters=filters)["InstanceTypes"]]
    assert "c5d.xlarge" in found
    assert {name.partition(".")[0] for name in found if name != "c5d.xlarge"} == {"c6i"}


def test_offerings_say_in_which_zones_a_type_is(ec2: Any) -> None:
    filters = [
        {"Name": "instance-type", "Values": ["p3.2xlarge"]},
        {"Name": "location", "Values": ["us-east-1a", "us-east-1c"]},
    ]
    found = ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=filters)
    assert [offering["Location"] for offering in found["InstanceTypeOfferings"]] == ["us-east-1a"]


def test_every_public_image_parameter_names_an_image_of_its_architecture(account: Account, ec2: Any) -> None:
    ssm = account.client("ssm")
    for name in PARAMETERS:
        value = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        image = ec2.describe_images(ImageIds=[value])["Images"][0]
        assert image["Architecture"] == ("arm64" if "arm64" in name else "x86_64")


def test_the_default_network_reaches_the_internet(ec2: Any) -> None:
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": ["vpc-00000001"]}])["RouteTables"]
    assert any(route.get("GatewayId", "").startswith("igw-") for route in tables[0]["Routes"])
