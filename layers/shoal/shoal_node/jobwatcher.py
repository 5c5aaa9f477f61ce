"""jobwatcher, on the head node: jobs that wait become desired capacity of the groups. It never lowers any."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from shoal_node import daemon
from shoal_node.capacity import refused_again, supplies
from shoal_node.demand import Judgement, Supply, demand
from shoal_node.fleet import Fleet, queues
from shoal_node.groups import Group, groups, raise_capacity
from shoal_node.node_table import NodeTable
from shoal_node.slurm.commands import SlurmError
from shoal_node.slurm.nodes import nodes
from shoal_node.slurm.queue import count_running, pending_jobs

log = logging.getLogger("shoal_node")

PAUSE = 10.0
MOST_JOBS = 50
"""Jobs that wait of which `shoal describe` can say why."""
REFUSALS = ("LimitExceeded", "ResourceContention", "ServiceQuotaExceeded", "InsufficientInstanceCapacity")
"""How the codes of errors look after which there is no use in asking the group again soon."""


class Watcher:
    """The daemon's state between two looks."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._table = NodeTable(fleet)
        self._decisions = daemon.Decisions()

    def look(self) -> None:
        """Look at the waiting jobs once, and ask for the nodes that they need."""
        now = time.time()
        try:
            waiting, running, known = pending_jobs(), count_running(), nodes()
        except SlurmError as error:
            self._table.publish(int(now), slurm=f"away: {error}")
            raise
        sizes = groups(self._fleet)
        having = supplies(self._fleet, sizes, known.values(), self._table.refusals(), now)
        wanted, judgements = demand(waiting, having, now)
        for group, capacity in wanted.items():
            self._raise(group, sizes[group].desired, capacity, judgements, now)
        self._publish(int(now), running, judgements, having, sizes)

    def _raise(self, group: str, before: int, capacity: int, judgements: Sequence[Judgement], now: float) -> None:
        resource = self._fleet.resource_of_group(group)
        jobs = [told.job_id for told in judgements if told.new and resource and told.where == resource.name]
        try:
            raise_capacity(self._fleet, group, capacity)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if not any(word in code for word in REFUSALS):
                raise
            refusal = refused_again(self._table.refusals().get(group), code, int(now))
            self._table.put_refusal(group, refusal)
            self._decisions.tell(now, group, "AWS refuses more nodes", code)
            return
        self._decisions.tell(now, group, f"desired capacity {before} -> {capacity}", f"jobs {', '.join(jobs[:10])}")

    def _publish(
        self,
        now: int,
        running: int,
        judgements: Sequence[Judgement],
        having: Sequence[Supply],
        sizes: Mapping[str, Group],
    ) -> None:
        waiting = [{"jobId": told.job_id, "new": told.new, "why": told.why} for told in judgements[:MOST_JOBS]]
        shown = {
            queue: [_shown(supply, sizes) for supply in having if supply.resource.queue == queue]
            for queue in queues(self._fleet.resources)
        }
        jobs = {"running": running, "pending": len(judgements), "waiting": waiting}
        self._table.publish(now, slurm="up", queues=shown, jobs=jobs, scalings=list(self._decisions.last))


def _shown(supply: Supply, sizes: Mapping[str, Group]) -> dict[str, Any]:
    group = sizes[supply.resource.group]
    return {
        "computeResource": supply.resource.name,
        "desired": group.desired,
        "instances": group.instances,
        "minCount": group.minimum,
        "maxCount": supply.resource.max_count,
        "spare": supply.spare,
        "refused": supply.refused,
    }


def watch(fleet: Fleet, stop: threading.Event, pause: float = PAUSE) -> None:
    """Run until `stop` is set."""
    daemon.run("jobwatcher", Watcher(fleet).look, pause, stop)
