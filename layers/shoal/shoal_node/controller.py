"""slurmctld on the head node: its configuration, its service, and the placeholders it knows."""

from __future__ import annotations

import enum
import logging
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from shoal_node.aws import metadata, vpc_ranges
from shoal_node.fleet import Fleet
from shoal_node.services import install_unit, last_line
from shoal_node.shell import NodeError, run, write
from shoal_node.slurm.configuration import Place, beside_partitions, cgroup_conf, gres_conf, slurm_conf
from shoal_node.slurm.installation import CONFIGURATION, slurm_user
from shoal_node.slurm.nodes import answers
from shoal_node.slurm.placeholders import keep_placeholders
from shoal_node.waiting import wait_for

log = logging.getLogger("shoal_node")

CGROUPS = Path("/sys/fs/cgroup")
NEEDED_CONTROLLERS = {"cpuset", "memory"}
ANSWER_SECONDS = 120
CANDIDATE = Path("/run/shoal/slurm-candidate")


class Effect(enum.Enum):
    """What a changed configuration asks of slurmctld."""

    NOTHING = enum.auto()
    READ = enum.auto()
    """It can take it while it runs."""
    RESTART = enum.auto()


def place() -> Place:
    """This head node."""
    has_cgroups = usable_cgroups(CGROUPS)
    plugin = "autodetect" if (CGROUPS / "cgroup.controllers").exists() else "cgroup/v1"
    return Place(
        host=socket.gethostname().split(".")[0],
        address=metadata("local-ipv4"),
        user=slurm_user(),
        has_cgroups=has_cgroups,
        cgroup_plugin=plugin,
        ranges=tuple(vpc_ranges()),
    )


def usable_cgroups(folder: Path) -> bool:
    """Whether jobs can be kept in cgroups: version 2 alone, with what bounds them; a container may only read them."""
    controllers = folder / "cgroup.controllers"
    if not controllers.exists() or NEEDED_CONTROLLERS - set(controllers.read_text().split()):
        return False
    return os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_RDONLY


def start_controller(fleet: Fleet, retired: Iterable[str] = ()) -> None:
    """Write the configuration, have slurmctld running with it, and give it its placeholders.

    Raises:
        NodeError: it does not come up.
    """
    here = place()
    _make_folders(here)
    effect = write_configuration(fleet, here, retired)
    changed = install_unit("slurmctld.service", program=run("which", "slurmctld").stdout.strip())
    run("systemctl", "enable", "slurmctld")
    run("systemctl", "restart" if changed or effect is not Effect.NOTHING else "start", "slurmctld")
    await_controller()
    keep_placeholders(fleet)


def write_configuration(fleet: Fleet, here: Place, retired: Iterable[str] = ()) -> Effect:
    """Write Slurm's files; what that asks of slurmctld.

    Raises:
        NodeError: Slurm cannot read what they would say; the files stay as they were.
    """
    texts = {
        "slurm.conf": slurm_conf(fleet, here, retired),
        "cgroup.conf": cgroup_conf(here),
        "gres.conf": gres_conf(fleet, here),
    }
    check_configuration(texts)
    old = CONFIGURATION / "slurm.conf"
    before = beside_partitions(old.read_text()) if old.exists() else []
    changed = {name for name, text in texts.items() if write(CONFIGURATION / name, text)}
    if not changed:
        return Effect.NOTHING
    is_live = "cgroup.conf" not in changed and before == beside_partitions(texts["slurm.conf"])
    return Effect.READ if is_live else Effect.RESTART


def check_configuration(texts: dict[str, str]) -> None:
    """Let a program of Slurm read a configuration: slurmctld ends when it cannot read a new one.

    Raises:
        NodeError: what Slurm finds wrong with it.
    """
    for name, text in texts.items():
        write(CANDIDATE / name, text)
    told = run("env", f"SLURM_CONF={CANDIDATE / 'slurm.conf'}", "scontrol", "show", "hostnames", "a", accept=(0, 1))
    wrong = [line for line in told.stderr.splitlines() if "error" in line or "fatal" in line]
    if wrong:
        raise NodeError(f"slurm.conf: {wrong[0].partition('error: ')[2] or wrong[0]}")


def await_controller() -> None:
    """Wait until slurmctld answers.

    Raises:
        NodeError: it does not, with the last line that it wrote.
    """
    try:
        wait_for(lambda: answers() or None, "an answer of slurmctld", ANSWER_SECONDS, pause=0.5)
    except NodeError as error:
        raise NodeError(f"{error}: {last_line('slurmctld') or 'it wrote nothing'}") from error


def tell_controller(effect: Effect) -> None:
    """Have slurmctld read a changed configuration: while it runs if it can, else by starting it again.

    Jobs go on in both cases. Also after a restart the nodes must hear of it, which `reconfigure` sees to.

    Raises:
        NodeError: it does not take it.
    """
    if effect is Effect.NOTHING:
        return
    if effect is Effect.RESTART:
        run("systemctl", "restart", "slurmctld")
        await_controller()
    try:
        run("scontrol", "reconfigure")
    except NodeError as error:
        raise NodeError(f"slurmctld does not take the configuration: {error}") from error
    await_controller()


def _make_folders(here: Place) -> None:
    for folder in (Path(here.state), Path(here.spool)):
        folder.mkdir(parents=True, exist_ok=True)
    run("chown", f"{here.user}:", here.state)
    Path(here.state).chmod(0o700)
