"""Whether a Slurm cluster whose stack is complete really works: its head node has applied the configuration, its
scheduler answers, and the nodes that it always has are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shoal.cluster.health import head_node_problems, unhealthy

GROUP = "AWS::AutoScaling::AutoScalingGroup"
TABLE = "AWS::DynamoDB::Table"
SILENT = timedelta(minutes=3)
"""After so long without a word of the head node, which publishes once a minute, what it said last does not count."""
MOST_FAILURES = 3
"""Failed nodes of one compute resource after which more are not waited for."""


@dataclass(frozen=True)
class Fleet:
    """What a plan says of a cluster's fleet."""

    version: str
    """Of the configuration that the head node has to apply."""
    static: tuple[tuple[str, str, int], ...] = ()
    """Queue, compute resource and `MinCount` of those that always have nodes."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Fleet:
        """As the state machines hand it on."""
        rows = tuple((row["queue"], row["computeResource"], row["minCount"]) for row in event["static"])
        return cls(event["version"], rows)


def fleet_of(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the state machines carry of a cluster's fleet; none of a cluster that has no fleet of its own.

    Args:
        metadata: of the head node's resource, where the head node reads what to apply.
    """
    told = metadata.get("Shoal", {}).get("Fleet")
    if told is None:
        return None
    static = [
        {"queue": resource["queue"], "computeResource": resource["name"], "minCount": int(resource["min_count"])}
        for resource in told["resources"]
        if int(resource["min_count"])
    ]
    return {"version": told["version"], "static": static}


@dataclass(frozen=True)
class Observed:
    """What there is of a cluster."""

    head_nodes: Mapping[str, str]
    """Instance id to its state."""
    configuration: Mapping[str, Any] | None
    """What the head node says of the plan's version of the configuration; none before it does."""
    status: Mapping[str, Any]
    """What the head node has published, part by part."""
    stopped: bool
    """Whether the fleet is stopped: then no nodes are waited for."""


def problems(fleet: Fleet, observed: Observed, *, since: datetime, now: datetime) -> tuple[str, ...]:
    """What a cluster still lacks, each in one sentence; none when it is ready.

    Args:
        fleet: what the plan says.
        observed: what there is.
        since: when the operation began; nodes that failed before do not count.
        now: the time.

    Raises:
        OperationError: `ClusterUnhealthy` for what waiting does not heal, with the last lines of what failed.
    """
    found = list(head_node_problems(observed.head_nodes))
    if not observed.head_nodes:
        found.append("the head node cannot be found")
    found += _configuration(observed.configuration)
    found += _scheduler(observed.status, now)
    if not observed.stopped:
        found += _nodes(fleet, observed.status, since)
    return tuple(found)


def _configuration(told: Mapping[str, Any] | None) -> Iterator[str]:
    if told is None:
        yield "the head node has not applied the configuration yet"
    elif told["state"] != "APPLIED":
        message = f"the head node could not apply the configuration: {told.get('error') or 'it gives no reason'}"
        raise unhealthy("HeadNode", message, told.get("log", ()))


def _scheduler(status: Mapping[str, Any], now: datetime) -> Iterator[str]:
    silent = now - datetime.fromtimestamp(status.get("changedAt", 0), now.tzinfo)
    if "slurm" not in status:
        yield "the head node has not told yet whether Slurm answers"
    elif silent > SILENT:
        yield f"the head node has told nothing for {silent.total_seconds() // 60:.0f} minutes"
    elif status["slurm"] != "up":
        yield f"Slurm does not answer on the head node ({status['slurm']})"


def _nodes(fleet: Fleet, status: Mapping[str, Any], since: datetime) -> Iterator[str]:
    for queue, name, wanted in fleet.static:
        row = _row(status, queue, name)
        ready = row.get("ready", 0)
        if ready >= wanted:
            continue
        _refuse_failing(queue, name, status, since)
        refused = "; AWS starts none at the moment" if row.get("refused") else ""
        yield f"the queue {queue} has {ready} of {wanted} nodes of {name}{refused}"


def _row(status: Mapping[str, Any], queue: str, name: str) -> Mapping[str, Any]:
    rows: Sequence[Mapping[str, Any]] = (status.get("queues") or {}).get(queue, ())
    return next((row for row in rows if row["computeResource"] == name), {})


def _refuse_failing(queue: str, name: str, status: Mapping[str, Any], since: datetime) -> None:
    """Nodes that fail one after the other are not helped by more of them."""
    failed = [
        node
        for node in status.get("failures") or ()
        if (node["queue"], node["computeResource"]) == (queue, name) and node["at"] >= since.timestamp()
    ]
    if len(failed) >= MOST_FAILURES:
        newest = max(failed, key=lambda node: node["at"])
        message = (
            f"{len(failed)} nodes of the compute resource {name} in the queue {queue} have failed, the last one "
            f"({newest['instanceId']}) with: {newest['why']}"
        )
        raise unhealthy(newest["instanceId"], message, newest.get("log", ()))
