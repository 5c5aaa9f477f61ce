"""What the head node and Slurm's nodes ask of EC2 in the same way: threads, root volume, metadata service."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from shoal.cluster.site import InstanceType

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.local_storage import NodeRootVolume, RootVolume

ROOT_DEVICES = MappingProxyType(
    {
        "alinux2023": "/dev/xvda",
        "debian12": "/dev/xvda",
        "rhel9": "/dev/sda1",
        "rocky9": "/dev/sda1",
        "ubuntu2404": "/dev/sda1",
    }
)
"""Root device of each system's official AMIs; `site` has that of another AMI."""


def cpu_options(instance_type: InstanceType, one_thread: bool) -> dict[str, Any]:
    """One thread for each core, if that is wanted and cores have more than one."""
    if not one_thread or instance_type.vcpus == instance_type.cores:
        return {}
    return {"CpuOptions": {"CoreCount": instance_type.cores, "ThreadsPerCore": 1}}


def root_volume(cluster: Cluster, root: RootVolume | NodeRootVolume, device: str, **more: Any) -> dict[str, Any]:
    """The mapping of a root volume.

    Args:
        cluster: gives the operating system.
        root: the volume.
        device: its device name; empty for that of the system's official AMIs.
        more: further properties of the volume.
    """
    given = {"VolumeSize": root.size, "Iops": root.iops, "Throughput": root.throughput}
    return {
        "DeviceName": device or ROOT_DEVICES[cluster.image.os],
        "Ebs": {
            "VolumeType": root.volume_type,
            "Encrypted": root.encrypted,
            **more,
            **{name: value for name, value in given.items() if value is not None},
        },
    }


def metadata_options(cluster: Cluster) -> dict[str, Any]:
    """How the instance's metadata are read: by session token, unless the configuration wants the old way."""
    return {"HttpEndpoint": "enabled", "HttpTokens": "required" if cluster.imds.imds_support == "v2.0" else "optional"}
