"""The head node's exports, mounted by the kernel in a network namespace: another machine, as far as NFS can see."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from shoal_node.compute import mount_shared
from shoal_node.contract import Settings
from shoal_node.exports import export_directories
from tests.vm.guest.layout import CLIENT, HEAD, KEPT, compute_settings
from tests.vm.guest.programs import said, source, text

_NETWORK = f"""
modprobe veth
ip netns add client
ip link add head type veth peer name eth0 netns client
ip address add {HEAD}/16 dev head
ip link set head up
ip -n client address add {CLIENT}/16 dev eth0
ip -n client link set eth0 up
ip -n client link set lo up
"""
_OTHER_MACHINE = """
cp -a /etc /run/other-etc
mount --bind /run/other-etc /etc
for directory in "$@"; do while mountpoint -q "$directory"; do umount "$directory"; done; done
exec python3 -m tests.vm.guest.nfs
"""
"""A compute node has an fstab of its own and none of the head node's disks."""


def nfs(told: Settings) -> dict[str, Any]:
    """Export twice, then mount as a compute node does, read and write."""
    said("sh", "-euc", _NETWORK)
    Path("/home/user").mkdir(exist_ok=True)
    Path("/home/user", KEPT).write_text("written at home")
    export_directories(told)
    export_directories(told)
    entered = ["ip", "netns", "exec", "client", "unshare", "--mount", "sh", "-euc", _OTHER_MACHINE, "sh"]
    facts: dict[str, Any] = json.loads(said(*entered, *told.exported_directories).splitlines()[-1])
    return {
        **facts,
        "written": text(Path("/data/by-client")),
        "owner": Path("/data/by-client").stat().st_uid,
        "exports": said("exportfs", "-v"),
        "server": text(Path("/proc/fs/nfsd/versions")),
    }


def main() -> None:
    """On the other machine: what it mounted and found."""
    given = compute_settings()
    mount_shared(given)
    mount_shared(given)
    Path("/data/by-client").write_text("written by the client")
    facts = {
        "mounted": {directory: source(directory) for directory in given.mounts},
        "kinds": sorted({said("stat", "-f", "-c", "%T", directory) for directory in given.mounts}),
        "read": text(Path("/data", KEPT)),
        "home": text(Path("/home/user", KEPT)),
        "fstab": Path("/etc/fstab").read_text(),
        "pid": os.getpid(),
    }
    sys.stdout.write(f"{json.dumps(facts)}\n")


if __name__ == "__main__":
    main()
