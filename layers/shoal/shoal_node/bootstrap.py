"""Setting a node up: the same steps at its first start and at every other, each doing only what is left to do.

The first step that fails ends it: the reason goes to the log group and, of a head node, to the instance's tag and, as
FAILURE, to CloudFormation; of a compute node, with its last lines, to the cluster's queue. A step without which users
can still work (`OPTIONAL`) is logged and passed over.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

from botocore.exceptions import BotoCoreError, ClientError

from shoal_node.actions import run_actions
from shoal_node.aws import signal
from shoal_node.compute import check_fabric, join_munge, mount_shared, post, start_node_daemon
from shoal_node.configure import APPLIED, Acknowledged, acknowledge, acknowledged, current_fleet, share
from shoal_node.contract import BOOTSTRAP_STREAM, SLURM, ComputeSettings, NodeSettings, Settings
from shoal_node.controller import start_controller
from shoal_node.exports import export_directories
from shoal_node.metadata_guard import guard_metadata
from shoal_node.mounts import grow_volumes, mount_file_systems, mount_scratch, mount_volumes
from shoal_node.munge import make_key
from shoal_node.notices import MOST_LOG_LINES, Kind
from shoal_node.report import Event, send
from shoal_node.services import install_units, start_daemons
from shoal_node.shell import NodeError, write
from shoal_node.slurm.commands import SlurmError
from shoal_node.software import install_batch_client, install_packages, install_session_manager

log = logging.getLogger("shoal_node")

LOG_FILE = Path("/var/log/shoal/bootstrap.log")
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
SIGNALLED = Path("/var/lib/shoal/signalled")
"""Written once CloudFormation has had its SUCCESS: later starts of the node send none."""
ERRORS = (NodeError, SlurmError, OSError, ValueError, BotoCoreError, ClientError)
"""What ends a step: what our own modules raise, and what the system and AWS do."""
Step = tuple[str, Callable[[Any], None]]


class Recorder(logging.Handler):
    """Keeps what is logged, to send it to CloudWatch Logs at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.events.append({"timestamp": int(record.created * 1000), "message": self.format(record)})


def begin_actions(settings: NodeSettings) -> None:
    """The user's scripts that come before everything else."""
    run_actions(settings, "OnNodeStart", settings.actions.on_node_start)


def end_actions(settings: NodeSettings) -> None:
    """The user's scripts that find everything done."""
    run_actions(settings, "OnNodeConfigured", settings.actions.on_node_configured)


def start_slurm(settings: Settings) -> None:
    """Have slurmctld and the head node's daemons run as the cluster is configured."""
    fleet = current_fleet(settings)
    start_controller(fleet, acknowledged().retired)
    share(fleet)
    start_daemons(settings)


def acknowledge_fleet(settings: Settings) -> None:
    """Say that the configuration with which the head node came up is applied."""
    if not acknowledged().version:
        acknowledge(settings, Acknowledged(current_fleet(settings).version, APPLIED))


STORAGE: tuple[Step, ...] = (
    ("volumes", mount_volumes),
    ("sizes", grow_volumes),
    ("scratch", mount_scratch),
    ("file systems", mount_file_systems),
    ("exports", export_directories),
)
BATCH_HEAD: tuple[Step, ...] = (
    ("OnNodeStart", begin_actions),
    ("packages", install_packages),
    ("metadata", guard_metadata),
    *STORAGE,
    ("units", install_units),
    ("session manager", install_session_manager),
    ("batch client", install_batch_client),
    ("OnNodeConfigured", end_actions),
)
SLURM_HEAD: tuple[Step, ...] = (
    ("OnNodeStart", begin_actions),
    ("packages", install_packages),
    ("metadata", guard_metadata),
    ("munge key", make_key),
    *STORAGE,
    ("units", install_units),
    ("session manager", install_session_manager),
    ("slurm", start_slurm),
    ("OnNodeConfigured", end_actions),
    ("configuration", acknowledge_fleet),
)
COMPUTE: tuple[Step, ...] = (
    ("OnNodeStart", begin_actions),
    ("packages", install_packages),
    ("scratch", mount_scratch),
    ("munge key", join_munge),
    ("mounts", mount_shared),
    ("file systems", mount_file_systems),
    ("fabric", check_fabric),
    ("units", install_units),
    ("session manager", install_session_manager),
    # Before the node joins: afterwards it may have a job at once.
    ("OnNodeConfigured", end_actions),
    ("slurm", start_node_daemon),
    ("daemons", start_daemons),
)
OPTIONAL = frozenset({"sizes", "session manager", "batch client"})


def bootstrap(settings: NodeSettings) -> int:
    """Set the node up and say how it ended; the exit code."""
    recorder = _start_logging()
    failure = _first_failure(settings, _steps(settings))
    try:
        send(settings, BOOTSTRAP_STREAM, recorder.events)
    except (BotoCoreError, ClientError) as error:
        log.warning("the log could not be sent: %s", error)
    if isinstance(settings, ComputeSettings):
        _post(settings, failure, recorder)
    elif failure:
        signal(settings, failure)
    elif not SIGNALLED.exists():
        signal(settings)
        write(SIGNALLED, f"{settings.logical_id}\n")
    return 1 if failure else 0


def _post(settings: ComputeSettings, failure: Optional[str], recorder: Recorder) -> None:
    lines = [event["message"] for event in recorder.events[-MOST_LOG_LINES:]]
    try:
        post(settings, Kind.FAILED if failure else Kind.READY, lines if failure else [])
    except (BotoCoreError, ClientError) as error:  # sqswatcher looks at every node, told of it or not
        log.warning("the cluster could not be told: %s", error)


def _steps(settings: NodeSettings) -> tuple[Step, ...]:
    if isinstance(settings, ComputeSettings):
        return COMPUTE
    return SLURM_HEAD if settings.kind == SLURM else BATCH_HEAD


def _first_failure(settings: NodeSettings, steps: tuple[Step, ...]) -> Optional[str]:
    for name, step in steps:
        began = time.monotonic()
        try:
            step(settings)
        except ERRORS as error:
            reason = f"{name}: {error}"
            if name not in OPTIONAL:
                log.error(reason)
                return reason
            log.warning("%s; the node works without it", reason)
        log.info("%s: %.1f seconds", name, time.monotonic() - began)
    log.info("the node is ready")
    return None


def _start_logging() -> Recorder:
    LOG_FILE.parent.mkdir(parents=True, exist_ok=True)
    formatter = logging.Formatter(LOG_FORMAT)
    formatter.converter = time.gmtime
    recorder = Recorder()
    handlers: list[logging.Handler] = [recorder, logging.FileHandler(LOG_FILE), logging.StreamHandler()]
    for handler in handlers:
        handler.setFormatter(formatter)
    log.handlers = handlers
    log.setLevel(logging.INFO)
    return recorder
