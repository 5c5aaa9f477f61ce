"""Disks: finding a volume's device, making arrays of them, and formatting what is empty, nothing else."""

from __future__ import annotations

import logging
from pathlib import Path

from shoal_node.contract import Disk, Volume
from shoal_node.shell import NodeError, run, write

log = logging.getLogger("shoal_node")

BY_ID = Path("/dev/disk/by-id")
NVME_PREFIX = "nvme-Amazon_Elastic_Block_Store_"
INSTANCE_STORE = "nvme-Amazon_EC2_NVMe_Instance_Storage_*"
"""https://docs.aws.amazon.com/ebs/latest/userguide/nvme-ebs-volumes.html"""
NVME_CONTROLLERS = "/sys/class/nvme"
ATTACH_SECONDS = 300
NOTHING_FOUND = 2
"""Exit code of `blkid --probe`."""
EDGE = 1024 * 1024
"""Bytes at both ends of a device that are read before it counts as empty: where partition tables, RAID superblocks
and file systems of every kind begin, or keep their copy."""
MDADM_FILES = ("/etc/mdadm/mdadm.conf", "/etc/mdadm.conf")
"""Debian's and Amazon Linux's place."""
SCRATCH_GROUP = "shoal-scratch"
SCRATCH_DEVICE = f"/dev/{SCRATCH_GROUP}/scratch"
STRIPE_KIB = "64"


def device_path(disk: Disk) -> Path:
    """Where the kernel shows an EBS volume: by its id on Nitro, by the attachment's name on Xen."""
    if Path(NVME_CONTROLLERS).exists() or any(BY_ID.glob(f"{NVME_PREFIX}*")):
        volume_id: str = disk.volume_id
        return BY_ID / (NVME_PREFIX + volume_id.replace("-", ""))
    return Path(disk.device.replace("/dev/sd", "/dev/xvd"))


def attached(disk: Disk) -> Path:
    """The device of a volume, waiting until EC2 has attached it.

    Raises:
        NodeError: it did not appear within five minutes.
    """
    path = device_path(disk)
    if not path.exists():
        log.info("waiting for %s as %s", disk.volume_id, path)
        run("udevadm", "wait", f"--timeout={ATTACH_SECONDS}", str(path), timeout=ATTACH_SECONDS + 10)
    return path


def content(device: Path) -> dict[str, str]:
    """What blkid finds on a device, `{"TYPE": "ext4", ...}`; empty when it finds nothing."""
    probe = run("blkid", "--probe", "--output", "export", str(device), accept=(0, NOTHING_FOUND))
    return dict(line.split("=", 1) for line in probe.stdout.splitlines() if "=" in line)


def is_empty(device: Path) -> bool:
    """Whether a device holds nothing: no known signature, and zeros at both ends.

    Raises:
        NodeError: there is no known signature, and yet there are data.
    """
    if content(device):
        return False
    with device.open("rb") as disk:
        head = disk.read(EDGE)
        disk.seek(-min(EDGE, disk.seek(0, 2)), 2)
        if any(head) or any(disk.read(EDGE)):
            raise NodeError(f"{device} holds data, but no file system that could be mounted; it is left as it is")
    return True


def file_system(device: Path) -> Path:
    """The device to mount: formatted if it was empty; of a partitioned disk the first partition.

    Raises:
        NodeError: it holds something that is no file system.
    """
    if is_empty(device):
        run("mkfs.ext4", "-q", str(device))
        return device
    found = content(device)
    if "PTTYPE" in found:
        return _first_partition(device)
    if found.get("USAGE", "filesystem") != "filesystem":
        raise NodeError(f"{device} holds {found.get('TYPE')}, which is no file system; it is left as it is")
    return device


def _first_partition(device: Path) -> Path:
    by_id = Path(f"{device}-part1")
    if by_id.exists():
        return by_id
    disk, *partitions = run("lsblk", "--noheadings", "--raw", "--paths", "--output", "NAME", str(device)).stdout.split()
    if not partitions:
        raise NodeError(f"{disk} has a partition table and no partition")
    return Path(partitions[0])


def array_path(volume: Volume) -> Path:
    """The device of an array."""
    return Path("/dev/md", "".join(letter if letter.isalnum() else "-" for letter in volume.name))


def assembled(volume: Volume, devices: list[Path]) -> Path:
    """The array of a volume's disks: made if all of them are empty, assembled if all belong to one.

    Raises:
        NodeError: only some of them are empty.
    """
    array = array_path(volume)
    if not array.exists():
        empty = [is_empty(device) for device in devices]
        names = [str(device) for device in devices]
        if all(empty):
            level, count = f"--level={volume.raid_level}", f"--raid-devices={len(devices)}"
            run("mdadm", "--create", str(array), level, count, "--metadata=1.2", "--homehost=any", "--run", *names)
        elif any(empty):
            raise NodeError(f"of the disks of {volume.name} only some belong to an array; none is formatted")
        else:
            run("mdadm", "--assemble", str(array), *names)
    _remember(array)
    return array


def _remember(array: Path) -> None:
    """Have the array assembled under its name when the node restarts."""
    path = next((path for path in map(Path, MDADM_FILES) if path.exists()), Path(MDADM_FILES[-1]))
    known = path.read_text().splitlines() if path.exists() else []
    if not any(str(array) in line.split() for line in known):
        line = run("mdadm", "--detail", "--brief", str(array)).stdout.strip()
        write(path, "\n".join([*known, line, ""]))


def instance_store() -> list[Path]:
    """The instance's own disks."""
    return sorted({path.resolve() for path in BY_ID.glob(INSTANCE_STORE) if "-part" not in path.name})


def striped(devices: list[Path]) -> Path:
    """One logical volume over the instance's own disks, made anew when they are empty, as after a stop and start."""
    scratch = Path(SCRATCH_DEVICE)
    if scratch.exists():
        return scratch
    names = [str(device) for device in devices]
    empty = [is_empty(device) for device in devices]
    if all(empty):
        run("vgcreate", SCRATCH_GROUP, *names)
    else:
        run("vgchange", "--activate", "y", SCRATCH_GROUP)
    if not scratch.exists():
        stripes = ["--stripes", str(len(names)), "--stripesize", STRIPE_KIB]
        run("lvcreate", "--yes", "--extents", "100%FREE", *stripes, "--name", scratch.name, SCRATCH_GROUP)
    return scratch
