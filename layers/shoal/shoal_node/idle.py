"""Whether a compute node ends itself: what the nodewatcher does next, from one look at Slurm and at its group.

Idle for long enough -> drain -> look again -> end. What Slurm does not tell is not idle. What is remembered between
looks is only since when the node is idle; that it drains, and why, is in Slurm, so a watcher that was restarted goes
on where it was.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional

from shoal_node.decide import SlurmNode

DRAIN_REASON = "shoal: "
"""How the reason of our own drains begins; anybody else's drain is left alone."""
IDLE_REASON = f"{DRAIN_REASON}idle"
LEAVING_REASON = f"{DRAIN_REASON}leaving"
REMOVED = "its compute resource is no longer in the configuration"
AWAITED = f"{DRAIN_REASON}awaited until "
"""How the mark begins with which jobwatcher keeps an idle node for a job that waits for others still; then come seconds
since 1970: a mark that nobody renews keeps nobody."""


class Next(enum.Enum):
    """What the node does next."""

    KEEP = "keep"
    DRAIN = "drain"
    RESUME = "resume"
    REQUEUE = "requeue"
    """Give the jobs back to the queue: the instance is taken away."""
    END = "end"


@dataclass(frozen=True)
class Seen:
    """One look."""

    now: float
    """Seconds, of any clock that only goes forward."""
    node: Optional[SlurmNode]
    """None: Slurm does not answer, or does not know the node."""
    jobs: Optional[int]
    """Jobs on the node, those that are ending counted; None: Slurm does not answer."""
    desired: Optional[int]
    """The group's desired capacity; None: Auto Scaling does not answer."""
    leaving: str | None = None
    """AWS takes the instance away, or advises to leave it: which of both."""
    awaited: bool = False
    """A job that waits for more nodes counts on this one."""
    removed: bool = False
    """Its compute resource is no longer in the configuration."""


@dataclass(frozen=True)
class Limits:
    """What the configuration says."""

    idle_seconds: int
    """Negative: nodes stay for ever."""
    min_count: int


@dataclass(frozen=True)
class Step:
    """What is done, why, and since when the node is idle (None: it is not)."""

    next: Next
    why: str
    idle_since: Optional[float] = None


def is_awaited(extra: str, now: float) -> bool:
    """Whether a node's mark says that a waiting job counts on it.

    Args:
        extra: the text that Slurm keeps for the node.
        now: seconds since 1970.
    """
    until = extra[len(AWAITED) :] if extra.startswith(AWAITED) else ""
    return until.isdigit() and now < int(until)


def step(seen: Seen, idle_since: Optional[float], limits: Limits) -> Step:
    """The next step of one node."""
    if seen.node is None or seen.jobs is None:
        return Step(Next.KEEP, "Slurm does not tell: unknown is not idle")
    if seen.leaving and seen.node.states:
        return _leave(seen.node, seen.jobs, seen.leaving)
    if seen.node.draining:
        return _drained(seen, seen.node, seen.jobs, idle_since)
    if seen.removed:
        return Step(Next.DRAIN, REMOVED)
    if seen.jobs:
        return Step(Next.KEEP, f"{seen.jobs} job(s)")
    if "IDLE" not in seen.node.states:
        return Step(Next.KEEP, f"it is {'+'.join(sorted(seen.node.states))}, not idle")
    if seen.awaited:
        return Step(Next.KEEP, "idle, and a job that waits for more nodes counts on it")
    since = seen.now if idle_since is None else idle_since
    return _idle(seen, since, limits)


def _idle(seen: Seen, since: float, limits: Limits) -> Step:
    idle = seen.now - since
    if limits.idle_seconds < 0:
        return Step(Next.KEEP, "idle, and no node ends itself in this cluster", since)
    if idle < limits.idle_seconds:
        return Step(Next.KEEP, f"idle for {idle:.0f} of {limits.idle_seconds} s", since)
    if seen.desired is None:
        return Step(Next.KEEP, "Auto Scaling does not tell how many there are", since)
    if seen.desired <= limits.min_count:
        return Step(Next.KEEP, f"idle, and one of MinCount {limits.min_count}", since)
    return Step(Next.DRAIN, f"idle for {idle:.0f} s", since)


def _drained(seen: Seen, node: SlurmNode, jobs: int, idle_since: Optional[float]) -> Step:
    if not node.reason.startswith(DRAIN_REASON):
        return Step(Next.KEEP, f"drained by somebody else: {node.reason}")
    if node.reason.startswith(LEAVING_REASON):
        return Step(Next.KEEP, f"{jobs} job(s) before it leaves") if jobs else Step(Next.END, node.reason)
    if jobs:
        return Step(Next.RESUME, f"{jobs} job(s) came while it was drained")
    return Step(Next.END, "idle, drained, and no job came", seen.now if idle_since is None else idle_since)


def _leave(node: SlurmNode, jobs: int, leaving: str) -> Step:
    if not node.draining or not node.reason.startswith(LEAVING_REASON):
        return Step(Next.DRAIN, leaving)
    if jobs:
        return Step(Next.REQUEUE, f"{leaving}; {jobs} job(s) go back to the queue")
    return Step(Next.END, f"{leaving}; no job is left")
