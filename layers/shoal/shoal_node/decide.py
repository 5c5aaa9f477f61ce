"""What is done about one node, from what AWS, the table and Slurm say of it: the same for a message as for the timer.

A message is a hint to look; what it says is never taken for the truth, but for a node's own report that it failed,
which nobody else knows. So messages may come twice, in any order, or never. What could not be asked is `UNKNOWN`,
and unknown is not down.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional, Union

DOWN_SECONDS = 300
"""How long Slurm may miss a node whose instance runs before the instance is ended."""

ENDING_SECONDS = 60
"""How long an instance that was to end may still run before it is ended again: a second request may count twice."""


class Unknown(enum.Enum):
    """Nobody could be asked."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


class State(str, enum.Enum):
    """The states of a record in the table."""

    LAUNCHING = "LAUNCHING"
    READY = "READY"
    FAILED = "FAILED"
    TERMINATING = "TERMINATING"


@dataclass(frozen=True)
class Instance:
    """An instance as EC2 tells of it; one that EC2 does not know, or that has ended, is None."""

    instance_id: str
    queue: str
    compute_resource: str
    address: str
    node_name: str


@dataclass(frozen=True)
class Record:
    """A node in the table."""

    instance_id: str
    node_name: str
    queue: str
    compute_resource: str
    address: str
    state: State
    launched_at: int
    """Seconds since 1970."""
    changed_at: int
    why: str = ""
    """Why it failed, if it did."""
    log: tuple[str, ...] = ()
    """Its last log lines, of a node that said itself that it failed."""
    failed_at: int = 0


@dataclass(frozen=True)
class SlurmNode:
    """A node as Slurm tells of it."""

    name: str
    states: frozenset[str]
    """`IDLE`, `ALLOCATED`, `MIXED`, `DOWN`, `DRAIN`, `NOT_RESPONDING`, ..."""
    reason: str = ""
    reason_at: float | None = None
    """Seconds since 1970."""
    features: frozenset[str] = frozenset()
    extra: str = ""
    """A text of ours: whether jobs that wait count on it, `idle.AWAITED`."""

    @property
    def down(self) -> bool:
        """Whether Slurm runs nothing on it any more."""
        return bool(self.states & {"DOWN", "ERROR", "FAIL", "FAILING"})

    @property
    def up(self) -> bool:
        """Whether it has joined and answers."""
        return bool(self.states & {"IDLE", "ALLOCATED", "MIXED", "COMPLETING"}) and "NOT_RESPONDING" not in self.states

    @property
    def draining(self) -> bool:
        """Whether it takes no new jobs."""
        return "DRAIN" in self.states


MaybeInstance = Union[Instance, None, Unknown]
MaybeSlurmNode = Union[SlurmNode, None, Unknown]


class Do(enum.Enum):
    """What is done about a node; each can be done twice."""

    NOTHING = "nothing"
    WAIT = "look again"
    """It cannot be decided now; a message that led here stays in the queue."""
    RECORD = "record"
    READY = "ready"
    FAIL = "fail"
    """Record that it failed, and end the instance."""
    REMOVE = "remove"
    """Down in Slurm, deleted from Slurm, then TERMINATING in the table."""


@dataclass(frozen=True)
class Action:
    """What is done, and why in a few words."""

    do: Do
    why: str


@dataclass(frozen=True)
class Moment:
    """When it is, and how long things may take, in seconds."""

    now: float
    join_seconds: int = 1800
    down_seconds: int = DOWN_SECONDS


def decide(
    instance: MaybeInstance,
    record: Optional[Record],
    slurm_node: MaybeSlurmNode,
    moment: Moment,
    failed: str | None = None,
) -> Action:
    """The action for one node.

    Args:
        instance: what AWS says; None for one that has ended or never was.
        record: what the table says.
        slurm_node: what Slurm says of the node with the instance's or the record's name.
        moment: the time, and the limits.
        failed: what the node itself said of why it failed.
    """
    if isinstance(instance, Unknown):
        return Action(Do.WAIT, "AWS does not answer")
    if instance is None:
        return _gone(record, slurm_node)
    if record is None:
        return Action(Do.RECORD, "a new instance")
    if record.state in (State.FAILED, State.TERMINATING):
        if moment.now - record.changed_at < ENDING_SECONDS:
            return Action(Do.NOTHING, "it is being ended")
        return Action(Do.FAIL, f"it is {record.state.value} and still runs")
    if failed is not None:
        return Action(Do.FAIL, f"it says: {failed}")
    if isinstance(slurm_node, Unknown):
        return Action(Do.WAIT, "Slurm does not answer")
    return _alive(record, slurm_node, moment)


def _gone(record: Optional[Record], slurm_node: MaybeSlurmNode) -> Action:
    if isinstance(slurm_node, Unknown):
        settled = record is None or record.state is State.TERMINATING
        return Action(Do.NOTHING if settled else Do.WAIT, "its instance has ended; Slurm does not answer")
    if slurm_node is not None:
        return Action(Do.REMOVE, "its instance has ended")
    if record is None:
        return Action(Do.NOTHING, "no such instance, and nobody knows of it")
    if record.state is State.TERMINATING:
        return Action(Do.NOTHING, "it is removed already")
    return Action(Do.REMOVE, "its instance has ended")


def _alive(record: Record, slurm_node: Optional[SlurmNode], moment: Moment) -> Action:
    if slurm_node is not None and slurm_node.down:
        missed = moment.now - (slurm_node.reason_at or moment.now)
        if missed >= moment.down_seconds:
            return Action(Do.FAIL, f"Slurm has it down for {missed:.0f} s: {slurm_node.reason or 'no reason'}")
        return Action(Do.NOTHING, "Slurm has it down, not for long yet")
    if slurm_node is not None and slurm_node.up:
        if record.state is State.READY:
            return Action(Do.NOTHING, "it works")
        return Action(Do.READY, "Slurm has it")
    if slurm_node is not None:
        return Action(Do.NOTHING, "Slurm hears nothing of it now")
    waited = moment.now - (record.launched_at if record.state is State.LAUNCHING else record.changed_at)
    if waited >= moment.join_seconds:
        return Action(Do.FAIL, f"it has not joined within {waited:.0f} s")
    return Action(Do.NOTHING, "it has not joined yet")
