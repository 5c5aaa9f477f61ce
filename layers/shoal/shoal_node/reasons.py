"""Why Slurm lets a job wait, and whether more nodes would help: one table, the first row that fits counts.

The texts are those of `squeue`'s reason, https://slurm.schedmd.com/job_reason_codes.html; what they mean with
placeholder nodes was seen on Slurm 22.05. With placeholders Slurm knows what nodes could come, so `PartitionConfig`
and `PartitionNodeLimit` mean that no number of nodes helps.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.Enum):
    """Whether nodes are started for a job that waits for this reason."""

    YES = "nodes help"
    NO = "nodes do not help"
    SOON = "nodes help if the job was requeued, or begins soon"
    UNLESS_NODES_ARE_NAMED = "nodes help unless the job names its nodes"


@dataclass(frozen=True)
class Row:
    """A reason, or how it begins."""

    begins: str
    verdict: Verdict
    why: str


REASONS = (
    Row("Resources", Verdict.YES, "no node is free"),
    Row("Priority", Verdict.YES, "others are before it, and no node is free"),
    Row("None", Verdict.YES, "Slurm has not looked at it yet"),
    Row("Nodes required for job are DOWN, DRAINED", Verdict.YES, "there are not enough nodes"),
    Row("ReqNodeNotAvail, May be reserved", Verdict.YES, "there is no such node yet"),
    Row("ReqNodeNotAvail, UnavailableNodes", Verdict.UNLESS_NODES_ARE_NAMED, "nodes that it could use are gone"),
    Row("ReqNodeNotAvail", Verdict.UNLESS_NODES_ARE_NAMED, "nodes that it could use are not there"),
    Row("NodeDown", Verdict.YES, "its node went down"),
    Row("BeginTime", Verdict.SOON, "it waits for its time, or was requeued and waits for its old credential to end"),
    Row("PartitionConfig", Verdict.NO, "no node of its queue could ever do it"),
    Row("PartitionNodeLimit", Verdict.NO, "it asks for more nodes than its queue can have"),
    Row("PartitionTimeLimit", Verdict.NO, "it asks for more time than its queue gives"),
    Row("PartitionDown", Verdict.NO, "its queue starts no jobs"),
    Row("PartitionInactive", Verdict.NO, "its queue starts no jobs"),
    Row("Dependency", Verdict.NO, "it waits for another job"),
    Row("DependencyNeverSatisfied", Verdict.NO, "it waits for a job that failed"),
    Row("JobHeld", Verdict.NO, "it is held"),
    Row("BadConstraints", Verdict.NO, "no node has what it asks for"),
    Row("launch_failed_requeued_held", Verdict.NO, "it could not be started and is held"),
    Row("JobArrayTaskLimit", Verdict.NO, "enough tasks of its array run"),
    Row("Licenses", Verdict.NO, "it waits for a licence"),
    Row("Assoc", Verdict.NO, "its account is at a limit"),
    Row("QOS", Verdict.NO, "its quality of service is at a limit"),
    Row("Reservation", Verdict.NO, "it waits for its reservation"),
    Row("Cleaning", Verdict.NO, "its last run has not ended yet"),
)
UNHEARD_OF = Row("", Verdict.NO, "this reason is not known")


def row_for(reason: str) -> Row:
    """The row for a reason; the longest beginning counts, so that order decides nothing."""
    return max(
        (row for row in REASONS if reason.startswith(row.begins)), key=lambda row: len(row.begins), default=UNHEARD_OF
    )
