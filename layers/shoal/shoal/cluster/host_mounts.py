"""Shared storage on Batch's hosts: each mounts it when it starts, and job definitions bind the directories into jobs.

So jobs need no privileges, and what is mounted is the same for all of them. Paths stand in single quotes in the script:
no character in them means anything to the shell.
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from shoal.cluster.file_systems import file_systems
from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.site import Site
from shoal.cluster.storage import host_directory, shared_directories
from shoal.cluster.template import Value, get_att, join
from shoal_node.contract import NFS_OPTIONS, efs_mount, fstab_field

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

HOST_RETRIES = "retry=10"
"""Minutes for which a host tries to mount."""
HOST_ORDER = "x-systemd.before=ecs.service,x-systemd.required-by=ecs.service"
_BOUNDARY = "==SHOAL=="

_SCRIPT = """#!/bin/sh
# Mounts the cluster's shared storage. The ECS agent starts after this script, and at every other start of the host only
# when all of it is mounted. A host that cannot mount takes no jobs and ends itself.
fail() {
  echo "shoal: $1; this instance takes no jobs" | tee /dev/console
  shutdown -h now
  exit 1
}
need() {
  command -v "$1" || dnf -y --setopt=retries=5 install "$2" || fail "$2 cannot be installed"
}
share() {
  mkdir -p "$1"
  entry="$2 $3 $4 $5 0 0"
  grep -qsxF -- "$entry" /etc/fstab || printf '%s\\n' "$entry" >> /etc/fstab
  mountpoint -q "$1" || mount "$1" || fail "$2 cannot be mounted on $1"
}
"""


def mount_user_data(cluster: Cluster, site: Site) -> Value:
    """The user data of Batch's hosts, as MIME multipart, the form in which Batch can add its own to it
    (https://docs.aws.amazon.com/batch/latest/userguide/launch-templates.html).
    """
    systems = file_systems(cluster)
    identities = {f"FILE_SYSTEM_{number}": system for number, system in enumerate(systems)}
    script: list[Value] = [_SCRIPT, "HEAD_NODE=", get_att(HEAD_NODE, "PrivateIp"), "\n"]
    for name, system in identities.items():
        script += [f"{name}=", system.file_system_id, "\n"]
    script.append("need mount.nfs4 nfs-utils\n")
    if any(system.needs_efs_client for system in systems):
        script.append("need mount.efs amazon-efs-utils\n")
    for directory in sorted(set(shared_directories(cluster)) - {system.mount_dir for system in systems}):
        source = f'"$HEAD_NODE:"{shlex.quote(fstab_field(directory))}'
        script.append(_share(source, directory, "nfs4", f"{NFS_OPTIONS},{HOST_RETRIES}"))
    for name, system in identities.items():
        known = replace(system, file_system_id=f"${{{name}}}")
        source, kind, options = efs_mount(known, site.region, site.url_suffix)
        more = f",{HOST_RETRIES}" if kind == "nfs4" else ""
        script.append(_share(f'"{source}"', system.mount_dir, kind, options + more))
    kind = 'Content-Type: text/x-shellscript; charset="utf-8"'
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n--{_BOUNDARY}\n{kind}\n\n'
    return join(head, *script, f"\n--{_BOUNDARY}--\n")


def _share(source: str, directory: str, kind: str, options: str) -> str:
    """One mount; `source` is a shell word already."""
    folder = host_directory(directory)
    words = [shlex.quote(folder), source, shlex.quote(fstab_field(folder)), kind, f"{options},{HOST_ORDER}"]
    return f"share {' '.join(words)}\n"
