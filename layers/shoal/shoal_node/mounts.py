"""Mounting: now, and by fstab whenever the node restarts."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from shoal_node.contract import HOME, NodeSettings, Settings, efs_mount, fstab_field
from shoal_node.disks import assembled, attached, content, file_system, instance_store, striped
from shoal_node.shell import run, write

log = logging.getLogger("shoal_node")

FSTAB = Path("/etc/fstab")
STAGING = Path("/run/shoal/staging")
VOLUME_OPTIONS = "defaults,nofail,_netdev"
"""A volume that is missing after a restart must not keep the node from starting."""
NO_MOUNT_POINT = 32
"""Exit code of newer versions of `mountpoint`; older ones say 1."""
WORLD_WRITABLE = 0o1777
"""Like `/tmp`: jobs of any user write there."""


def with_entry(fstab: str, mount_dir: str, entry: str) -> str:
    """The fstab with this entry for the directory, in place of any other."""
    field = [fstab_field(mount_dir)]
    others = [line for line in fstab.splitlines() if line.startswith("#") or line.split()[1:2] != field]
    return "\n".join([*others, entry, ""])


def mounted(source: str, mount_dir: str, kind: str, options: str, *, copies_homes: bool = True) -> None:
    """Mount a file system, and remember it; nothing happens where it is mounted already.

    Args:
        source: what is mounted.
        mount_dir: where.
        kind: type of the file system, as `mount` takes it.
        options: likewise.
        copies_homes: whether what is in `/home` goes onto a file system that is mounted over it.
    """
    entry = f"{fstab_field(source)} {fstab_field(mount_dir)} {kind} {options} 0 {2 if kind == 'ext4' else 0}"
    text = FSTAB.read_text() if FSTAB.exists() else ""
    if entry not in text.splitlines():
        write(FSTAB, with_entry(text, mount_dir, entry))
    if is_mounted(source, mount_dir):
        return
    Path(mount_dir).mkdir(parents=True, exist_ok=True)
    if mount_dir == HOME and copies_homes:
        _move_homes(source, kind, options)
    run("mount", mount_dir)


def is_mounted(source: str, mount_dir: str) -> bool:
    """Whether the directory shows this file system; of a remote one only that something is mounted there."""
    if run("mountpoint", "--quiet", mount_dir, accept=(0, 1, NO_MOUNT_POINT)).returncode:
        return False
    device = Path(source)
    return not device.is_block_device() or Path(mount_dir).stat().st_dev == device.stat().st_rdev


def _move_homes(source: str, kind: str, options: str) -> None:
    """Copy the users' directories to what will be mounted over them; those that are there stay as they are."""
    STAGING.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", kind, "-o", options, source, str(STAGING))
    try:
        for directory in sorted(Path(HOME).iterdir()):
            if not (STAGING / directory.name).exists():
                partial = STAGING / f".{directory.name}.partial"
                shutil.rmtree(partial, ignore_errors=True)
                run("cp", "--archive", str(directory), str(partial))
                partial.rename(STAGING / directory.name)
    finally:
        run("umount", str(STAGING))


def mount_volumes(settings: Settings) -> None:
    """Mount every EBS volume and array, formatting those that are empty."""
    for volume in settings.volumes:
        devices = [attached(disk) for disk in volume.disks]
        device = file_system(devices[0] if volume.raid_level is None else assembled(volume, devices))
        new = not is_mounted(str(device), volume.mount_dir)
        mounted(str(device), volume.mount_dir, content(device).get("TYPE", "auto"), VOLUME_OPTIONS)
        if new:
            _open_to_all(volume.mount_dir)


def grow_volumes(settings: Settings) -> None:
    """Let file systems have all of their volumes, which may be larger: than a snapshot, or since an update."""
    for volume in settings.volumes:
        found = run("findmnt", "--noheadings", "--output", "SOURCE,FSTYPE", volume.mount_dir, accept=(0, 1))
        source, _, kind = found.stdout.strip().partition(" ")
        if kind.strip() == "ext4":
            run("resize2fs", source)


def _open_to_all(mount_dir: str) -> None:
    """Let every user write to a directory that only root could: a file system just made, as ParallelCluster does."""
    if mount_dir != HOME and not [path for path in Path(mount_dir).iterdir() if path.name != "lost+found"]:
        Path(mount_dir).chmod(WORLD_WRITABLE)


def mount_scratch(settings: NodeSettings) -> None:
    """Stripe the instance's own disks into one volume and mount it, if there are any; it does not outlive a stop."""
    devices = instance_store()
    if not devices:
        log.info("this instance type has no disks of its own")
        return
    device = file_system(striped(devices))
    if not is_mounted(str(device), settings.scratch_dir):
        Path(settings.scratch_dir).mkdir(parents=True, exist_ok=True)
        run("mount", str(device), settings.scratch_dir)
    Path(settings.scratch_dir).chmod(WORLD_WRITABLE)


def mount_file_systems(settings: NodeSettings) -> None:
    """Mount every EFS file system."""
    for system in settings.file_systems:
        source, kind, options = efs_mount(system, settings.region, settings.url_suffix)
        new = not is_mounted(source, system.mount_dir)
        mounted(source, system.mount_dir, kind, options, copies_homes=isinstance(settings, Settings))
        if new:
            _open_to_all(system.mount_dir)
