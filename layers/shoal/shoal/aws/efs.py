"""EFS: file systems that a configuration mounts, and where they can be reached."""

from __future__ import annotations

from dataclasses import dataclass

from shoal.aws.session import client


@dataclass(frozen=True)
class FileSystem:
    """An existing file system."""

    state: str
    """`available` when it can be mounted."""
    zones: frozenset[str]
    """Availability zones that have a mount target."""


def file_system(file_system_id: str) -> FileSystem | None:
    """A file system with the zones of its mount targets, or none."""
    efs = client("efs")
    try:
        described = efs.describe_file_systems(FileSystemId=file_system_id)["FileSystems"][0]
    except efs.exceptions.FileSystemNotFound:
        return None
    pages = efs.get_paginator("describe_mount_targets").paginate(FileSystemId=file_system_id)
    zones = frozenset(target["AvailabilityZoneName"] for page in pages for target in page["MountTargets"])
    return FileSystem(state=described["LifeCycleState"], zones=zones)
