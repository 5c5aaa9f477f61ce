"""The cluster's configuration on the head node: read from the stack, applied, acknowledged in the node table.

The stack's template holds it as metadata of the head node's resource, so an update of the stack is how a new one comes
to be. It is applied without touching running jobs, once; what cannot be applied is taken back, and said why. What AWS
does not answer is no failure: the next look, half a minute later, goes on.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from shoal_node.actions import run_actions
from shoal_node.aws import client
from shoal_node.contract import Settings
from shoal_node.controller import place, tell_controller, write_configuration
from shoal_node.fleet import FLEET_FILE, FLEET_KEY, METADATA_KEY, SHARED_FLEET_FILE, Fleet
from shoal_node.munge import restore_key
from shoal_node.services import HEAD_DAEMONS, start
from shoal_node.shell import NodeError, write
from shoal_node.slurm.commands import SlurmError, slurm
from shoal_node.slurm.placeholders import keep_placeholders

log = logging.getLogger("shoal_node")

STATE_FILE = Path("/var/lib/shoal/configuration.json")
"""The version that was acknowledged last, as what, and the partitions that are waiting for their jobs to end."""
APPLIED = "APPLIED"
FAILED = "FAILED"
MOST_ERROR = 1000


def stack_fleet(settings: Settings) -> Fleet:
    """The fleet as the stack has it.

    Raises:
        ClientError, BotoCoreError: CloudFormation does not answer.
        NodeError: there is none, or it is of another version of the node package.
    """
    told = client("cloudformation", settings.region).describe_stack_resource(
        StackName=settings.stack_name, LogicalResourceId=settings.logical_id
    )
    try:
        metadata = json.loads(told["StackResourceDetail"].get("Metadata") or "{}")
        return Fleet.from_dict(metadata[METADATA_KEY][FLEET_KEY])
    except (KeyError, ValueError) as error:
        raise NodeError(
            f"the stack's metadata of {settings.logical_id} hold no fleet that can be read: {error}"
        ) from error


def current_fleet(settings: Settings) -> Fleet:
    """The fleet that was applied last; at the head node's first start, the stack's."""
    file = Path(FLEET_FILE)
    return Fleet.from_json(file.read_text()) if file.exists() else stack_fleet(settings)


def share(fleet: Fleet) -> None:
    """Give the fleet to the head node's daemons and to the compute nodes."""
    for path in (FLEET_FILE, SHARED_FLEET_FILE):
        write(Path(path), fleet.to_json())


@dataclass(frozen=True)
class Acknowledged:
    """What was said last of a configuration, and what is left to do of it."""

    version: str = ""
    state: str = ""
    retired: tuple[str, ...] = ()
    """Partitions that are configured no more and have jobs."""


def configure(settings: Settings) -> int:
    """Apply the stack's configuration if it is another than the last; the exit code."""
    fleet, last = stack_fleet(settings), acknowledged()
    if fleet.version == last.version:
        restore_key(settings)
        _tell_again(settings, last)
        _forget_retired(last)
        return 0
    before = current_fleet(settings)
    gone = {*last.retired, *(queue.name for queue in before.queues)} - {queue.name for queue in fleet.queues}
    retired = tuple(name for name in sorted(gone) if _has_jobs(name))
    try:
        _apply(fleet, retired)
        run_actions(settings, "OnNodeUpdated", fleet.on_node_updated, occasion=fleet.version)
    except (NodeError, SlurmError, OSError) as error:
        log.error("configuration %s cannot be applied: %s", fleet.version, error)
        _take_back(before, last.retired)
        acknowledge(settings, Acknowledged(fleet.version, FAILED, last.retired), str(error))
        return 1
    acknowledge(settings, Acknowledged(fleet.version, APPLIED, retired))
    return 0


def _apply(fleet: Fleet, retired: tuple[str, ...]) -> None:
    tell_controller(write_configuration(fleet, place(), retired))
    keep_placeholders(fleet)
    share(fleet)
    start(HEAD_DAEMONS)


def _take_back(before: Fleet, retired: tuple[str, ...]) -> None:
    """Go by the last configuration again, as far as that can be."""
    try:
        _apply(before, retired)
    except (NodeError, SlurmError, OSError) as error:
        log.error("the configuration before, %s, cannot be applied again: %s", before.version, error)


def _forget_retired(last: Acknowledged) -> None:
    """Take partitions out that waited for their jobs to end."""
    left = tuple(name for name in last.retired if _has_jobs(name))
    if left != last.retired:
        tell_controller(write_configuration(Fleet.from_json(Path(FLEET_FILE).read_text()), place(), left))
        _remember(replace(last, retired=left))


def _has_jobs(partition: str) -> bool:
    return bool(slurm("squeue", "--noheader", f"--partition={partition}", "--format=%A").strip())


def acknowledge(settings: Settings, told: Acknowledged, error: str = "") -> None:
    """Say in the node table that a configuration was applied, or why not; afterwards it is not tried again."""
    item = {
        "pk": {"S": f"configuration#{told.version}"},
        "state": {"S": told.state},
        "changedAt": {"N": str(int(time.time()))},
        **({"error": {"S": error[:MOST_ERROR]}} if error else {}),
    }
    client("dynamodb", settings.region).put_item(TableName=settings.table, Item=item)
    _remember(told)
    log.info("configuration %s: %s", told.version, told.state)


def _tell_again(settings: Settings, told: Acknowledged) -> None:
    """Acknowledge what is applied once more, should the table have lost it."""
    found = client("dynamodb", settings.region).get_item(
        TableName=settings.table, Key={"pk": {"S": f"configuration#{told.version}"}}
    )
    if told.state == APPLIED and "Item" not in found:
        acknowledge(settings, told)


def acknowledged() -> Acknowledged:
    """What was said last; nothing at the head node's first start."""
    if not STATE_FILE.exists():
        return Acknowledged()
    told = json.loads(STATE_FILE.read_text())
    return Acknowledged(told["version"], told["state"], tuple(told["retired"]))


def _remember(told: Acknowledged) -> None:
    write(STATE_FILE, json.dumps(asdict(told)))
