"""`status#head`: what the head node publishes of the cluster, for `shoal describe` and for the checks of an operation.

One item of the table, of parts that are JSON texts: jobwatcher writes `slurm`, `fleet`, `version`, `queues`, `jobs`
and `jobDecisions` with the time `changedAt`, sqswatcher writes `nodes`, `nodeDecisions` and `failures` with
`nodesChangedAt`. A daemon writes what has changed, and everything of its own once a minute, so that whoever reads can
tell by the time whether it is still true. Every part has a size of its own, together below DynamoDB's 400 KB for an
item (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html) with room to spare.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from shoal_node.decide import Record, SlurmNode, State
from shoal_node.node_table import NodeTable

HEARTBEAT_SECONDS = 45
"""After so long everything is written again, at the next look: once a minute at the least."""
MOST_NODES = 500
MOST_JOBS = 50
"""Jobs that wait of which is told why."""
MOST_FAILURES = 5
LONGEST_TEXT = 500
LONGEST_LINE = 300
"""Characters of a reason, and of a line of a failed node's log."""


class Publisher:
    """One daemon's parts, and what of them is written already."""

    def __init__(self, table: NodeTable, stamp: str) -> None:
        self._table = table
        self._stamp = stamp
        self._parts: dict[str, str] = {}
        self._whole_at = 0

    def publish(self, now: int, **parts: Any) -> None:
        """Write the parts that have changed, or all that this daemon has if that was long ago."""
        texts = {name: json.dumps(part, separators=(",", ":")) for name, part in parts.items()}
        changed = {name: text for name, text in texts.items() if self._parts.get(name) != text}
        whole = now - self._whole_at >= HEARTBEAT_SECONDS
        if not changed and not whole:
            return
        self._table.publish(self._stamp, now, {**self._parts, **texts} if whole else changed)
        self._parts.update(texts)
        if whole:
            self._whole_at = now


def told_nodes(records: Iterable[Record], nodes: Optional[Mapping[str, SlurmNode]]) -> dict[str, Any]:
    """The part `nodes`: every node that has not ended, those that failed first; how many are left out."""
    alive = [record for record in records if record.state is not State.TERMINATING]
    alive.sort(key=lambda record: (record.state is not State.FAILED, record.node_name))
    told = [
        {
            "instanceId": record.instance_id,
            "name": record.node_name,
            "queue": record.queue,
            "computeResource": record.compute_resource,
            "state": record.state.value,
            "slurm": _states(record.node_name, nodes),
            "launchedAt": record.launched_at,
        }
        for record in alive[:MOST_NODES]
    ]
    return {"nodes": told, "leftOut": len(alive) - len(told)}


def _states(name: str, nodes: Optional[Mapping[str, SlurmNode]]) -> str:
    """`IDLE`, `IDLE+DRAIN`, ...; `absent` where Slurm has no such node, `unknown` where it does not answer."""
    if nodes is None:
        return "unknown"
    return "+".join(sorted(nodes[name].states)) if name in nodes else "absent"


def told_failures(records: Iterable[Record]) -> list[dict[str, Any]]:
    """The part `failures`: the last nodes that failed, the newest first, with their last log lines."""
    failed = sorted((record for record in records if record.why), key=lambda record: record.failed_at, reverse=True)
    return [
        {
            "instanceId": record.instance_id,
            "queue": record.queue,
            "computeResource": record.compute_resource,
            "why": record.why[:LONGEST_TEXT],
            "log": [line[:LONGEST_LINE] for line in record.log],
            "at": record.failed_at,
        }
        for record in failed[:MOST_FAILURES]
    ]


def told_decisions(decisions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A daemon's last decisions, none too long."""
    return [{**decision, "why": decision["why"][:LONGEST_TEXT]} for decision in decisions]


def told_jobs(running: int, waiting: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The part `jobs`: how many run and wait, and of the first that wait why."""
    first = [{**job, "why": job["why"][:LONGEST_TEXT]} for job in waiting[:MOST_JOBS]]
    return {"running": running, "pending": len(waiting), "waiting": first}
