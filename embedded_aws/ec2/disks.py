"""The volumes that a launched instance gets: root and further ones, as its block device mappings say.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
"""

from __future__ import annotations

from embedded_aws.ec2 import volumes as ec2_volumes
from embedded_aws.ec2.request import Query, Record, is_true, members, specified_tags


def fill(instance: Record, query: Query, image: Record) -> None:
    """Root volume and further ones as mapped, in the instance's zone."""
    from ministack.services import ec2

    for mapping in instance.pop("BlockDeviceMappings"):
        ec2._volumes.pop(mapping["Ebs"]["VolumeId"], None)
    root = image["RootDeviceName"]
    size = str(image["VolumeSize"])
    mappings = {root: {"DeviceName": root, "Ebs.VolumeSize": size, "Ebs.VolumeType": "gp3"}}
    for asked in members(query, "BlockDeviceMapping"):
        mappings[asked["DeviceName"]] = {**mappings.get(asked["DeviceName"], {}), **asked}
    instance["BlockDeviceMappings"] = [
        _volume(instance, mapping, specified_tags(query, "volume")) for mapping in mappings.values() if _is_ebs(mapping)
    ]


def _is_ebs(mapping: dict[str, str]) -> bool:
    return "NoDevice" not in mapping and "VirtualName" not in mapping


def _volume(instance: Record, mapping: dict[str, str], tags: list[dict[str, str]]) -> Record:
    from ministack.services import ec2

    ebs = {key.removeprefix("Ebs."): text for key, text in mapping.items() if key.startswith("Ebs.")}
    deleted, now = is_true(ebs.get("DeleteOnTermination", "true")), ec2._now_ts()
    volume = ec2_volumes.new(
        instance["Placement"]["AvailabilityZone"], VolumeType=ebs.get("VolumeType", "gp3"), State="in-use",
        Iops=int(ebs.get("Iops", "3000")), Size=int(ebs.get("VolumeSize", "8")),
        Encrypted=is_true(ebs.get("Encrypted", "false")), SnapshotId=ebs.get("SnapshotId", ""),
    )  # fmt: skip
    ec2_volumes.complete(volume, {"Size": str(volume["Size"]), **ebs})
    attachment = {
        "Device": mapping["DeviceName"],
        "State": "attached",
        "AttachTime": now,
        "DeleteOnTermination": deleted,
    }
    volume["Attachments"] = [{"VolumeId": volume["VolumeId"], "InstanceId": instance["InstanceId"], **attachment}]
    if tags:
        ec2._tags[volume["VolumeId"]] = list(tags)
    shown = {"VolumeId": volume["VolumeId"], "Status": "attached", "AttachTime": now, "DeleteOnTermination": deleted}
    return {"DeviceName": mapping["DeviceName"], "Ebs": shown}
