"""Setting the head node up: the same steps at its first start and at every other, each doing only what is left to do.

The first step that fails ends it: the reason goes to the log group, to the instance's tag and, as FAILURE, to
CloudFormation. A step without which users can still work (`OPTIONAL`) is logged and passed over.
"""

from __future__ import annotations

import logging
import pkgutil
import time
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from shoal_node.aws import signal
from shoal_node.contract import Settings
from shoal_node.exports import export_directories
from shoal_node.mounts import grow_volumes, mount_file_systems, mount_scratch, mount_volumes
from shoal_node.report import Event, send
from shoal_node.shell import NodeError, run, write
from shoal_node.software import install_batch_client, install_packages, install_session_manager

log = logging.getLogger("shoal_node")

LOG_FILE = Path("/var/log/shoal/bootstrap.log")
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
LOG_ROTATION = Path("/etc/logrotate.d/shoal")
UNITS = Path("/etc/systemd/system")
UNIT_FILES = ("shoal-bootstrap.service", "shoal-report.service", "shoal-report.timer")
SIGNALLED = Path("/var/lib/shoal/signalled")
"""Written once CloudFormation has had its SUCCESS: later starts of the node send none."""


class Recorder(logging.Handler):
    """Keeps what is logged, to send it to CloudWatch Logs at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.events.append({"timestamp": int(record.created * 1000), "message": self.format(record)})


def install_units(settings: Settings) -> None:
    """Have the node set up after a restart and report once a minute; rotate the log files if that is wanted."""
    changed = [write(UNITS / name, _unit(name)) for name in UNIT_FILES]
    if any(changed):
        run("systemctl", "daemon-reload")
        run("systemctl", "enable", "shoal-bootstrap.service")
        run("systemctl", "enable", "--now", "shoal-report.timer")
    if settings.rotate_logs:
        write(LOG_ROTATION, _unit("shoal.logrotate"))
    else:
        LOG_ROTATION.unlink(missing_ok=True)


def _unit(name: str) -> str:
    data = pkgutil.get_data("shoal_node", f"units/{name}")
    if data is None:
        raise NodeError(f"the node package has no {name}")
    return data.decode()


STEPS: tuple[tuple[str, Callable[[Settings], None]], ...] = (
    ("packages", install_packages),
    ("volumes", mount_volumes),
    ("sizes", grow_volumes),
    ("scratch", mount_scratch),
    ("file systems", mount_file_systems),
    ("exports", export_directories),
    ("units", install_units),
    ("session manager", install_session_manager),
    ("batch client", install_batch_client),
)
OPTIONAL = frozenset({"sizes", "session manager", "batch client"})


def bootstrap(settings: Settings) -> int:
    """Set the node up and tell CloudFormation how it ended; the exit code."""
    recorder = _start_logging()
    failure = _first_failure(settings)
    try:
        send(settings, "bootstrap", recorder.events)
    except (BotoCoreError, ClientError) as error:
        log.warning("the log could not be sent: %s", error)
    if failure:
        signal(settings, failure)
    elif not SIGNALLED.exists():
        signal(settings)
        write(SIGNALLED, f"{settings.logical_id}\n")
    return 1 if failure else 0


def _first_failure(settings: Settings) -> str | None:
    for name, step in STEPS:
        began = time.monotonic()
        try:
            step(settings)
        except (NodeError, OSError, BotoCoreError, ClientError) as error:
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
