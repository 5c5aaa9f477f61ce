"""Storage: EBS volumes and EFS file systems that the nodes of a cluster share."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from shoal.cluster import mounts
from shoal.cluster.efs import EfsSettings
from shoal.cluster.grammar import (
    Change,
    Code,
    Integer,
    ListRule,
    Matching,
    NotOffered,
    Refused,
    Section,
    Unique,
    Violation,
    problem,
)
from shoal.cluster.site import Site
from shoal.cluster.template import Resource, Value, logical_id, ref, tag_list
from shoal.cluster.volume import KmsKeyId, VolumeType, default_iops, default_throughput, volume_violations
from shoal_node.contract import HOME, Disk, Volume

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

DEFAULT_VOLUME_SIZE = 40

DIRECTORY = r"/?[^/.\\][^/\\]*(/[^/.\\][^/]*)*"
_SYSTEM = (
    "NONE bin boot dev etc lib lib64 media mnt opt opt/intel opt/parallelcluster opt/parallelcluster/shared "
    "opt/parallelcluster/shared_login_nodes opt/shoal opt/slurm proc root run sbin srv sys tmp usr var"
)
RESERVED_DIRECTORIES = frozenset(f"/{name}" for name in _SYSTEM.split())


def _not_of_the_system(mount_dir: str) -> str:
    if f"/{mount_dir.strip('/')}" in RESERVED_DIRECTORIES:
        raise problem(Code.INVALID_VALUE, "is a directory of the system", "write another directory, like `/shared`")
    return mount_dir


Directory = Annotated[str, Matching(DIRECTORY, "a directory like `/shared`; no part of it begins with a dot")]

NOT_OFFERED_TYPES = MappingProxyType(
    dict.fromkeys(
        ("FsxLustre", "FsxOpenZfs", "FsxOntap", "FileCache"),
        Refused("nodes mount EBS and EFS only", "write Efs, or Ebs"),
    )
)
_FSX = Refused("nodes mount EBS and EFS only", "use StorageType: Efs with EfsSettings")


class Raid(Section):
    """Several EBS volumes as one array."""

    type: Annotated[Integer, Change.REPLACES, Field(ge=0, le=1)]
    """0 stripes the volumes, 1 mirrors them."""
    number_of_volumes: Annotated[Integer, Change.REPLACES, Field(ge=2, le=5)] = 2
    """Volumes in the array, each of the given size."""


class EbsSettings(Section):
    """An EBS volume, attached to the head node and exported to the other nodes over NFS."""

    volume_type: Annotated[VolumeType, Change.LIVE] = "gp3"
    """Type of the volume."""
    iops: Annotated[Integer | None, Change.LIVE] = Field(default_factory=default_iops)
    """I/O operations each second: 3000 for gp3 and 100 for io1 and io2, unless given; no other type has it."""
    size: Annotated[Integer, Change.GROWS] = DEFAULT_VOLUME_SIZE
    """Size in GiB, of each volume of an array."""
    throughput: Annotated[Integer | None, Change.LIVE] = Field(default_factory=default_throughput)
    """MiB/s of a gp3 volume, 125 unless given; at most a quarter of `Iops`."""
    encrypted: Annotated[bool, Change.REPLACES] = True
    """Whether the volume is encrypted."""
    kms_key_id: Annotated[KmsKeyId | None, Change.REPLACES] = None
    """KMS key that encrypts the volume, instead of the account's default key."""
    snapshot_id: Annotated[
        str | None,
        Change.REPLACES,
        Matching(r"snap-([0-9a-z]{8}|[0-9a-z]{17})", "a snapshot id like `snap-0123456789abcdef0`"),
    ] = None
    """Snapshot to make the volume from."""
    volume_id: Annotated[
        str | None,
        Change.REPLACES,
        Matching(r"vol-([0-9a-z]{8}|[0-9a-z]{17})", "a volume id like `vol-0123456789abcdef0`"),
    ] = None
    """Existing volume to attach instead of a new one; it is never deleted with the cluster."""
    raid: Raid | None = None
    """An array instead of one volume."""
    deletion_policy: Annotated[Literal["Delete", "Retain", "Snapshot"] | None, Change.LIVE] = Field(
        default_factory=lambda section: None if section["volume_id"] else "Delete"
    )
    """What happens to a new volume when the cluster is deleted; Delete unless given."""

    def rules(self) -> Iterator[Violation]:
        """EBS's limits by type, and a key only where there is encryption."""
        yield from volume_violations(self.volume_type, self.size, self.iops, self.throughput)
        if self.raid and self.volume_id:
            yield Violation("VolumeId", "cannot be combined with Raid", "remove one: an array is made of new volumes")
        if self.kms_key_id and not self.encrypted:
            yield Violation("KmsKeyId", "needs Encrypted", "write Encrypted: true, or remove KmsKeyId")


