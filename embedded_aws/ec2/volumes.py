"""EBS volumes with what MiniStack leaves out: keys, throughput, sizes of snapshots, zones, and AWS's refusals.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html, API_AttachVolume.html and
API_ModifyVolume.html (a volume cannot be made smaller).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedded_aws.ec2 import request as ec2_request
from embedded_aws.ec2.request import Action, Query, Record, RefusedError, Response, value, wrap
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *ec2_request.HOOKS,
    ("services.ec2", "_volumes"),
    ("services.ec2", "_snapshots"),
    ("services.ec2", "_instances"),
    ("services.ec2", "_volume_inner_xml"),
    ("services.ec2", "_new_volume_id"),
)

ALIVE = ("pending", "running", "stopping", "stopped")
"""States of an instance that can hold a volume."""


def install() -> None:
    """Put the operations around MiniStack's."""
    from ministack.services import ec2

    inner = ec2._volume_inner_xml
    ec2._volume_inner_xml = lambda volume: inner(volume) + _more(volume)
    wrap(CreateVolume=_create, AttachVolume=_attach, ModifyVolume=_modify)
    wrap(DeleteVolume=_forgetting("VolumeId"), DeleteSnapshot=_forgetting("SnapshotId"))


def _create(create: Action, query: Query) -> Response:
    from ministack.services import ec2

    snapshot = value(query, "SnapshotId")
    if snapshot and snapshot not in ec2._snapshots:
        raise RefusedError("InvalidSnapshot.NotFound", f"The snapshot '{snapshot}' does not exist.")
    known = set(ec2._volumes)
    answer = create(query)
    for identifier in set(ec2._volumes) - known:
        complete(ec2._volumes[identifier], {key: values[0] for key, values in query.items() if values})
        answer = ec2._xml(200, "CreateVolumeResponse", ec2._volume_inner_xml(ec2._volumes[identifier]))
    return answer


def _attach(attach: Action, query: Query) -> Response:
    from ministack.services import ec2

    volume, instance = ec2._volumes.get(value(query, "VolumeId")), ec2._instances.get(value(query, "InstanceId"))
    if volume and instance:
        _check_attachment(volume, instance, value(query, "Device"))
    return attach(query)


def _modify(modify: Action, query: Query) -> Response:
    from ministack.services import ec2

    volume: Record = ec2._volumes.get(value(query, "VolumeId"), {})
    if volume and int(value(query, "Size") or volume["Size"]) < volume["Size"]:
        raise RefusedError("InvalidParameterValue", "New size cannot be smaller than existing size")
    if value(query, "Throughput"):
        volume["Throughput"] = int(value(query, "Throughput"))
    return modify(query)


def _forgetting(parameter: str) -> Callable[[Action, Query], Response]:
    """An operation that takes the tags of what it deletes along."""

    def delete_tagged(delete: Action, query: Query) -> Response:
        from ministack.services import ec2

        answer = delete(query)
        if answer[0] == 200:
            ec2._tags.pop(value(query, parameter), None)
        return answer

    return delete_tagged


def _more(volume: Record) -> str:
    """The parts of a volume that MiniStack does not show."""
    key = f"<kmsKeyId>{volume['KmsKeyId']}</kmsKeyId>" if volume.get("KmsKeyId") else ""
    return key + (f"<throughput>{volume['Throughput']}</throughput>" if volume.get("Throughput") else "")


def complete(volume: Record, asked: dict[str, str]) -> None:
    """Give a volume's record what was asked for and MiniStack does not read.

    Args:
        volume: the record.
        asked: `KmsKeyId`, `Throughput`, `SnapshotId`, `Size`, as CreateVolume names them.
    """
    from ministack.services import ec2

    snapshot: Record = ec2._snapshots.get(asked.get("SnapshotId", ""), {})
    if "Size" not in asked:
        volume["Size"] = snapshot.get("VolumeSize", volume["Size"])
    if asked.get("Throughput"):
        volume["Throughput"] = int(asked["Throughput"])
    if asked.get("KmsKeyId"):
        volume["KmsKeyId"] = asked["KmsKeyId"]
    volume["Encrypted"] = bool(volume["Encrypted"] or asked.get("KmsKeyId") or snapshot.get("Encrypted"))


def new(zone: str, **attributes: Any) -> Record:
    """A new volume in the store, without tags; `attributes` as in the record."""
    from ministack.services import ec2

    identifier = ec2._new_volume_id()
    ec2._volumes[identifier] = {
        "VolumeId": identifier, "AvailabilityZone": zone, "State": "available", "Size": 8, "VolumeType": "gp3",
        "SnapshotId": "", "Iops": 3000, "Throughput": 125, "Encrypted": False, "CreateTime": ec2._now_ts(),
        "Attachments": [], "MultiAttachEnabled": False, **attributes,
    }  # fmt: skip
    record: Record = ec2._volumes[identifier]
    return record


def _check_attachment(volume: Record, instance: Record, device: str) -> None:
    identifier = volume["VolumeId"]
    if volume["Attachments"]:
        raise RefusedError("VolumeInUse", f"{identifier} is already attached to an instance")
    if instance["State"]["Name"] not in ALIVE:
        raise RefusedError("IncorrectState", f"Instance '{instance['InstanceId']}' is not 'running'.")
    if volume["AvailabilityZone"] != instance["Placement"]["AvailabilityZone"]:
        message = f"The volume '{identifier}' is not in the same availability zone as the instance"
        raise RefusedError("InvalidVolume.ZoneMismatch", message)
    if device in (mapping["DeviceName"] for mapping in instance["BlockDeviceMappings"]):
        message = f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
        raise RefusedError("InvalidParameterValue", message)
