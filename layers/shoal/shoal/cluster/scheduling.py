"""Scheduling: which scheduler a cluster has, and its queues."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from shoal.cluster import batch
from shoal.cluster.batch import AwsBatchSettings, Queue
from shoal.cluster.grammar import Change, Code, ListRule, NotOffered, Only, Refused, Section, Unique, Violation
from shoal.cluster.slurm_queues import MOST_QUEUES, SlurmQueue, queue_violations
from shoal.cluster.slurm_settings import SlurmSettings

QUEUES = MappingProxyType({"awsbatch": "AwsBatchQueues", "slurm": "SlurmQueues"})
"""The key of each kind of cluster that holds its queues."""

_BATCH = Only("awsbatch", "it belongs to AWS Batch", "write SlurmQueues and SlurmSettings")
_SLURM = Only("slurm", "it belongs to Slurm", "write AwsBatchQueues")
_ALL_OR_NOTHING = Refused(
    "Auto Scaling starts what it can get, and what no job can use ends after its idle time", "write best-effort"
)


class Scheduling(Section):
    """Scheduler and queues."""

    scheduler: Annotated[Literal["awsbatch", "slurm"], Change.REPLACES]
    """Scheduler of the cluster: AWS Batch, or Slurm on the head node."""
    aws_batch_queues: Annotated[
        tuple[Queue, ...], Change.LIVE, Field(min_length=1, max_length=batch.MOST_QUEUES), Unique("Name"), _BATCH
    ] = ()
    """One to ten queues of AWS Batch. The first is the one that AWS's Batch client uses. Removing one ends its jobs."""
    aws_batch_settings: Annotated[AwsBatchSettings, _BATCH] = AwsBatchSettings()
    """Settings of AWS Batch."""
    scaling_strategy: Annotated[
        Literal["best-effort"],
        Change.LIVE,
        NotOffered(MappingProxyType(dict.fromkeys(("all-or-nothing", "greedy-all-or-nothing"), _ALL_OR_NOTHING))),
        Only("slurm", "AWS Batch scales by itself", "remove the key"),
    ] = "best-effort"
    """How nodes are started: as many as there are to be had."""
    slurm_settings: Annotated[SlurmSettings, _SLURM] = SlurmSettings()
    """Slurm's settings for the whole cluster."""
    slurm_queues: Annotated[
        tuple[SlurmQueue, ...],
        Change.LIVE,
        Field(min_length=1, max_length=MOST_QUEUES),
        Unique("Name"),
        ListRule(queue_violations),
        _SLURM,
    ] = ()
    """One to fifty Slurm queues. The first is the default. Removing one ends its jobs."""

    @property
    def queues(self) -> tuple[Queue | SlurmQueue, ...]:
        """The queues of either kind."""
        return self.aws_batch_queues or self.slurm_queues

    @property
    def queues_key(self) -> str:
        """The key under which the queues stand."""
        return QUEUES[self.scheduler]

    def rules(self) -> Iterator[Violation]:
        """The queues of the scheduler."""
        if not self.value_of(self.queues_key):
            message = f"is missing, which Scheduler: {self.scheduler} needs"
            yield Violation(self.queues_key, message, f"add {self.queues_key}", Code.MISSING_KEY)
