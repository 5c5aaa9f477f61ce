"""The machine's disks, and what a node is told of them."""

from __future__ import annotations

from shoal_node.contract import SLURM, ComputeSettings, Disk, NodePackage, Settings, Volume

MEBIBYTE = 1 << 20
HEAD = "10.9.0.10"
CLIENT = "10.9.0.11"
RANGE = "10.9.0.0/16"
KEPT = "kept.txt"
"""A file that every volume gets when it is new."""
_PACKAGE = NodePackage("bucket", "key", None)


def volume_id(number: int) -> str:
    """The id of one of the machine's EBS volumes."""
    return f"vol-{number:017x}"


def serial(number: int) -> str:
    """The serial number that EC2 gives the volume's disk."""
    return volume_id(number).replace("-", "")


def _volume(name: str, *numbers: int, raid_level: int | None = None) -> Volume:
    disks = tuple(Disk(volume_id(number), f"/dev/sd{chr(101 + number)}") for number in numbers)
    return Volume(name, f"/{name}", disks, raid_level)


DATA, OLD, FAST, SAFE = (
    _volume("data", 1),
    _volume("old", 2),
    _volume("fast", 3, 4, raid_level=0),
    _volume("safe", 5, 6, raid_level=1),
)
VOLUMES = (DATA, OLD, FAST, SAFE)
FOREIGN = _volume("foreign", 7)
"""Holds data that are no file system."""
SIZES = dict.fromkeys(range(1, 8), 48 * MEBIBYTE)
GROWN = 96 * MEBIBYTE
"""What the volume `data` has after the restart."""
STORES = 3
"""Disks of the instance's own."""
STORE_SIZE = 40 * MEBIBYTE


def settings(volumes: tuple[Volume, ...] = VOLUMES) -> Settings:
    """What the head node of a Slurm cluster is told."""
    return Settings(
        cluster_name="vm",
        stack_name="vm",
        logical_id="HeadNode",
        region="eu-west-1",
        url_suffix="invalid",
        node_package=_PACKAGE,
        volumes=volumes,
        file_systems=(),
        scratch_dir="/scratch",
        log_group=None,
        rotate_logs=False,
        kind=SLURM,
        table="nodes",
    )


def compute_settings() -> ComputeSettings:
    """What a compute node of that cluster is told."""
    return ComputeSettings(
        cluster_name="vm",
        stack_name="vm",
        region="eu-west-1",
        url_suffix="invalid",
        node_package=_PACKAGE,
        table="nodes",
        queue_url="queue",
        queue="main",
        compute_resource="small",
        group="small",
        head_address=HEAD,
        mounts=settings().exported_directories,
        file_systems=(),
        scratch_dir="/scratch",
        log_group=None,
        rotate_logs=False,
    )
