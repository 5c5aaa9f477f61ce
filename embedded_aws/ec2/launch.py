"""RunInstances as strict and as complete as the head node needs it.

MiniStack launches anything (an image, subnet, key or type that does not exist) into zone `a`, with one 8 GiB volume and
an address of no subnet. Here a launch is checked, the launch template is merged in, and volumes, interface, address,
zone, metadata and CPU options are those asked for
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html). User data never runs.
"""

from __future__ import annotations

import secrets

from embedded_aws.ec2 import disks as ec2_disks
from embedded_aws.ec2 import images as ec2_images
from embedded_aws.ec2 import launch_templates as ec2_launch_templates
from embedded_aws.ec2 import network as ec2_network
from embedded_aws.ec2 import request as ec2_request
from embedded_aws.ec2 import types as ec2_types
from embedded_aws.ec2.request import (
    Action,
    Query,
    Record,
    RefusedError,
    Response,
    is_true,
    listed,
    members,
    specified_tags,
    value,
    without_prefix,
    wrap,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *ec2_request.HOOKS,
    ("services.ec2", "_launch_instances_internal"),
    ("services.ec2", "_resolve_iam_instance_profile"),
    *ec2_launch_templates.HOOKS,
    ("services.ec2", "_instance_xml"),
    ("services.ec2", "_key_pairs"),
    ("services.ec2", "_subnets"),
    ("services.ec2", "_security_groups"),
    ("services.ec2", "_network_interfaces"),
    ("services.ec2", "_addresses"),
    ("services.ec2", "_placement_groups"),
    ("services.ec2", "_volumes"),
    ("services.ec2", "_random_ip"),
    ("services.ec2", "_DEFAULT_SUBNET_ID"),
    ("services.ec2", "_DEFAULT_SG_ID"),
)


def install() -> None:
    """Put the operation in place of MiniStack's."""
    wrap(RunInstances=_run_instances)


def _run_instances(_: Action, query: Query) -> Response:
    from ministack.services import ec2

    asked = ec2_launch_templates.merged(query)
    launched = [_launch(asked) for _ in range(int(value(asked, "MaxCount") or "1"))]
    items = "".join(ec2._instance_xml(instance) for instance in launched)
    body = f"<reservationId>r-{secrets.token_hex(8)}0</reservationId><groupSet/><instancesSet>{items}</instancesSet>"
    answer: Response = ec2._xml(200, "RunInstancesResponse", body)
    return answer


def _launch(query: Query) -> Record:
    from ministack.services import ec2

    interface = (members(query, "NetworkInterface") or [{}])[0]
    image, kind = ec2_images.image(value(query, "ImageId")), value(query, "InstanceType") or "m1.small"
    _check(query, image, kind)
    existing = ec2._network_interfaces.get(interface.get("NetworkInterfaceId", ""))
    if interface.get("NetworkInterfaceId") and existing is None:
        message = f"The networkInterface ID '{interface['NetworkInterfaceId']}' does not exist"
        raise RefusedError("InvalidNetworkInterfaceID.NotFound", message)
    subnet_id = interface.get("SubnetId") or value(query, "SubnetId") or ec2._DEFAULT_SUBNET_ID
    subnet_id = existing["SubnetId"] if existing else subnet_id
    groups = listed(query, "SecurityGroupId") or listed(query, "NetworkInterface.1.SecurityGroupId")
    ec2_network.check_groups(groups)
    wanted = interface.get("PrivateIpAddress") or value(query, "PrivateIpAddress")
    address = existing["PrivateIpAddress"] if existing else ec2_network.free_address(subnet_id, wanted)
    if existing:
        groups = [group["GroupId"] for group in existing["Groups"]]
    elif ec2._subnets[subnet_id]["AvailabilityZone"] and not groups:
        groups = [ec2._DEFAULT_SG_ID]
    instance: Record = ec2._launch_instances_internal(
        image["ImageId"], kind, subnet_id, 1, key_name=value(query, "KeyName"), user_data=value(query, "UserData"),
        sg_ids=groups, requested_private_ip=address, iam_profile=_profile(query),
    )[0]  # fmt: skip
    _describe(instance, query, image, kind)
    ec2_disks.fill(instance, query, image)
    _interface(instance, query, interface, existing)
    if tags := specified_tags(query, "instance"):
        ec2._tags[instance["InstanceId"]] = tags
    return instance


def _check(query: Query, image: Record, kind: str) -> None:
    from ministack.services import ec2

    if kind not in ec2_types.TYPES:
        raise RefusedError("InvalidParameterValue", f"Invalid value '{kind}' for InstanceType.")
    architecture = ec2_types.TYPES[kind].architecture
    if architecture != image["Architecture"]:
        message = (
            f"The architecture '{architecture}' of the specified instance type does not match the architecture "
            f"'{image['Architecture']}' of the specified AMI."
        )
        raise RefusedError("InvalidParameterValue", message)
    group = value(query, "Placement.GroupName")
    if group and group not in ec2._placement_groups:
        raise RefusedError("InvalidPlacementGroup.Unknown", f"The Placement Group '{group}' is unknown.")
    key = value(query, "KeyName")
    if key and key not in ec2._key_pairs:
        raise RefusedError("InvalidKeyPair.NotFound", f"The key pair '{key}' does not exist")


