"""The user's own scripts (`CustomActions`): fetched from S3 or over HTTPS, and run as root, each once.

A script that ended well is not run again when the node restarts or is set up again; `OnNodeUpdated` runs once for every
configuration. Where `/etc/parallelcluster/cfnconfig` tells a script what node it is on, it does so here too.
"""

from __future__ import annotations

import hashlib
import logging
import shlex
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from shoal_node.aws import client
from shoal_node.contract import SLURM, Action, ComputeSettings, NodeSettings, Settings
from shoal_node.shell import NodeError, run, write
from shoal_node.software import download

log = logging.getLogger("shoal_node")

SCRIPTS = Path("/var/lib/shoal/actions")
NODE_FACTS = Path("/etc/parallelcluster/cfnconfig")
"""A file of shell variables that scripts written for ParallelCluster read,
https://docs.aws.amazon.com/parallelcluster/latest/ug/custom-bootstrap-actions-v3.html"""
SECONDS = 3600
"""How long a script may take; the stack's own time-out may be shorter."""
ANY_CODE = tuple(range(-64, 256))
MOST_LINES = 20
"""Last lines of a failed script that are kept."""


def run_actions(settings: NodeSettings, when: str, actions: Iterable[Action], occasion: str = "") -> None:
    """Run scripts one after the other.

    Args:
        settings: the node's.
        when: the key of the configuration, `OnNodeStart`.
        actions: the scripts.
        occasion: scripts run again on another one.

    Raises:
        NodeError: one cannot be fetched, or fails; its last lines are in the log.
    """
    for number, action in enumerate(actions, start=1):
        write(NODE_FACTS, node_facts(settings))
        identity = hashlib.sha256(repr((when, number, action, occasion)).encode()).hexdigest()[:16]
        done = SCRIPTS / f"{identity}.done"
        if not done.exists():
            _run(settings, f"{when} {action.url}", action, SCRIPTS / identity)
            write(done, f"{when} {action.url}\n")


def _run(settings: NodeSettings, what: str, action: Action, script: Path) -> None:
    fetch(settings, action.url, script)
    script.chmod(0o700)
    is_program = script.read_bytes().startswith((b"#!", b"\x7fELF"))
    command = [str(script)] if is_program else ["/bin/bash", str(script)]
    ended = run(*command, *action.arguments, accept=ANY_CODE, timeout=SECONDS)
    lines = [line for line in f"{ended.stdout}\n{ended.stderr}".splitlines() if line.strip()]
    for line in lines[-MOST_LINES:]:
        log.info("%s: %s", what, line)
    if ended.returncode:
        reason = f": {lines[-1].strip()}" if lines else ""
        raise NodeError(f"{what} ended with exit code {ended.returncode}{reason}")


def fetch(settings: NodeSettings, url: str, path: Path) -> None:
    """Store what lies at an `s3://` or `https://` address.

    Raises:
        NodeError: it cannot be fetched.
        ClientError: S3 refuses.
    """
    where = urlsplit(url)
    if where.scheme == "s3":
        path.parent.mkdir(parents=True, exist_ok=True)
        client("s3", settings.region).download_file(where.netloc, where.path.lstrip("/"), str(path))
    else:
        download(url, path)


def node_facts(settings: NodeSettings) -> str:
    """The shell variables, of those that ParallelCluster has, that are known here."""
    facts = {
        "stack_name": settings.stack_name,
        "cfn_region": settings.region,
        "cfn_ephemeral_dir": settings.scratch_dir,
        "cfn_node_type": "ComputeFleet" if isinstance(settings, ComputeSettings) else "HeadNode",
        "cfn_scheduler": SLURM,
    }
    if isinstance(settings, Settings):
        facts["cfn_scheduler"] = settings.kind
    else:
        facts["cfn_head_node_private_ip"] = settings.head_address
        facts["cfn_scheduler_queue_name"] = settings.queue
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in facts.items())
