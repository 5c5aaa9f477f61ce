"""The jobs of Slurm: those that wait, those on a node; and giving jobs back to the queue.

Formats, not JSON: `squeue --json` tells an array as one job, and its schema is another in every version.
"""

from __future__ import annotations

import contextlib
import re
from datetime import datetime, timezone

from shoal_node.jobs import PendingJob
from shoal_node.slurm.commands import SlurmRefusedError, slurm

SEPARATOR = "\x1f"
"""Ends every field: no feature, partition or reason can hold it, while `a|b` is a constraint."""
FIELDS = (
    "JobArrayID",
    "Partition",
    "tres-alloc",
    "NumTasks",
    "MinCpus",
    "MinMemory",
    "tres-per-node",
    "tres-per-job",
    "tres-per-task",
    "OverSubscribe",
    "Feature",
    "StartTime",
    "RestartCnt",
    "ReqNodes",
    "Reason",
)
ON_NODE = "RUNNING,SUSPENDED,COMPLETING,CONFIGURING,STAGE_OUT,STOPPED,SIGNALING,RESIZING"
"""Every state in which a job holds its nodes; by default squeue leaves suspended ones out."""
UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2, "P": 1024**3}
NOTHING = ("", "(null)", "N/A", "None assigned")
EXCLUSIVE = ("NO", "USER", "MCS")
_GPU = re.compile(r"gpu(?:[:=]([^,]*))?$")


def pending_jobs() -> list[PendingJob]:
    """The jobs that wait, every task of an array on its own, those before which none goes first.

    Raises:
        SlurmAwayError: Slurm does not answer.
        SlurmRefusedError: it refuses to tell.
    """
    form = ",".join(f"{field}:{SEPARATOR}" for field in FIELDS)
    lines = slurm("squeue", "--noconvert", "--array", "--noheader", "--states=PENDING", "--Format", form).splitlines()
    return [parse_job(line) for line in lines if SEPARATOR in line]


def parse_job(line: str) -> PendingJob:
    """A job from its line.

    Raises:
        SlurmRefusedError: the line has other fields than were asked for.
    """
    values = [value.strip() for value in line.split(SEPARATOR)]
    if len(values) < len(FIELDS):
        raise SlurmRefusedError(f"squeue: {len(values)} fields instead of {len(FIELDS)}")
    told = {name: "" if value in NOTHING else value for name, value in zip(FIELDS, values)}  # noqa: B905 - Python 3.9 has no strict
    whole = dict(part.split("=", 1) for part in told["tres-alloc"].split(",") if "=" in part)
    begins = told["StartTime"]
    return PendingJob(
        job_id=told["JobArrayID"],
        queues=tuple(told["Partition"].split(",")),
        reason=told["Reason"] or "None",
        nodes=_number(whole.get("node"), 1),
        cpus=_number(whole.get("cpu"), 1),
        tasks=_number(told["NumTasks"], 1),
        cpus_per_node=_number(told["MinCpus"], 1),
        node_memory=mebibytes(told["MinMemory"]),
        memory=mebibytes(whole.get("mem", "")),
        gpus_per_node=gpus(told["tres-per-node"]),
        gpus_per_task=gpus(told["tres-per-task"]),
        gpus=gpus(told["tres-per-job"]),
        exclusive=told["OverSubscribe"] in EXCLUSIVE,
        features=told["Feature"],
        begins=datetime.fromisoformat(begins).replace(tzinfo=timezone.utc).timestamp() if begins else None,
        restarts=_number(told["RestartCnt"], 0),
        names_nodes=bool(told["ReqNodes"]),
    )


def jobs_on(node: str) -> list[str]:
    """The ids of the jobs that hold a node, ending and suspended ones too.

    Raises:
        SlurmAwayError: Slurm does not answer.
        SlurmRefusedError: it has no such node.
    """
    return slurm("squeue", "--noheader", f"--states={ON_NODE}", f"--nodelist={node}", "--format=%A").split()


def count_running() -> int:
    """How many jobs run, all queues together."""
    return len(slurm("squeue", "--noheader", "--states=RUNNING", "--format=%A").split())


def requeue(job_id: str) -> bool:
    """Give a job back to the queue; whether Slurm took it: interactive jobs and `--no-requeue` it does not.

    Raises:
        SlurmAwayError: Slurm does not answer.
    """
    with contextlib.suppress(SlurmRefusedError):
        slurm("scontrol", "requeue", job_id)
        return True
    return False


def mebibytes(text: str) -> int:
    """Memory as Slurm writes it, `500M` or `1.50G`, in MiB, rounded up; 0 where it writes none."""
    unit = text[-1:].upper()
    digits = text[:-1] if unit in UNITS else text
    try:
        return -int(-float(digits) * UNITS.get(unit, 1) // 1)
    except ValueError:
        return 0


def gpus(text: str) -> int:
    """How many GPUs `gres:gpu:a100:2`, `gres/gpu=2` and their like ask for."""
    count = 0
    for part in text.split(","):
        found = _GPU.search(part.split("(")[0])
        if found:
            last = re.split("[:=]", found.group(1) or "")[-1]
            count += int(last) if last.isdigit() else 1
    return count


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdigit() else default
