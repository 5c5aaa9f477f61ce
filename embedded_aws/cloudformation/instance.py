"""CloudFormation's EC2 instance.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-instance.html, with its update
behaviour for EBS-backed instances: another type or other user data stops and starts the instance, no replacement.
"""

from __future__ import annotations

import base64
from typing import Any

from botocore.exceptions import ClientError

from embedded_aws.cloudformation import signals as cfn_signals
from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import picked, request
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    FailedResourceError,
    Properties,
    ResourceType,
    absent_is_deleted,
    handler_message,
    register,
    retag,
    tag_specifications,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (*CFN_HOOKS, *cfn_signals.HOOKS)

AS_THEY_ARE = (
    "BlockDeviceMappings", "CpuOptions", "DisableApiTermination", "EbsOptimized", "ImageId",
    "InstanceInitiatedShutdownBehavior", "InstanceType", "KeyName", "LaunchTemplate", "MetadataOptions",
    "PrivateIpAddress", "SecurityGroupIds", "SubnetId", "UserData",
)  # fmt: skip
"""Properties that RunInstances takes under the same name and shape."""

REPLACING = (
    "AvailabilityZone", "CpuOptions", "EnclaveOptions", "HibernationOptions", "ImageId", "KeyName", "LaunchTemplate",
    "NetworkInterfaces", "PlacementGroupName", "PrivateIpAddress", "SecurityGroups", "SubnetId",
)  # fmt: skip

STOPPING = {"InstanceType": "InstanceType", "UserData": "UserData", "EbsOptimized": "EbsOptimized"}
"""Properties whose change stops and starts the instance, with the attribute that they change."""


def install() -> None:
    """Register the type."""
    register(ResourceType("AWS::EC2::Instance", _create, _delete, _update, replacing=REPLACING, tags=("Tags", "list")))


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    wanted: Properties = {
        **picked(properties, *AS_THEY_ARE),
        "Placement": _placement(properties),
        "Monitoring": {"Enabled": properties.get("Monitoring", False)},
        "MinCount": 1,
        "MaxCount": 1,
    }
    if "NetworkInterfaces" in properties:
        wanted["NetworkInterfaces"] = [_interface(interface) for interface in properties["NetworkInterfaces"]]
    if profile := properties.get("IamInstanceProfile"):
        wanted["IamInstanceProfile"] = {"Name": profile}
    wanted["TagSpecifications"] = tag_specifications("instance", properties)
    if str(properties.get("PropagateTagsToVolumeOnCreation", False)).lower() == "true":
        wanted["TagSpecifications"] += tag_specifications("volume", properties)
    call = request("ec2", "RunInstances", wanted)
    if "UserData" in call:  # base64 in the template; boto3 encodes it itself
        call["UserData"] = base64.b64decode(call["UserData"]).decode()
    instance = client("ec2").run_instances(**call)["Instances"][0]
    identifier = instance["InstanceId"]
    _attach(identifier, properties)
    profile_arn = instance.get("IamInstanceProfile", {}).get("Arn", "")
    cfn_signals.wait(stack, logical_id, identifier, profile_arn)
    return identifier, _attributes(identifier)


def _attach(identifier: str, properties: Properties) -> None:
    """Attach `Volumes`, before the stack waits for a signal; they go with the instance when it is terminated."""
    try:
        for volume in properties.get("Volumes", []):
            client("ec2").attach_volume(InstanceId=identifier, **request("ec2", "AttachVolume", volume))
    except ClientError as error:
        raise FailedResourceError(handler_message(error.response["Error"]["Message"]), identifier) from error


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    ec2 = client("ec2")
    changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    if stopping := [key for key in STOPPING if key in changed and key in new]:
        ec2.stop_instances(InstanceIds=[physical_id])
        for key in stopping:
            text = base64.b64decode(new[key]) if key == "UserData" else new[key]
            ec2.modify_instance_attribute(InstanceId=physical_id, **{STOPPING[key]: {"Value": text}})
        ec2.start_instances(InstanceIds=[physical_id])
    if "SecurityGroupIds" in changed:
        ec2.modify_instance_attribute(InstanceId=physical_id, Groups=new["SecurityGroupIds"])
    if "MetadataOptions" in changed:
        options = request("ec2", "ModifyInstanceMetadataOptions", new.get("MetadataOptions", {}))
        ec2.modify_instance_metadata_options(InstanceId=physical_id, **options)
    if "DisableApiTermination" in changed:
        wanted = str(new.get("DisableApiTermination", False)).lower() == "true"
        ec2.modify_instance_attribute(InstanceId=physical_id, DisableApiTermination={"Value": wanted})
    if "Monitoring" in changed:
        on = str(new.get("Monitoring", False)).lower() == "true"
        (ec2.monitor_instances if on else ec2.unmonitor_instances)(InstanceIds=[physical_id])
    retag(physical_id, old, new)
    return physical_id, _attributes(physical_id)


def _delete(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("InvalidInstanceID.NotFound"):
        client("ec2").terminate_instances(InstanceIds=[physical_id])


def _placement(properties: Properties) -> Properties:
    names = {"AvailabilityZone": "AvailabilityZone", "Tenancy": "Tenancy", "PlacementGroupName": "GroupName"}
    return {api: properties[name] for name, api in names.items() if properties.get(name)}


def _interface(properties: Properties) -> Properties:
    """An entry of `NetworkInterfaces`; CloudFormation says GroupSet where the API says Groups."""
    renamed = {"GroupSet": "Groups"}
    return {renamed.get(name, name): value for name, value in properties.items()}


def _attributes(identifier: str) -> dict[str, Any]:
    instance = client("ec2").describe_instances(InstanceIds=[identifier])["Reservations"][0]["Instances"][0]
    return {
        "InstanceId": identifier,
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "PrivateIp": instance["PrivateIpAddress"],
        "PrivateDnsName": instance["PrivateDnsName"],
        "PublicIp": instance.get("PublicIpAddress", ""),
        "PublicDnsName": instance.get("PublicDnsName", ""),
        "VpcId": instance["VpcId"],
    }
