"""CloudFormation's EBS volume and its attachment.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-volume.html; with
`DeletionPolicy: Snapshot` a snapshot is taken and the volume deleted.
"""

from __future__ import annotations

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import picked, request, without
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    Properties,
    ResourceType,
    absent_is_deleted,
    register,
    retag,
    tag_specifications,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (*CFN_HOOKS, ("services.ec2", "_create_snapshot"))

LIVE = ("Iops", "Size", "Throughput", "VolumeType")
"""What ModifyVolume changes."""

VOLUME = "AWS::EC2::Volume"


def install() -> None:
    """Register the types."""
    from ministack.services.cloudformation import provisioners

    register(
        ResourceType(
            VOLUME,
            _create,
            _delete,
            _update,
            replacing=("AvailabilityZone", "Encrypted", "KmsKeyId", "OutpostArn", "SnapshotId"),
            tags=("Tags", "list"),
        ),
        ResourceType(
            "AWS::EC2::VolumeAttachment",
            _attach,
            _detach,
            replacing=("Device", "EbsCardIndex", "InstanceId", "VolumeId"),
        ),
    )
    provisioners._RESOURCE_HANDLERS[VOLUME]["snapshot"] = _snapshot


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    call = request("ec2", "CreateVolume", without(properties, "Tags", "AutoEnableIO"))
    specifications = tag_specifications("volume", properties)
    identifier = client("ec2").create_volume(**call, TagSpecifications=specifications)["VolumeId"]
    return identifier, {"VolumeId": identifier}


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    changes = {key: value for key, value in picked(new, *LIVE).items() if old.get(key) != value}
    if changes:
        client("ec2").modify_volume(**request("ec2", "ModifyVolume", {"VolumeId": physical_id, **changes}))
    retag(physical_id, old, new)
    return physical_id, {"VolumeId": physical_id}


def _delete(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("InvalidVolume.NotFound"):
        client("ec2").delete_volume(VolumeId=physical_id)


def _snapshot(physical_id: str, properties: Properties) -> None:
    """Take the last snapshot; on the event loop, where a call over HTTP would wait for itself."""
    from ministack.services import ec2

    ec2._create_snapshot({"VolumeId": [physical_id], "Description": [f"Created by CloudFormation for {physical_id}"]})


def _attach(logical_id: str, properties: Properties, stack: str) -> Created:
    volume, instance = properties["VolumeId"], properties["InstanceId"]
    client("ec2").attach_volume(VolumeId=volume, InstanceId=instance, Device=properties["Device"])
    return f"{volume}|{instance}", {"VolumeId": volume, "InstanceId": instance}


def _detach(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("InvalidVolume.NotFound", "IncorrectState"):
        client("ec2").detach_volume(VolumeId=physical_id.split("|")[0])
