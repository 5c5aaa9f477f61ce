"""How many nodes the waiting jobs need: bin packing, queue by queue, in the order of the jobs' priority.

A job goes onto nodes of one compute resource: onto those that are there and have room, else onto new ones of the
first compute resource of its queue that can have enough of them. A job for which none can now waits, and nothing is
started for it: some of its nodes without the others would only idle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shoal_node.fleet import ComputeResource
from shoal_node.jobs import PendingJob, Share, features_match, share
from shoal_node.reasons import Verdict, row_for

SOON = 150
"""Seconds: a job that begins by then gets its nodes started now; a requeued one waits 121 s for its credential."""


@dataclass(frozen=True)
class Supply:
    """What a compute resource has: a snapshot of its Auto Scaling group and of its nodes in Slurm."""

    resource: ComputeResource
    desired: int
    """The group's desired capacity."""
    spare: int
    """Nodes of these that are idle or on their way."""
    refused: str | None = None
    """Why AWS starts no instances now, if it does not."""
    memory_is_consumable: bool = False
    coming: int = 0
    """Those of the spare nodes that are on their way."""


@dataclass(frozen=True)
class Judgement:
    """What was decided about one job, and why."""

    job_id: str
    where: str | None
    """The compute resource, or None where nothing is started."""
    new: int
    """Nodes started for it."""
    why: str


@dataclass(frozen=True)
class Demand:
    """What the waiting jobs need."""

    wanted: dict[str, int]
    """Desired capacity of each group that needs more, by the group's name."""
    judgements: list[Judgement]
    awaited: dict[str, int]
    """How many idle nodes of a group are to stay, because a job counts on them that waits for others still."""


@dataclass
class _Node:
    """One node while jobs are packed: what is left of it."""

    cpus: int
    memory: int
    gpus: int
    empty: bool = True

    def takes(self, part: Share) -> bool:
        if part.whole and not self.empty:
            return False
        return part.cpus <= self.cpus and part.memory <= self.memory and part.gpus <= self.gpus

    def give(self, part: Share) -> None:
        self.empty = False
        self.cpus = 0 if part.whole else self.cpus - part.cpus
        self.memory -= part.memory
        self.gpus -= part.gpus


@dataclass
class _Pool:
    supply: Supply
    nodes: list[_Node] = field(default_factory=list)
    opened: int = 0

    def fresh(self) -> _Node:
        resource = self.supply.resource
        return _Node(resource.cpus, resource.memory, resource.gpus)

    @property
    def awaited(self) -> int:
        """How many of the nodes that idle jobs are put on which wait for nodes that are on their way."""
        supply = self.supply
        if not self.opened and not supply.coming:
            return 0
        return sum(1 for node in self.nodes[: supply.spare - supply.coming] if not node.empty)

    @property
    def room(self) -> int:
        """How many nodes can still be started."""
        if self.supply.refused:
            return 0
        return max(0, self.supply.resource.max_count - self.supply.desired - self.opened)


def demand(jobs: Iterable[PendingJob], supplies: Sequence[Supply], now: float, stopped: str | None = None) -> Demand:
    """What the waiting jobs need.

    Args:
        jobs: in the order of their priority.
        supplies: what each compute resource has and can have.
        now: seconds since 1970.
        stopped: why no nodes are started at all, if none are.
    """
    if stopped is not None:
        return Demand({}, [Judgement(job.job_id, None, 0, stopped) for job in jobs], {})
    pools = []
    for supply in supplies:
        pool = _Pool(supply)
        pool.nodes = [pool.fresh() for _ in range(max(0, supply.spare))]
        pools.append(pool)
    judgements = [_judge(job, pools, now) for job in jobs]
    wanted = {pool.supply.resource.group: pool.supply.desired + pool.opened for pool in pools if pool.opened}
    awaited = {pool.supply.resource.group: pool.awaited for pool in pools if pool.awaited}
    return Demand(wanted, judgements, awaited)


def nodes_help(job: PendingJob, now: float) -> bool:
    """Whether the reason for which a job waits is one that more nodes end."""
    verdict = row_for(job.reason).verdict
    if verdict is Verdict.SOON:
        return job.restarts > 0 or (job.begins is not None and job.begins - now <= SOON)
    if verdict is Verdict.UNLESS_NODES_ARE_NAMED:
        return not job.names_nodes
    return verdict is Verdict.YES


def _judge(job: PendingJob, pools: list[_Pool], now: float) -> Judgement:
    if not nodes_help(job, now):
        return Judgement(job.job_id, None, 0, f"{job.reason}: {row_for(job.reason).why}")
    parts = [(pool, _parts(job, pool)) for pool in pools if pool.supply.resource.queue in job.queues]
    possible = [(pool, found) for pool, found in parts if found]
    if not possible:
        return Judgement(job.job_id, None, 0, "no compute resource of its queue can ever do it")
    for only_spare in (True, False):
        for pool, (part, count) in possible:
            new = _place(pool, part, count, 0 if only_spare else pool.room)
            if new is not None:
                why = f"{count} node(s) of {pool.supply.resource.name}" if new else "nodes are there or on their way"
                return Judgement(job.job_id, pool.supply.resource.name, new, why)
    refusals = sorted({pool.supply.refused for pool, _ in possible if pool.supply.refused})
    return Judgement(job.job_id, None, 0, "; ".join(refusals) or "MaxCount leaves too few nodes until others are free")


def _parts(job: PendingJob, pool: _Pool) -> tuple[Share, int] | None:
    resource = pool.supply.resource
    if not features_match(job.features, resource.features):
        return None
    found = share(job, resource, pool.supply.memory_is_consumable)
    return found if found and found[1] <= resource.max_count else None


def _place(pool: _Pool, part: Share, count: int, room: int) -> int | None:
    """Put a job onto `count` nodes, at most `room` of them new; how many are new, or None where it does not fit."""
    chosen = [node for node in pool.nodes if node.takes(part)][:count]
    new = count - len(chosen)
    if new > room:
        return None
    added = [pool.fresh() for _ in range(new)]
    pool.nodes += added
    pool.opened += new
    for node in (*chosen, *added):
        node.give(part)
    return new
