"""EFS: the file systems of a cluster, where they can be reached, and what mounting them needs.

A file system to be kept (`DeletionPolicy: Retain`) keeps its mount targets and their security group as well, as in
ParallelCluster: the next cluster can name it by `FileSystemId` and be let in by that group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shoal.cluster.network import compute_groups, head_node_groups, vpc_id
from shoal.cluster.site import Site
from shoal.cluster.storage import SharedStorage
from shoal.cluster.template import Resource, Statement, Value, allow, arn, logical_id, ref, tag_list
from shoal_node.contract import HOME, FileSystem

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.efs import EfsSettings

NFS_PORT = 2049


def file_system_id(storage: SharedStorage) -> str:
    """The file system of a storage."""
    return logical_id("FileSystem", storage.name)


def group_id(storage: SharedStorage) -> str:
    """The security group of a file system's mount targets."""
    return logical_id("FileSystemSecurityGroup", storage.name)


def mount_target_id(storage: SharedStorage, zone: str) -> str:
    """The mount target of a file system in an availability zone: there can be only one."""
    return logical_id("MountTarget", storage.name, zone)


def mount_target_ids(cluster: Cluster, site: Site) -> list[str]:
    """Every mount target; who mounts depends on them, since the file system's name resolves only then."""
    return [mount_target_id(storage, zone) for storage, _ in _new(cluster) for zone in _subnets_by_zone(cluster, site)]


def file_systems(cluster: Cluster) -> tuple[FileSystem, ...]:
    """The EFS storages as the nodes know them."""
    return tuple(
        FileSystem(
            name=storage.name,
            mount_dir=storage.mount_point,
            file_system_id=settings.file_system_id or ref(file_system_id(storage)),
            tls=settings.encryption_in_transit,
            iam=settings.iam_authorization,
            access_point_id=settings.access_point_id,
        )
        for storage, settings in _all(cluster)
    )


def statements(cluster: Cluster, site: Site) -> Iterator[Statement]:
    """What a role needs to mount the file systems that ask for its identity."""
    for storage, settings in _all(cluster):
        if settings.iam_authorization:
            identity = settings.file_system_id or ref(file_system_id(storage))
            yield allow(
                logical_id("Mount", storage.name),
                "elasticfilesystem:ClientMount",
                "elasticfilesystem:ClientRootAccess",
                "elasticfilesystem:ClientWrite",
                on=arn(site, "elasticfilesystem", "file-system/", identity),
            )


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The new file systems, each with a mount target in every zone of the cluster and the group that opens them."""
    for storage, settings in _new(cluster):
        yield file_system_id(storage), _file_system(cluster, site, storage, settings)
        yield group_id(storage), _group(cluster, site, storage, settings)
        yield (
            logical_id("FileSystemFromItself", storage.name),
            _kept(settings, _reached_from(storage, ref(group_id(storage)))),
        )
        for name, source in _clients(cluster).items():
            yield logical_id("FileSystemFrom", storage.name, name), _reached_from(storage, source)
        for zone, subnet in _subnets_by_zone(cluster, site).items():
            yield mount_target_id(storage, zone), _mount_target(storage, settings, subnet)


def _all(cluster: Cluster) -> Iterator[tuple[SharedStorage, EfsSettings]]:
    for storage in (*cluster.shared_storage, *_home(cluster)):
        if storage.efs_settings:
            yield storage, storage.efs_settings


def _home(cluster: Cluster) -> Iterator[SharedStorage]:
    """`/home`, where `HeadNode.SharedStorageType` puts it on a file system; its name is one that no other can have."""
    head = cluster.head_node
    if head.shared_storage_type == "Efs" and HOME not in (storage.mount_point for storage in cluster.shared_storage):
        settings = head.shared_storage_efs_settings
        home = {
            "MountDir": HOME,
            "Name": "home",
            "StorageType": "Efs",
            "EfsSettings": {"Encrypted": settings is not None and settings.encrypted},
        }
        yield SharedStorage.model_validate(home).model_copy(update={"name": "default"})


def _new(cluster: Cluster) -> Iterator[tuple[SharedStorage, EfsSettings]]:
    return ((storage, settings) for storage, settings in _all(cluster) if not settings.file_system_id)


def _subnets_by_zone(cluster: Cluster, site: Site) -> dict[str, str]:
    """One subnet in each zone: the head node's, then of each queue, in their order, the first."""
    queues = cluster.scheduling.queues
    subnets = [cluster.head_node.networking.subnet_id, *(s for queue in queues for s in queue.networking.subnet_ids)]
    zones: dict[str, str] = {}
    for subnet in subnets:
        zones.setdefault(site.subnets[subnet].availability_zone, subnet)
    return zones


def _clients(cluster: Cluster) -> dict[str, Value]:
    """By name, the groups of the nodes that mount."""
    head: dict[str, Value] = {f"HeadNode{number}": group for number, group in enumerate(head_node_groups(cluster))}
    return head | {name: group for name, group in compute_groups(cluster).items() if group not in head.values()}


def _kept(settings: EfsSettings, resource: Resource) -> Resource:
    """The resource with the file system's deletion policy."""
    return {**resource, "DeletionPolicy": settings.deletion_policy, "UpdateReplacePolicy": settings.deletion_policy}


def _file_system(cluster: Cluster, site: Site, storage: SharedStorage, settings: EfsSettings) -> Resource:
    given: dict[str, Any] = {
        "KmsKeyId": settings.kms_key_id,
        "ProvisionedThroughputInMibps": settings.provisioned_throughput,
    }
    return {
        "Type": "AWS::EFS::FileSystem",
        "DeletionPolicy": settings.deletion_policy,
        # Updates that replace it are refused; should one be forced on the stack, the data stay.
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Encrypted": settings.encrypted,
            "PerformanceMode": settings.performance_mode,
            "ThroughputMode": settings.throughput_mode,
            **{name: value for name, value in given.items() if value is not None},
            "FileSystemTags": tag_list(cluster, site, Name=f"{site.cluster_name} {storage.name}"),
        },
    }


def _group(cluster: Cluster, site: Site, storage: SharedStorage, settings: EfsSettings) -> Resource:
    return _kept(
        settings,
        {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": f"Shared storage of the Shoal cluster {site.cluster_name}",
                "VpcId": vpc_id(cluster, site),
                "Tags": tag_list(cluster, site, Name=f"{site.cluster_name} {storage.name}"),
            },
        },
    )


def _reached_from(storage: SharedStorage, source: Value) -> Resource:
    """A rule of its own, so that it can go when the group stays."""
    return {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {
            "GroupId": ref(group_id(storage)),
            "IpProtocol": "tcp",
            "FromPort": NFS_PORT,
            "ToPort": NFS_PORT,
            "SourceSecurityGroupId": source,
        },
    }


def _mount_target(storage: SharedStorage, settings: EfsSettings, subnet: str) -> Resource:
    return _kept(
        settings,
        {
            "Type": "AWS::EFS::MountTarget",
            "Properties": {
                "FileSystemId": ref(file_system_id(storage)),
                "SubnetId": subnet,
                "SecurityGroups": [ref(group_id(storage))],
            },
        },
    )