def _profile(query: Query) -> Record | None:
    from ministack.services import ec2

    arn, name = value(query, "IamInstanceProfile.Arn"), value(query, "IamInstanceProfile.Name")
    profile, problem = ec2._resolve_iam_instance_profile(iam_arn=arn, iam_name=name)
    if problem:
        kind, said = ("arn", arn) if arn else ("name", name)
        message = (
            f"Value ({said}) for parameter iamInstanceProfile.{kind} is invalid. Invalid IAM Instance Profile {kind}"
        )
        raise RefusedError("InvalidParameterValue", message)
    found: Record | None = profile
    return found


def _describe(instance: Record, query: Query, image: Record, kind: str) -> None:
    """Everything that is a plain value."""
    from ministack.services import ec2

    facts, cpu = ec2_types.TYPES[kind], without_prefix(query, "CpuOptions")
    instance["Architecture"] = image["Architecture"]
    instance["RootDeviceName"] = image["RootDeviceName"]
    instance["Placement"] = {
        "AvailabilityZone": ec2._subnets[instance["SubnetId"]]["AvailabilityZone"],
        "Tenancy": value(query, "Placement.Tenancy") or "default",
        "GroupName": value(query, "Placement.GroupName"),
    }
    instance["Monitoring"] = {"State": "enabled" if is_true(value(query, "Monitoring.Enabled")) else "disabled"}
    instance["EbsOptimized"] = is_true(value(query, "EbsOptimized"))
    instance["DisableApiTermination"] = is_true(value(query, "DisableApiTermination"))
    instance["CpuOptions"] = {
        "CoreCount": cpu.get("CoreCount", str(facts.cores)),
        "ThreadsPerCore": cpu.get("ThreadsPerCore", str(facts.vcpus // facts.cores)),
    }
    instance["MetadataOptions"] = {
        "HttpTokens": "optional", "HttpPutResponseHopLimit": "1", "HttpEndpoint": "enabled",
        "InstanceMetadataTags": "disabled", **without_prefix(query, "MetadataOptions"),
    }  # fmt: skip


def _interface(instance: Record, query: Query, asked: dict[str, str], existing: Record | None) -> None:
    """The primary interface: the one named, or a new one that goes with the instance."""
    from ministack.services import ec2

    subnet = ec2._subnets[instance["SubnetId"]]
    # An interface made before has an address by its subnet's setting as well, and can be asked for none:
    # https://docs.aws.amazon.com/vpc/latest/userguide/subnet-public-ip.html
    public = is_true(asked.get("AssociatePublicIpAddress", str(subnet.get("MapPublicIpOnLaunch", False))))
    instance["PublicIpAddress"] = _elastic_ip(existing) or (ec2._random_ip("54.") if public else "")
    instance["PublicDnsName"] = instance["PublicDnsName"] if instance["PublicIpAddress"] else ""
    if existing is None:
        identifier = f"eni-{secrets.token_hex(9)[:17]}"
        existing = ec2._network_interfaces[identifier] = {
            "NetworkInterfaceId": identifier, "SubnetId": instance["SubnetId"], "VpcId": instance["VpcId"],
            "AvailabilityZone": subnet["AvailabilityZone"], "Description": "", "OwnerId": subnet["OwnerId"],
            "PrivateIpAddress": instance["PrivateIpAddress"], "InterfaceType": "interface", "SourceDestCheck": True,
            "MacAddress": ec2_network.new_mac(), "Groups": instance["SecurityGroups"],
        }  # fmt: skip
        if tags := specified_tags(query, "network-interface"):
            ec2._tags[identifier] = tags
    existing["Status"] = "in-use"
    existing["Attachment"] = {
        "AttachmentId": f"eni-attach-{secrets.token_hex(9)[:17]}", "InstanceId": instance["InstanceId"],
        "DeviceIndex": 0, "Status": "attached", "AttachTime": ec2._now_ts(),
        "DeleteOnTermination": "NetworkInterfaceId" not in asked,
    }  # fmt: skip


def _elastic_ip(interface: Record | None) -> str:
    """The Elastic IP that an interface has already."""
    from ministack.services import ec2

    identifier = (interface or {}).get("NetworkInterfaceId")
    mapped = [address for address in ec2._addresses.values() if address.get("AssociationId")]
    return next((one["PublicIp"] for one in mapped if identifier and one.get("NetworkInterfaceId") == identifier), "")
