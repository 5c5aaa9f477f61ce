"""jobwatcher, on the head node: jobs that wait become desired capacity of the groups. It never lowers any."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from shoal_node import daemon
from shoal_node.capacity import marks, refused_again, supplies
from shoal_node.decide import SlurmNode
from shoal_node.demand import Judgement, Supply, demand
from shoal_node.fleet import FLEET_FILE, Fleet, queues
from shoal_node.groups import Group, groups, raise_capacity
from shoal_node.node_table import NodeTable
from shoal_node.slurm.commands import SlurmError
from shoal_node.slurm.nodes import mark, nodes
from shoal_node.slurm.queue import count_running, pending_jobs
from shoal_node.status import Publisher, told_decisions, told_jobs

log = logging.getLogger("shoal_node")

PAUSE = 10.0
STOPPED = "the fleet is stopped; `start` lets nodes be started again"
REFUSALS = ("LimitExceeded", "ResourceContention", "ServiceQuotaExceeded", "InsufficientInstanceCapacity")
"""How the codes of errors look after which there is no use in asking the group again soon."""


class Watcher:
    """The daemon's state between two looks."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._table = NodeTable(fleet)
        self._decisions = daemon.Decisions()
        self._status = Publisher(self._table, "changedAt")

    def look(self) -> None:
        """Look at the waiting jobs once, and ask for the nodes that they need."""
        now = time.time()
        try:
            waiting, running, known = pending_jobs(), count_running(), nodes()
        except SlurmError as error:
            self._status.publish(int(now), slurm=f"away: {error}")
            raise
        sizes = groups(self._fleet)
        having = supplies(self._fleet, sizes, known.values(), self._table.refusals(), now)
        stopped = self._table.is_stopped()
        needed = demand(waiting, having, now, STOPPED if stopped else None)
        for group, capacity in needed.wanted.items():
            self._raise(group, sizes[group].desired, capacity, needed.judgements, now)
        self._keep_awaited(needed.awaited, known.values(), now)
        self._decisions.tell(now, "fleet", "STOPPED" if stopped else "RUNNING", "as the control plane says")
        self._publish(int(now), running, needed.judgements, _shown(having, sizes, known.values()), stopped)

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

    def _keep_awaited(self, awaited: Mapping[str, int], known: Iterable[SlurmNode], now: float) -> None:
        """Mark the idle nodes that are to stay, and take the mark from the others; none of that is urgent."""
        for extra, names in marks(self._fleet, awaited, known, now).items():
            try:
                mark(names, extra)
            except SlurmError as error:  # a busy slurmctld, or a node that has just gone
                log.info("marks wait for the next look: %s", error)

    def _publish(
        self, now: int, running: int, judgements: Sequence[Judgement], shown: Mapping[str, Any], stopped: bool
    ) -> None:
        waiting = [{"jobId": told.job_id, "new": told.new, "why": told.why} for told in judgements]
        self._status.publish(
            now,
            slurm="up",
            version=self._fleet.version,
            fleet="STOPPED" if stopped else "RUNNING",
            queues=shown,
            jobs=told_jobs(running, waiting),
            jobDecisions=told_decisions(self._decisions.last),
        )


def _shown(having: Sequence[Supply], sizes: Mapping[str, Group], known: Iterable[SlurmNode]) -> dict[str, Any]:
    """The part `queues` of what is published: of every queue its compute resources, how many they have and can have."""
    found = list(known)
    shown: dict[str, Any] = {queue: [] for queue in queues(supply.resource for supply in having)}
    for supply in having:
        resource, group = supply.resource, sizes[supply.resource.group]
        own = [node for node in found if resource.features <= node.features]
        shown[resource.queue].append(
            {
                "computeResource": resource.name,
                "desired": group.desired,
                "instances": group.instances,
                "minCount": resource.min_count,
                "maxCount": resource.max_count,
                "nodes": len(own),
                "ready": sum(1 for node in own if node.up and not node.draining),
                "busy": sum(1 for node in own if node.states & {"ALLOCATED", "MIXED", "COMPLETING"}),
                "spare": supply.spare,
                "refused": supply.refused,
            }
        )
    return shown


def watch(stop: threading.Event, seconds: float = PAUSE) -> None:
    """Run until `stop` is set, looking every so many seconds."""
    daemon.run("jobwatcher", Watcher(Fleet.from_json(Path(FLEET_FILE).read_text())).look, seconds, stop)