class SharedStorage(Section):
    """A directory that the head node and all jobs see."""

    mount_dir: Annotated[Directory, Change.FIXED, AfterValidator(_not_of_the_system)]
    """Directory under which nodes and jobs see the storage."""
    name: Annotated[
        str,
        Change.FIXED,
        Matching(r"(?!default$)[\w+\-=.:@/]{1,30}", "at most 30 letters, digits or `+-=._:@/`, and not `default`"),
    ]
    """Name, by which an update recognises the storage."""
    storage_type: Annotated[Literal["Ebs", "Efs"], Change.REPLACES, NotOffered(NOT_OFFERED_TYPES)]
    """Kind of storage."""
    ebs_settings: EbsSettings | None = Field(
        default_factory=lambda section: EbsSettings() if section["storage_type"] == "Ebs" else None
    )
    """Settings of an EBS volume; only with StorageType Ebs."""
    efs_settings: EfsSettings | None = Field(
        default_factory=lambda section: EfsSettings() if section["storage_type"] == "Efs" else None
    )
    """Settings of an EFS file system; only with StorageType Efs."""
    fsx_lustre_settings: Annotated[None, _FSX] = None
    """An FSx for Lustre file system."""
    fsx_open_zfs_settings: Annotated[None, _FSX] = None
    """An FSx for OpenZFS volume."""
    fsx_ontap_settings: Annotated[None, _FSX] = None
    """An FSx for ONTAP volume."""
    file_cache_settings: Annotated[None, _FSX] = None
    """An Amazon File Cache."""

    @property
    def mount_point(self) -> str:
        """The absolute path of `MountDir`, which may lack its first slash."""
        return f"/{self.mount_dir.strip('/')}"

    def rules(self) -> Iterator[Violation]:
        """Settings of the right type."""
        for key, settings, storage_type in (
            ("EbsSettings", self.ebs_settings, "Ebs"),
            ("EfsSettings", self.efs_settings, "Efs"),
        ):
            if settings is not None and settings.model_fields_set and self.storage_type != storage_type:
                suggestion = f"write StorageType: {storage_type}, or remove {key}"
                yield Violation(key, f"does not go with StorageType: {self.storage_type}", suggestion)


SharedStorages = Annotated[tuple[SharedStorage, ...], Change.FIXED, Unique("Name"), ListRule(mounts.violations)]
"""The value of `SharedStorage`: rules between its items included."""


# ---- resources

DEVICES = (*(f"/dev/sd{letter}" for letter in "fghijklmnopqrstuvwxyz"), *(f"/dev/xvdb{n}" for n in "abcdefghij"))
"""Names under which volumes can be attached to a Linux instance beside its root and its own disks,
https://docs.aws.amazon.com/ebs/latest/userguide/device_naming.html
"""


HOST_FOLDER = "/mnt/shoal"


def volume_id(storage: SharedStorage, number: int = 0) -> str:
    """The EBS volume of a storage; of an array the one with this number."""
    return logical_id("Volume", storage.name, *([str(number)] if number else []))


def _disks(storage: SharedStorage, settings: EbsSettings) -> list[Value]:
    """The ids of a storage's volumes: one, or as many as the array has."""
    if settings.volume_id:
        return [settings.volume_id]
    count = settings.raid.number_of_volumes if settings.raid else 1
    return [ref(volume_id(storage, number)) for number in range(count)]


def volumes(cluster: Cluster) -> tuple[Volume, ...]:
    """The EBS storages as the head node knows them, by name: their order in the configuration moves no device."""
    devices = iter(DEVICES)
    return tuple(
        Volume(
            name=storage.name,
            mount_dir=storage.mount_point,
            disks=tuple(Disk(disk, next(devices)) for disk in _disks(storage, settings)),
            raid_level=settings.raid.type if settings.raid else None,
        )
        for storage in sorted(cluster.shared_storage, key=lambda storage: storage.name)
        if (settings := storage.ebs_settings)
    )


def shared_directories(cluster: Cluster) -> list[str]:
    """What the head node and all jobs see under the same path: `/home` and every storage."""
    shared = {storage.mount_point for storage in cluster.shared_storage}
    return sorted(shared | {HOME})


def host_directory(path: str) -> str:
    """Where a Batch host mounts a shared directory, for its jobs to see it under `path`: its own `/home` stays."""
    return f"{HOST_FOLDER}{path}"


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The EBS volumes, in the zone of the head node, which attaches them itself."""
    for storage in cluster.shared_storage:
        settings = storage.ebs_settings
        if settings is None or settings.volume_id:
            continue
        for number in range(settings.raid.number_of_volumes if settings.raid else 1):
            yield volume_id(storage, number), _volume(cluster, site, storage, settings)


def _volume(cluster: Cluster, site: Site, storage: SharedStorage, settings: EbsSettings) -> Resource:
    given = {
        "Iops": settings.iops,
        "Throughput": settings.throughput,
        "KmsKeyId": settings.kms_key_id,
        "SnapshotId": settings.snapshot_id,
    }
    return {
        "Type": "AWS::EC2::Volume",
        "DeletionPolicy": settings.deletion_policy,
        # Updates that replace a volume are refused; should one be forced on the stack, the data stay.
        "UpdateReplacePolicy": "Retain" if settings.deletion_policy == "Retain" else "Snapshot",
        "Properties": {
            "AvailabilityZone": site.subnets[cluster.head_node.networking.subnet_id].availability_zone,
            "VolumeType": settings.volume_type,
            "Size": settings.size,
            "Encrypted": settings.encrypted,
            **{name: value for name, value in given.items() if value is not None},
            "Tags": tag_list(cluster, site, Name=f"{site.cluster_name} {storage.name}"),
        },
    }
