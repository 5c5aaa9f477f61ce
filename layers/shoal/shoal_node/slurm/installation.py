"""Slurm as it is installed: from the distribution's packages, or brought by the image; where, and which version."""

from __future__ import annotations

import logging
import pwd
import re
from pathlib import Path

from shoal_node.shell import NodeError, run

log = logging.getLogger("shoal_node")

PREFIXES = ("/opt/slurm", "/usr/local/slurm")
"""Where images have a Slurm that no package manager put there, as its `./configure --prefix` was given."""
CONFIGURATION = Path("/etc/slurm")
COMMANDS = Path("/usr/local/bin")
SLURM_USER = "slurm"


def link_programs() -> None:
    """Let a Slurm under a prefix of its own be found, by us and by users, and let it find its configuration."""
    prefix = next((Path(prefix) for prefix in PREFIXES if Path(prefix, "sbin/slurmd").exists()), None)
    if prefix is None:
        return
    for program in [*prefix.glob("bin/s*"), *prefix.glob("sbin/slurm*")]:
        link = COMMANDS / program.name
        if not link.exists():
            link.symlink_to(program)
    folder = prefix / "etc"
    if not folder.exists():
        folder.symlink_to(CONFIGURATION)


def slurm_version(program: str) -> str:
    """The version of one of Slurm's daemons, `22.05.8`.

    Raises:
        NodeError: it is not installed, or tells none.
    """
    told = run(program, "-V").stdout
    found = re.search(r"\d+\.\d+\.\d+", told)
    if found is None:
        raise NodeError(f"{program} -V tells no version: {told.strip()[:80]}")
    return found.group()


def check_node_daemon(wanted: str) -> None:
    """Whether this node's slurmd can join a slurmctld of this version.

    Raises:
        NodeError: it is of another version, or cannot join a running cluster.
    """
    version = slurm_version("slurmd")
    if version != wanted:
        raise NodeError(
            f"this node has Slurm {version}, the head node {wanted}: give both the same image, or images of one day"
        )
    help_ = run("slurmd", "-h", accept=(0, 1))
    if not re.search(r"^\s*-Z\b", help_.stdout + help_.stderr, re.MULTILINE):
        raise NodeError(
            f"slurmd {version} knows no option -Z, by which nodes join a running cluster: 22.05 is the first"
        )


def slurm_user() -> str:
    """Who runs slurmctld: the packages' user, or root where the image has none."""
    return SLURM_USER if SLURM_USER in {user.pw_name for user in pwd.getpwall()} else "root"
