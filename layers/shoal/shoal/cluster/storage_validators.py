"""Whether the storage and the bucket that a configuration names are there and can be used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cluster.findings import Finding
from shoal.cluster.surroundings import Surroundings

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster


def volumes(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Existing volumes are free and in the head node's zone, snapshots are complete and fit."""
    zone = around.zone(cluster.head_node.networking.subnet_id)
    for number, storage in enumerate(cluster.shared_storage):
        settings, place = storage.ebs_settings, f"SharedStorage[{number}].EbsSettings"
        if settings and settings.volume_id:
            yield from _volume(settings.volume_id, f"{place}.VolumeId", zone, around)
        if settings and settings.snapshot_id:
            size = settings.size if "size" in settings.model_fields_set else None
            yield from _snapshot(settings.snapshot_id, size, place, around)


def _volume(volume_id: str, path: str, zone: str | None, around: Surroundings) -> Iterator[Finding]:
    name, volume = "SharedEbsVolumeIdValidator", around.volumes.get(volume_id)
    if volume is None:
        message = f"is {volume_id}, which is no volume of this account and Region"
        yield Finding(name, path, message, "write the id of one, or remove the key for a new volume")
    elif zone and volume["AvailabilityZone"] != zone:
        message = f"is in {volume['AvailabilityZone']}, and the head node is in {zone}"
        yield Finding(name, path, message, f"make a snapshot and name it as SnapshotId, or choose a subnet in {zone}")


def _snapshot(snapshot_id: str, size: int | None, place: str, around: Surroundings) -> Iterator[Finding]:
    name, snapshot = "EbsVolumeSizeSnapshotValidator", around.snapshots.get(snapshot_id)
    if snapshot is None:
        message = f"is {snapshot_id}, which is no snapshot that this account can use"
        yield Finding(name, f"{place}.SnapshotId", message, "write the id of one of this Region")
    elif snapshot["State"] != "completed":
        message = f"is {snapshot_id}, which is {snapshot['State']}"
        yield Finding(name, f"{place}.SnapshotId", message, "wait until it is completed")
    elif size and size < snapshot["VolumeSize"]:
        message = f"is {size}, and the snapshot holds {snapshot['VolumeSize']} GiB"
        yield Finding(name, f"{place}.Size", message, f"write at least {snapshot['VolumeSize']}")


def file_systems(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Existing file systems can be mounted in every zone that has nodes."""
    subnets = [cluster.head_node.networking.subnet_id]
    subnets += [id_ for queue in cluster.scheduling.queues for id_ in queue.networking.subnet_ids]
    zones = {str(zone) for zone in map(around.zone, subnets) if zone}
    for number, storage in enumerate(cluster.shared_storage):
        system_id = storage.efs_settings.file_system_id if storage.efs_settings else None
        path = f"SharedStorage[{number}].EfsSettings.FileSystemId"
        system = around.file_systems.get(system_id or "")
        if system_id and system is None:
            message = f"is {system_id}, which is no file system of this account and Region"
            yield Finding("EfsIdValidator", path, message, "write the id of one, or remove the key for a new one")
        elif system and (lacking := sorted(zones - system.zones)):
            message = f"is {system_id}, which has no mount target in {', '.join(lacking)}"
            yield Finding("EfsIdValidator", path, message, "make one in each zone that has nodes")


def keys(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """KMS keys exist and are enabled."""
    for number, storage in enumerate(cluster.shared_storage):
        for section, settings in (("EbsSettings", storage.ebs_settings), ("EfsSettings", storage.efs_settings)):
            key = settings.kms_key_id if settings else None
            state = around.kms_keys.get(key or "", "absent")
            if key and state != "Enabled":
                path = f"SharedStorage[{number}].{section}.KmsKeyId"
                message = f"is {key}, which is {state}"
                yield Finding("KmsKeyValidator", path, message, "name an enabled key of this Region")


def bucket(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """The user's bucket exists, here, and keeps versions."""
    name, path = cluster.custom_s3_bucket, "CustomS3Bucket"
    if name is None:
        return
    if around.bucket_region is None:
        message = f"is {name}, which is no bucket that this account can use"
        yield Finding("S3BucketValidator", path, message, "name one of this account, or remove the key")
        return
    if around.bucket_versioning != "Enabled":
        message = f"is {name}, which does not keep versions"
        yield Finding("S3BucketValidator", path, message, "enable versioning for it")
    if around.bucket_region != around.region:
        message = f"is {name} in {around.bucket_region}"
        yield Finding("S3BucketRegionValidator", path, message, f"name a bucket in {around.region}")


STORAGE_VALIDATORS = (volumes, file_systems, keys, bucket)
