"""Reading what Batch says of jobs: kinds, times, results and reasons, from summaries and descriptions alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

WAITING = ("SUBMITTED", "PENDING", "RUNNABLE")
STATUSES = (*WAITING, "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
"""In the order in which a job passes them."""
ENDED = ("SUCCEEDED", "FAILED")
ACTIVE = tuple(status for status in STATUSES if status not in ENDED)

Record = Mapping[str, Any]
"""An element of ListJobs' or DescribeJobs' answer."""


def array_size(job: Record) -> int | None:
    """The number of children of an array job; none for any other job, a child included."""
    size: int | None = job.get("arrayProperties", {}).get("size")
    return size


def node_count(job: Record) -> int | None:
    """The number of nodes of a multi-node job; none for any other job, one of its nodes included."""
    if "#" in job["jobId"]:
        return None
    count: int | None = job.get("nodeProperties", {}).get("numNodes")
    return count


def is_main_node(job: Record) -> bool:
    """Whether it is the node of a multi-node job that runs the command."""
    return bool({**job.get("nodeProperties", {}), **job.get("nodeDetails", {})}.get("isMainNode"))


def parts(job: Record) -> str:
    """What a job consists of, if of several parts: `array of 10` or `3 nodes`."""
    if size := array_size(job):
        return f"array of {size}"
    return f"{nodes} nodes" if (nodes := node_count(job)) else ""


def children(job: Record) -> list[str]:
    """The ids of an array's children or of a multi-node job's nodes; empty for any other job."""
    if size := array_size(job):
        return [f"{job['jobId']}:{index}" for index in range(size)]
    return [f"{job['jobId']}#{index}" for index in range(node_count(job) or 0)]


def container(job: Record) -> Mapping[str, Any]:
    """The container of a job, or what all nodes of a multi-node job have in common."""
    ranges = job.get("nodeProperties", {}).get("nodeRangeProperties") or [{}]
    found: Mapping[str, Any] = job.get("container") or ranges[0].get("container") or {}
    return found


def reason(job: Record) -> str:
    """Why a job is in its state, in all words that Batch has about it."""
    own, of_container = job.get("statusReason", ""), (job.get("container") or {}).get("reason", "")
    return "; ".join(dict.fromkeys(text for text in (own, of_container) if text))


def exit_code(job: Record) -> int | None:
    """The exit code of the job's container, once it has one."""
    code: int | None = (job.get("container") or {}).get("exitCode")
    return code


def seconds_in_state(job: Record, now: datetime) -> int | None:
    """How long the job has been in its state.

    Batch does not say when a job became PENDING, RUNNABLE or STARTING: for these it is the time since its submission.
    """
    moment = {"RUNNING": "startedAt", "SUCCEEDED": "stoppedAt", "FAILED": "stoppedAt"}.get(job["status"], "createdAt")
    since = job.get(moment) or job.get("createdAt")
    return None if since is None else max(0, int(now.timestamp() - since / 1000))


def time(job: Record, moment: str) -> str | None:
    """A moment of a job, `createdAt` for example, as ISO 8601 in UTC."""
    since = job.get(moment)
    return datetime.fromtimestamp(since / 1000, UTC).isoformat(timespec="seconds") if since else None


def duration(seconds: int | None) -> str:
    """A time span in its two largest units: `42s`, `3m 5s`, `2h 7m`, `4d 1h`."""
    if seconds is None:
        return ""
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    first = next((index for index, (_, size) in enumerate(units) if seconds >= size), len(units) - 1)
    shown, rest = [], seconds
    for name, size in units[first : first + 2]:
        shown.append(f"{rest // size}{name}")
        rest %= size
    return " ".join(shown)


def resources(job: Record) -> dict[str, int]:
    """What a job's container asks for: `vcpus`, `memory` in MiB, `gpus`; each node of a multi-node job asks for it."""
    found = container(job)
    wanted = {item["type"]: int(float(item["value"])) for item in found.get("resourceRequirements", [])}
    return {
        "vcpus": found.get("vcpus") or wanted.get("VCPU", 0),
        "memory": found.get("memory") or wanted.get("MEMORY", 0),
        "gpus": wanted.get("GPU", 0),
    }


def variable(job: Record, name: str) -> str | None:
    """The value of a variable that the job was submitted with."""
    found = container(job).get("environment", [])
    return next((item.get("value") for item in found if item["name"] == name), None)


def outside(asked: str, parent: Record) -> str:
    """What is wrong with the id of a child or node that Batch does not know, though it knows the job."""
    identity, separator = parent["jobId"], asked[len(parent["jobId"])]
    consists = parts(parent)
    if not consists:
        return f"the job {identity} has no children and no nodes; leave {asked.removeprefix(identity)} out"
    first, *_, last = children(parent)
    kind, sign = ("is an", ":") if array_size(parent) else ("has", "#")
    hint = "" if separator == sign else f", with {sign}"
    return f"there is no job {asked}: {identity} {kind} {consists}; write {first} to {last}{hint}"
