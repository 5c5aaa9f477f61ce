"""What Slurm's configuration files say: pure text from the fleet and from what the head node knows of itself.

`slurm.conf` stays as it is for the life of the head node but for its partitions and the user's own settings: nodes are
in none of it, for on Slurm 22.05 slurmctld ends when the nodes of its file change while it runs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shoal_node.fleet import ComputeResource, Fleet, Partition

MOST_NODES = 20_000
"""`MaxNodeCount`: nodes and placeholders together. It cannot change while slurmctld runs."""
CREDENTIAL_SECONDS = 30
"""How long a job's credential is good for. A job that is given back to the queue waits for its end: 121 seconds by
Slurm's own default, https://slurm.schedmd.com/slurm.conf.html#OPT_cred_expire"""

GPU_LINKS = "/var/lib/shoal/gpus/gpu"
"""What `gres.conf` names as a node's GPUs, a number after it: links that the node makes. A file that is missing would
end slurmd, and a node whose driver does not answer must come up without GPUs."""


@dataclass(frozen=True)
class Place:
    """Where slurmctld runs, and what there is."""

    host: str
    """Name of the head node."""
    address: str
    """Its private IPv4 address, with which no name has to be looked up."""
    user: str = "slurm"
    """Who runs slurmctld."""
    state: str = "/var/lib/slurm/slurmctld"
    """Folder on the root volume, where a restarted head node finds jobs and nodes again."""
    spool: str = "/var/lib/slurm/slurmd"
    run: str = "/run"
    """Folder of the files with the daemons' process ids."""
    munge_socket: str = ""
    """Where munged listens, if not at its usual place."""
    has_cgroups: bool = True
    """Whether the nodes have cgroups of version 2, by which a job's processes are kept together and within bounds."""
    cgroup_plugin: str = "autodetect"
    ranges: tuple[str, ...] = ()
    """The VPC's IPv4 ranges, in which the nodes' addresses are."""


def slurm_conf(fleet: Fleet, place: Place, retired: Iterable[str] = ()) -> str:
    """The text of `slurm.conf`.

    Args:
        fleet: the cluster as it is configured.
        place: the head node.
        retired: partitions that are configured no more and still have jobs. A partition that is taken out while a job
            is in it ends that job, so these stay and take no new ones.
    """
    settings = {**_settings(fleet, place), **dict(line.partition("=")[::2] for line in fleet.custom_settings)}
    lines = [f"{name}={value}" for name, value in _latest(settings).items()]
    for queue in fleet.queues:
        lines += partition_lines(queue)
    kept = {queue.name for queue in fleet.queues}
    for name in retired:
        if name not in kept:
            lines += [f"NodeSet={name} Feature={name}", f"PartitionName={name} Nodes={name} State=DRAIN"]
    return "".join(f"{line}\n" for line in ["# Written by Shoal; changes are lost.", *lines])


def _settings(fleet: Fleet, place: Place) -> dict[str, str]:
    socket = f"socket={place.munge_socket}," if place.munge_socket else ""
    return {
        "ClusterName": re.sub("[^a-z0-9]", "", fleet.cluster_name.lower()) or "shoal",
        "SlurmctldHost": f"{place.host}({place.address})",
        "SlurmUser": place.user,
        "AuthType": "auth/munge",
        "AuthInfo": f"{socket}cred_expire={CREDENTIAL_SECONDS}",
        "StateSaveLocation": place.state,
        "SlurmdSpoolDir": f"{place.spool}/%n",
        "SlurmctldPidFile": f"{place.run}/slurmctld.pid",
        "SlurmdPidFile": f"{place.run}/slurmd-%n.pid",
        "SlurmctldParameters": "enable_configless,idle_on_node_suspend",
        "MaxNodeCount": str(MOST_NODES),
        # One hop to every node: a node that passes messages on would have to know the names of all others.
        "TreeWidth": "65533",
        # A node that was down, for whatever reason, is taken back when it answers.
        "ReturnToService": "2",
        "SlurmctldTimeout": "120",
        "SlurmdTimeout": "180",
        "MessageTimeout": "30",
        "SuspendTime": "INFINITE",
        "ProctrackType": "proctrack/cgroup" if place.has_cgroups else "proctrack/linuxproc",
        "TaskPlugin": "task/cgroup,task/affinity" if place.has_cgroups else "task/none",
        "JobAcctGatherType": "jobacct_gather/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_CPU_Memory" if fleet.memory_is_consumable else "CR_CPU",
        "GresTypes": "gpu",
        # By default a job that no node could do starts up to 30 seconds after one came that can.
        "SchedulerParameters": "bf_interval=5",
        "LaunchParameters": "use_interactive_step",
    }


