"""A stand-in for the compute nodes of a Slurm cluster, where no instances boot: it does what AWS sees of one.

With the credentials of its role it takes the munge key from the node table, joins the cluster's stand-in of Slurm, and
posts that it is ready, or failed, to the cluster's queue.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from embedded_aws.autoscaling import launching
from embedded_aws.hooks import Hook
from embedded_aws.stand_in_nodes import faults, machine, slurm
from embedded_aws.stand_in_nodes.machine import Machine

if TYPE_CHECKING:
    from shoal_node.contract import ComputeSettings

HOOKS: tuple[Hook, ...] = (*machine.HOOKS, *launching.HOOKS)

PAUSE = 0.2
PATIENCE = 60.0
"""Seconds that a node waits for the head node's key."""


def install() -> None:
    """Boot what groups launch."""
    launching.ON_IN_SERVICE.append(_boot)


def _boot(instance_id: str) -> None:
    machine.make_importable()
    from shoal_node.contract import ComputeSettings

    found = machine.find(instance_id)
    if found is not None and isinstance(settings := found.settings, ComputeSettings):
        machine.run(found, lambda: _live(found, settings))


def _live(node: Machine, settings: ComputeSettings) -> None:
    from shoal_node.fleet import ComputeResource
    from shoal_node.notices import Kind

    if lines := faults.found("compute", settings.cluster_name):
        _post(node, settings, Kind.FAILED.value, lines)
        return
    if not _has_key(node, settings):
        _post(node, settings, Kind.FAILED.value, ["the head node has made no munge key"])
        return
    resource = ComputeResource(settings.queue, settings.compute_resource, settings.group, 1, 1, 1)
    cluster = slurm.of(node.role.split(":")[4], str(settings.table))
    cluster.join(resource.node_name(node.address), resource.features)
    _post(node, settings, Kind.READY.value, [])


def _has_key(node: Machine, settings: ComputeSettings) -> bool:
    """Wait for the key."""
    deadline, pause = time.monotonic() + PATIENCE, threading.Event()
    while time.monotonic() < deadline:
        key = {"pk": {"S": "secret#munge"}}
        found = node.client("dynamodb").get_item(TableName=settings.table, Key=key, ConsistentRead=True)
        if "Item" in found:
            return True
        pause.wait(PAUSE)
    return False


def _post(node: Machine, settings: ComputeSettings, kind: str, lines: list[str]) -> None:
    from shoal_node.notices import Kind, node_message

    body = node_message(Kind(kind), node.instance_id, settings.queue, settings.compute_resource, lines)
    node.client("sqs").send_message(QueueUrl=settings.queue_url, MessageBody=body)
