"""Local storage: the volumes that one node has for itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from shoal.cluster.grammar import Change, Integer, Section, Violation
from shoal.cluster.storage import Directory
from shoal.cluster.volume import VolumeType, default_iops, default_throughput, volume_violations


class RootVolume(Section):
    """Root volume of the head node."""

    volume_type: Annotated[VolumeType, Change.REPLACES] = "gp3"
    """Type of the volume."""
    iops: Annotated[Integer | None, Change.REPLACES] = Field(default_factory=default_iops)
    """I/O operations each second: 3000 for gp3 and 100 for io1 and io2, unless given; no other type has it."""
    size: Annotated[Integer | None, Change.REPLACES] = None
    """Size in GiB; without it the size of the AMI."""
    throughput: Annotated[Integer | None, Change.REPLACES] = Field(default_factory=default_throughput)
    """MiB/s of a gp3 volume, 125 unless given; at most a quarter of `Iops`."""
    encrypted: Annotated[bool, Change.REPLACES] = True
    """Whether the volume is encrypted."""
    delete_on_termination: Annotated[bool, Change.REPLACES] = True
    """Whether the volume goes with the head node."""

    def rules(self) -> Iterator[Violation]:
        """EBS's limits by type."""
        return volume_violations(self.volume_type, self.size, self.iops, self.throughput)


class EphemeralVolume(Section):
    """The instance's own disks, striped into one volume."""

    mount_dir: Annotated[Directory, Change.FIXED] = "/scratch"
    """Directory under which the head node mounts them, if its instance type has any."""


class LocalStorage(Section):
    """Volumes of the head node alone."""

    root_volume: RootVolume = RootVolume()
    """Root volume of the head node."""
    ephemeral_volume: EphemeralVolume = EphemeralVolume()
    """The instance's own disks."""


class NodeRootVolume(Section):
    """Root volume of a queue's nodes."""

    volume_type: Annotated[VolumeType, Change.ROLLS] = "gp3"
    """Type of the volume."""
    iops: Annotated[Integer | None, Change.ROLLS] = Field(default_factory=default_iops)
    """I/O operations each second: 3000 for gp3 and 100 for io1 and io2, unless given; no other type has it."""
    size: Annotated[Integer | None, Change.ROLLS] = None
    """Size in GiB; without it the size of the AMI."""
    throughput: Annotated[Integer | None, Change.ROLLS] = Field(default_factory=default_throughput)
    """MiB/s of a gp3 volume, 125 unless given; at most a quarter of `Iops`."""
    encrypted: Annotated[bool, Change.ROLLS] = True
    """Whether the volume is encrypted."""

    def rules(self) -> Iterator[Violation]:
        """EBS's limits by type."""
        return volume_violations(self.volume_type, self.size, self.iops, self.throughput)


class NodeEphemeralVolume(Section):
    """A node's own disks, striped into one volume."""

    mount_dir: Annotated[Directory, Change.ROLLS] = "/scratch"
    """Directory under which a node mounts them, if its instance type has any."""


class NodeLocalStorage(Section):
    """Volumes of each node alone."""

    root_volume: NodeRootVolume = NodeRootVolume()
    """Root volume of a queue's nodes."""
    ephemeral_volume: NodeEphemeralVolume = NodeEphemeralVolume()
    """A node's own disks."""


class ComputeSettings(Section):
    """Volumes of a queue's nodes."""

    local_storage: NodeLocalStorage = NodeLocalStorage()
    """Volumes of each node alone."""
