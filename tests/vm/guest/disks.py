"""Volumes, arrays and the instance's own disks, mounted by the node's own steps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from shoal_node.contract import Settings
from shoal_node.disks import device_path, instance_store
from shoal_node.mounts import grow_volumes, mount_scratch, mount_volumes
from shoal_node.shell import NodeError
from tests.vm.guest.layout import DATA, FAST, FOREIGN, KEPT, OLD, SAFE, VOLUMES, settings
from tests.vm.guest.programs import said, source, text


def volumes(told: Settings) -> dict[str, Any]:
    """Volumes and arrays, mounted twice: the second time nothing may change."""
    before = {volume.name: source(volume.mount_dir) for volume in VOLUMES}
    mount_volumes(told)
    first = _file_systems()
    grow_volumes(told)
    mount_volumes(told)
    facts: dict[str, Any] = {"before": before, "first": first, "second": _file_systems()}
    facts["kept"] = {volume.name: text(Path(volume.mount_dir, KEPT)) for volume in VOLUMES}
    data = os.statvfs(DATA.mount_dir)
    facts["bytes"] = data.f_blocks * data.f_frsize
    facts["modes"] = {volume.name: oct(Path(volume.mount_dir).stat().st_mode & 0o7777) for volume in VOLUMES}
    facts["arrays"] = {volume.name: said("mdadm", "--detail", source(volume.mount_dir)) for volume in (FAST, SAFE)}
    for volume in VOLUMES:
        if volume is not OLD:
            Path(volume.mount_dir, KEPT).write_text(f"written on {volume.name}")
    return facts


def _file_systems() -> dict[str, str]:
    """What is mounted where, and the identities of the file systems."""
    found = {volume.name: source(volume.mount_dir) for volume in VOLUMES}
    return {name: f"{device} {said('blkid', '-o', 'value', '-s', 'UUID', device)}" for name, device in found.items()}


def foreign(_: Settings) -> dict[str, Any]:
    """A disk with data that are no file system: refused, and not a byte of it changed."""
    device = device_path(FOREIGN.disks[0])
    before, refused = device.read_bytes(), ""
    try:
        mount_volumes(settings((FOREIGN,)))
    except NodeError as error:
        refused = str(error)
    return {"refused": refused, "unchanged": device.read_bytes() == before}


def scratch(told: Settings) -> dict[str, Any]:
    """The instance's own disks; after a restart once more when they have been emptied, as by a stop and a start."""
    now = _scratch(told)
    facts: dict[str, Any] = {"disks": len(instance_store()), "now": now}
    if now["kept"]:
        said("umount", told.scratch_dir)
        said("vgremove", "--force", "--force", "shoal-scratch")
        for device in instance_store():
            size = device.stat().st_size or int(said("blockdev", "--getsize64", str(device)))
            said("dd", "if=/dev/zero", f"of={device}", "bs=1M", f"count={size >> 20}", "conv=fsync")
        facts["emptied"] = _scratch(told)
    Path(told.scratch_dir, KEPT).write_text("written on scratch")
    return facts


def _scratch(told: Settings) -> dict[str, Any]:
    mount_scratch(told)
    mount_scratch(told)
    return {
        "source": source(told.scratch_dir),
        "table": said("dmsetup", "table", "shoal--scratch-scratch"),
        "stripes": said("lvs", "--noheadings", "--units", "k", "-o", "stripes,stripe_size", "shoal-scratch").split(),
        "kept": text(Path(told.scratch_dir, KEPT)),
        "mode": oct(Path(told.scratch_dir).stat().st_mode & 0o7777),
    }
