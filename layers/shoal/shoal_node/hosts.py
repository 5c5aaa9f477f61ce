"""Names of the cluster's nodes in `/etc/hosts`: the head node keeps the list, every node has it.

Slurm's own programs look a node up by its name where slurmctld does not hand the address on (a step that begins after
slurmctld was restarted, for one), and so do users (`ssh`, `mpirun`). sqswatcher writes the list from the node table,
onto the head node and into the directory that the head node exports; nodewatcher copies it from there.

Slurm 22.05 looks a node up in its configuration file alone, and dynamic nodes stand in none: there slurmctld hands
their addresses on, until it is restarted (https://slurm.schedmd.com/dynamic_nodes.html). So the file that the programs
on a compute node read names the nodes too; slurmctld reads another one, and slurmd gets its own anew at its start.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from shoal_node.decide import Record, State
from shoal_node.shell import write

CLOUD_INIT_FILE = Path("/etc/cloud/cloud.cfg.d/99_shoal.cfg")
HOSTS_FILE = Path("/etc/hosts")
SHARED_HOSTS_FILE = Path("/opt/shoal/hosts")
CLIENTS_FILE = Path("/run/slurm/conf/slurm.conf")
"""What Slurm's programs read on a node that got its configuration from slurmctld."""
BEGIN = "# shoal: nodes of this cluster"
END = "# shoal: end"


def host_lines(records: Iterable[Record]) -> list[str]:
    """A line for each node that has not ended, in the order of names; of two with one name the newer."""
    newest = sorted(records, key=lambda record: record.launched_at)
    addresses = {record.node_name: record.address for record in newest if record.state is not State.TERMINATING}
    return [f"{address} {name}" for name, address in sorted(addresses.items())]


def with_block(text: str, lines: Iterable[str]) -> str:
    """A hosts file with these lines in place of those that were put in before; the others stay."""
    kept, inside = [], False
    for line in text.splitlines():
        inside = (inside or line == BEGIN) and line != END
        if not inside and line != END:
            kept.append(line)
    block = [BEGIN, *lines, END] if (lines := list(lines)) else []
    return "".join(f"{line}\n" for line in [*kept, *block])


def keep_hosts(records: Iterable[Record]) -> None:
    """Write the list on the head node: into its own hosts file, and for the others to copy."""
    lines = host_lines(records)
    write(SHARED_HOSTS_FILE, "".join(f"{line}\n" for line in lines))
    write(HOSTS_FILE, with_block(HOSTS_FILE.read_text(), lines))


def keep_from_cloud_init() -> None:
    """Have cloud-init leave the hosts file alone: on Debian it writes it anew whenever the node starts."""
    if CLOUD_INIT_FILE.parent.is_dir():
        write(CLOUD_INIT_FILE, "manage_etc_hosts: false\n")


def copy_hosts() -> None:
    """Take the list over on a compute node, if there is one yet."""
    if not SHARED_HOSTS_FILE.exists():
        return
    lines = SHARED_HOSTS_FILE.read_text().splitlines()
    write(HOSTS_FILE, with_block(HOSTS_FILE.read_text(), lines))
    if CLIENTS_FILE.exists():
        write(CLIENTS_FILE, with_block(CLIENTS_FILE.read_text(), map(node_line, lines)))


def node_line(line: str) -> str:
    """A node as Slurm's programs read it, from its line in a hosts file."""
    address, name = line.split()
    return f"NodeName={name} NodeAddr={address} State=CLOUD"
