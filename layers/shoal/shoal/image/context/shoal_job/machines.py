"""The machine file, and what makes Open MPI use it without being asked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

NAME = "hostfile"
"""In the home folder, where ParallelCluster's job scripts look for it."""
_LOOPBACK = "127.0.0.0/8"
_LINK_LOCAL = "169.254.0.0/16"


def write_machine_file(home: Path, machines: Iterable[tuple[str, int]]) -> Path:
    """Write addresses and slots, one machine a line, the main node first.

    Raises:
        OSError: the home folder takes no file.
    """
    path = home / NAME
    path.write_text("".join(f"{address} slots={slots}\n" for address, slots in machines))
    return path


def open_mpi(machine_file: Path) -> dict[str, str]:
    """Variables by which `mpirun` runs where the job does; options on its command line, and the user's own, win."""
    return {
        "OMPI_MCA_orte_default_hostfile": str(machine_file),
        # More processes than slots are run if a user asks for them: a job of one vCPU may still try `mpirun -np 2`.
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        # Jobs share a host, and each would bind its first process to the same core.
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        # The default seccomp profile forbids what is tried first, and every large message would say so.
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    }


def between_nodes(*, link_local: bool) -> dict[str, str]:
    """Variables by which `mpirun` reaches the other nodes of a job.

    Args:
        link_local: whether nodes have link-local addresses as well. ECS gives each container one to be served by
            (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html), in a network that
            is the same on every host and leads to none. Open MPI complains of one that is named and not there.
    """
    excluded = ",".join([_LOOPBACK, *([_LINK_LOCAL] if link_local else [])])
    return {
        "OMPI_MCA_btl_tcp_if_exclude": excluded,
        "OMPI_MCA_oob_tcp_if_exclude": excluded,
        # Only the main node can log in to others.
        "OMPI_MCA_plm_rsh_no_tree_spawn": "1",
    }
