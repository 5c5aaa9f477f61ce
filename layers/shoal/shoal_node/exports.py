"""NFS: what the head node exports to the cluster's network."""

from __future__ import annotations

from pathlib import Path

from shoal_node.aws import vpc_ranges
from shoal_node.contract import SHARED_DIRECTORY, Settings, fstab_field
from shoal_node.shell import run, write

EXPORTS = Path("/etc/exports.d/shoal.exports")
OPTIONS = "rw,sync,no_root_squash,no_subtree_check"
"""Containers run as root by default, so root is not squashed; who reaches the server, the security groups decide."""
READ_ONLY = "ro,sync,root_squash,no_subtree_check"
"""For what Shoal shares of its own."""


def exports_file(directories: tuple[str, ...], ranges: list[str]) -> str:
    """The exports file: one line for each directory, open to these address ranges."""
    lines = []
    for directory in directories:
        options = READ_ONLY if directory == SHARED_DIRECTORY else OPTIONS
        clients = " ".join(f"{addresses}({options})" for addresses in ranges)
        lines.append(f"{fstab_field(directory)} {clients}\n")
    return "".join(lines)


def export_directories(settings: Settings) -> None:
    """Export the shared directories to every range of the VPC, and have the server started with the system."""
    for directory in settings.exported_directories:
        Path(directory).mkdir(parents=True, exist_ok=True)
    write(EXPORTS, exports_file(settings.exported_directories, vpc_ranges()))
    run("systemctl", "enable", "--now", "nfs-server")
    run("exportfs", "-ra")
