"""A compute node of a Slurm cluster: what it takes from the head node, what it must find, and how it joins."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Optional

from shoal_node.aws import client, instance_id, metadata
from shoal_node.contract import NFS_OPTIONS, ComputeSettings
from shoal_node.fleet import SHARED_FLEET_FILE, ComputeResource, Fleet
from shoal_node.mounts import mounted
from shoal_node.munge import take_key
from shoal_node.notices import Kind, node_message
from shoal_node.services import install_unit, last_line, quoted
from shoal_node.shell import NodeError, has, run
from shoal_node.slurm.commands import SlurmError
from shoal_node.slurm.configuration import GPU_LINKS, node_conf
from shoal_node.slurm.installation import check_node_daemon
from shoal_node.slurm.nodes import node
from shoal_node.waiting import wait_for

log = logging.getLogger("shoal_node")

SPOOL = Path("/var/lib/slurm/slurmd")
JOIN_SECONDS = 180
FABRIC_PROGRAM = "/opt/amazon/efa/bin/fi_info"
"""Where the installer of EFA puts it, https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-start.html"""


def join_munge(settings: ComputeSettings) -> None:
    """Take the cluster's munge key, and see that this node's Slurm is the head node's."""
    secret = take_key(settings)
    check_node_daemon(secret.slurm_version)


def mount_shared(settings: ComputeSettings) -> None:
    """Mount what the head node exports, where it has it."""
    for directory in settings.mounts:
        mounted(f"{settings.head_address}:{directory}", directory, "nfs4", NFS_OPTIONS, copies_homes=False)


def check_fabric(settings: ComputeSettings) -> None:
    """Whether there is an Elastic Fabric Adapter, where there must be one.

    Raises:
        NodeError: its provider of libfabric finds none.
    """
    if not settings.efa:
        return
    program = FABRIC_PROGRAM if Path(FABRIC_PROGRAM).exists() else "fi_info"
    if not has(program):
        raise NodeError("Efa.Enabled: fi_info is not installed: use an image with the EFA software, or Enabled: false")
    found = run(program, "-p", "efa", accept=tuple(range(256)))
    if found.returncode or "provider: efa" not in found.stdout:
        raise NodeError("Efa.Enabled: `fi_info -p efa` finds no adapter: use an image with its driver")


def found_gpus(settings: ComputeSettings) -> int:
    """How many GPUs jobs can have: those of the instance type, if the driver shows as many, else none."""
    if not settings.gpus:
        return 0
    if not has("nvidia-smi"):
        log.warning("nvidia-smi is not installed: jobs get none of the %d GPUs", settings.gpus)
        return 0
    told = run("nvidia-smi", "--list-gpus", accept=tuple(range(256)))
    count = len(re.findall(r"^GPU \d+:", told.stdout, re.MULTILINE))
    if told.returncode or count != settings.gpus:
        log.warning("nvidia-smi shows %d of the %d GPUs: jobs get none", count, settings.gpus)
        return 0
    return count


def link_gpus(count: int, *, working: bool) -> None:
    """Make the files that the cluster's `gres.conf` names as this node's GPUs: without a driver they are nothing."""
    for number in range(count):
        link = Path(f"{GPU_LINKS}{number}")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(f"/dev/nvidia{number}" if working else os.devnull)


def start_node_daemon(settings: ComputeSettings) -> None:
    """Have slurmd join the cluster, and wait until Slurm has the node.

    Raises:
        NodeError: it does not join, with the last line that slurmd wrote.
    """
    resource = _resource(settings)
    name = resource.node_name(metadata("local-ipv4"))
    gpus = found_gpus(settings)
    link_gpus(settings.gpus, working=gpus > 0)
    conf = node_conf(resource, gpus, found_memory(run("slurmd", "-C").stdout))
    options = ["-Z", "-N", name, "--conf-server", settings.head_address, "--conf", conf]
    SPOOL.mkdir(parents=True, exist_ok=True)
    program = run("which", "slurmd").stdout.strip()
    changed = install_unit("slurmd.service", program=program, options=" ".join(map(quoted, options)))
    run("systemctl", "enable", "slurmd")
    run("systemctl", "restart" if changed else "start", "slurmd")
    try:
        wait_for(lambda: _joined(name), f"Slurm with node {name}", JOIN_SECONDS, pause=0.5)
    except NodeError as error:
        raise NodeError(f"{error}: {last_line('slurmd') or 'slurmd wrote nothing'}") from error


def _resource(settings: ComputeSettings) -> ComputeResource:
    fleet = Fleet.from_json(Path(SHARED_FLEET_FILE).read_text())
    resource = fleet.resource(settings.queue, settings.compute_resource)
    if resource is None:
        raise NodeError(f"the cluster has no compute resource {settings.compute_resource} in {settings.queue} any more")
    return resource


def found_memory(told: str) -> int:
    """MiB of memory of this node, from what `slurmd -C` writes."""
    found = re.search(r"RealMemory=(\d+)", told)
    return int(found.group(1)) if found else 0


def _joined(name: str) -> Optional[bool]:
    try:
        found = node(name)
    except SlurmError as error:
        log.info("Slurm does not tell of this node yet: %s", error)
        return None
    return True if found is not None and found.up else None


def post(settings: ComputeSettings, kind: Kind, lines: list[str]) -> None:
    """Tell the cluster that this node is ready, or that it failed and how.

    Raises:
        ClientError, BotoCoreError: SQS does not take it.
    """
    message = node_message(kind, instance_id(), settings.queue, settings.compute_resource, lines)
    client("sqs", settings.region).send_message(QueueUrl=settings.queue_url, MessageBody=message)
