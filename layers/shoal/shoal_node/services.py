"""The node's systemd units: those of the package, some with values put in, and having them run."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from pathlib import Path

from shoal_node.contract import ComputeSettings, NodeSettings
from shoal_node.hosts import keep_from_cloud_init
from shoal_node.shell import NodeError, run, write

UNITS = Path("/etc/systemd/system")
LOG_ROTATION = Path("/etc/logrotate.d/shoal")
EVERY_NODE = ("shoal-bootstrap.service", "shoal-report.service", "shoal-report.timer")
HEAD_DAEMONS = ("shoal-sqswatcher.service", "shoal-jobwatcher.service")
CONFIGURE = ("shoal-configure.service", "shoal-configure.timer")
COMPUTE_DAEMONS = ("shoal-nodewatcher.service",)


def unit(name: str) -> str:
    """A unit's text, as the node package has it.

    Raises:
        NodeError: it has none.
    """
    data = pkgutil.get_data("shoal_node", f"units/{name}")
    if data is None:
        raise NodeError(f"the node package has no {name}")
    return data.decode()


def install_unit(name: str, **values: str) -> bool:
    """Write a unit, `@name@` replaced by values; whether it has changed. It goes before one that a package brought."""
    text = unit(name)
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    changed = write(UNITS / name, text)
    if changed:
        run("systemctl", "daemon-reload")
    return changed


def quoted(argument: str) -> str:
    """An argument as a unit's command line has it, https://www.freedesktop.org/software/systemd/man/systemd.service.html"""
    for mark, instead in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        argument = argument.replace(mark, instead)
    return f'"{argument}"'


def install_units(settings: NodeSettings) -> None:
    """Have the node set up after a restart and report once a minute; rotate the log files if that is wanted."""
    changed = [install_unit(name) for name in EVERY_NODE]
    if any(changed):
        run("systemctl", "enable", "shoal-bootstrap.service")
        run("systemctl", "enable", "--now", "shoal-report.timer")
    if settings.rotate_logs:
        write(LOG_ROTATION, unit("shoal.logrotate"))
    else:
        LOG_ROTATION.unlink(missing_ok=True)


def start_daemons(settings: NodeSettings) -> None:
    """Have the daemons of a Slurm cluster's node run, now and after a restart."""
    keep_from_cloud_init()
    names = COMPUTE_DAEMONS if isinstance(settings, ComputeSettings) else (*HEAD_DAEMONS, *CONFIGURE)
    for name in names:
        install_unit(name)
    start([name for name in names if name != CONFIGURE[0]])


def last_line(name: str) -> str:
    """The last line that a unit wrote into the journal; empty if it wrote none."""
    told = run("journalctl", f"--unit={name}", "--lines=5", "--output=cat", "--no-pager", accept=(0, 1))
    return (told.stdout.strip().splitlines() or [""])[-1]


def start(names: Iterable[str]) -> None:
    """Start units, those that run already too, and have them started with the system."""
    for name in names:
        run("systemctl", "enable", name)
        run("systemctl", "restart", name)