def _latest(settings: Mapping[str, str]) -> dict[str, str]:
    """Each parameter once, as it is given last: Slurm tells names of parameters without regard to capitals."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in settings.items():
        found[name.lower()] = (name, value)
    return dict(found.values())


def partition_lines(queue: Partition) -> list[str]:
    """A partition: the nodes that have the queue's name as a feature."""
    whole = ["OverSubscribe=EXCLUSIVE"] if queue.is_exclusive else []
    given = {"MaxTime": "INFINITE", **dict(setting.partition("=")[::2] for setting in queue.custom_settings)}
    words = [f"Default={'YES' if queue.is_default else 'NO'}", "State=UP", *whole]
    words += [f"{name}={value}" for name, value in _latest(given).items()]
    return [
        f"NodeSet={queue.name} Feature={queue.name}",
        f"PartitionName={queue.name} Nodes={queue.name} {' '.join(words)}",
    ]


def cgroup_conf(place: Place) -> str:
    """The text of `cgroup.conf`. There must be one: without it Slurm 22.05 looks for cgroups in a folder `(null)`."""
    lines = [f"CgroupPlugin={place.cgroup_plugin}"]
    if place.has_cgroups:
        lines += ["ConstrainCores=yes", "ConstrainDevices=yes", "ConstrainRAMSpace=yes"]
    return "".join(f"{line}\n" for line in lines)


def gres_conf(fleet: Fleet, place: Place) -> str:
    """The text of `gres.conf`: which files are the GPUs of a node, by the names that its nodes can have."""
    lines = []
    for resource in fleet.resources:
        if resource.gpus:
            last = f"[0-{resource.gpus - 1}]" if resource.gpus > 1 else "0"
            for addresses in place.ranges:
                name = f"{resource.queue}-{resource.name}-{address_pattern(addresses)}"
                lines.append(f"NodeName={name} Name=gpu File={GPU_LINKS}{last}\n")
    return "".join(lines)


def address_pattern(addresses: str) -> str:
    """Every address of a range as names of nodes have it, as Slurm writes many: `10-0-[16-31]-[0-255]`."""
    network = ipaddress.ip_network(addresses)
    octets = zip(network.network_address.packed, network.broadcast_address.packed)  # noqa: B905 - Python 3.9 has no strict
    return "-".join(str(first) if first == last else f"[{first}-{last}]" for first, last in octets)


def beside_partitions(text: str) -> list[str]:
    """The lines of a `slurm.conf` that are about no partition: a running slurmctld need not take these."""
    return [line for line in text.splitlines() if not line.startswith(("NodeSet=", "PartitionName="))]


def node_conf(resource: ComputeResource, gpus: int, memory: int) -> str:
    """What a node says of itself when it joins (`slurmd --conf`); the rest slurmd finds by itself.

    Args:
        resource: its compute resource.
        gpus: that it can give to jobs.
        memory: MiB that it has. One that says more than it has would be drained.
    """
    words = [f"Feature={','.join(sorted(resource.features))}", f"RealMemory={min(resource.memory, memory)}"]
    if gpus:
        words.append(f"Gres=gpu:{gpus}")
    return " ".join([*words, *resource.custom_settings])
