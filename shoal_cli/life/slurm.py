"""The Slurm chapter of the story: nodes come with a job and go when there is nothing to do.

Where instances boot (`GET /_shoal/instances`), a user submits a job on the head node. Elsewhere stand-ins act for the
nodes, on a Slurm without jobs: a node comes because the configuration wants it, and goes when the fleet is stopped.
"""

from __future__ import annotations

import copy
import datetime
import re
import time
from typing import TYPE_CHECKING, Any, cast

from embedded_aws import process
from embedded_aws.instances import inside
from shoal_cli.life import surroundings
from shoal_cli.life.report import SlurmRun, Step

if TYPE_CHECKING:
    from shoal_cli.life.story import Story

CLUSTER = "demo-slurm"
EXAMPLE = process.ROOT / "examples/slurm-small.yaml"
USER = "admin"
"""The default user of Debian's AMI."""
NODES = 2
SUBMIT = f"sbatch --parsable --nodes={NODES} --output=hello.out --wrap 'srun --label hostname'"
SECONDS = 180.0
"""Longest that nodes may take to come or to go."""
PAUSE = 0.5
_WELL = "COMPLETED"
_ENDED = (_WELL, "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")


def tell(story: Story, subnet: str) -> None:
    """Create a Slurm cluster, use it, change it, stop and start its fleet, and delete it."""
    configuration = surroundings.configuration(EXAMPLE, subnet)
    named = {"clusterName": CLUSTER}
    create = {"operation": "create", **named, "clusterConfiguration": configuration}
    if story.operate("create (Slurm)", create, "CREATE_COMPLETE"):
        use = _use if _head(story.server) else _use_stand_ins
        story.report.slurm = use(story, configuration)
    story.operate("delete (Slurm)", {"operation": "delete", **named}, "DELETE_COMPLETE")


def _use(story: Story, configuration: dict[str, Any]) -> SlurmRun:
    job, joined = _run_job(story), _nodes(story)
    changed = copy.deepcopy(configuration)
    changed["Scheduling"]["SlurmSettings"] = {"ScaledownIdletime": 0}
    _update(story, "update (Slurm): idle nodes end at once", changed)
    story.do("scale in", lambda: _wait_until_gone(story))
    _stop_and_start(story)
    left = joined - _nodes(story)
    if job.get("JobState") != _WELL:
        return SlurmRun(0, joined, left, None)
    return SlurmRun(1, joined, left, _between(job["SubmitTime"], job["StartTime"]))


def _use_stand_ins(story: Story, configuration: dict[str, Any]) -> SlurmRun:
    why = cast(dict[str, str], story.server.call("GET", "/_shoal/instances"))["whyNone"]
    story.report.remarks.append(
        f"no instance boots ({why}): stand-ins acted for the Slurm cluster's nodes, without jobs"
    )
    changed = copy.deepcopy(configuration)
    changed["Scheduling"]["SlurmQueues"][0]["ComputeResources"][0]["MinCount"] = 1
    _update(story, "update (Slurm): a node that is always there", changed)
    joined = _nodes(story)
    story.operate("stop (Slurm)", {"operation": "stop", "clusterName": CLUSTER}, "done")
    return SlurmRun(0, joined, joined - _nodes(story), None)


def _update(story: Story, label: str, configuration: dict[str, Any]) -> None:
    update = {"operation": "update", "clusterName": CLUSTER, "clusterConfiguration": configuration}
    story.operate(label, update, "UPDATE_COMPLETE")


def _stop_and_start(story: Story) -> None:
    for operation in ("stop", "start"):
        story.operate(f"{operation} (Slurm)", {"operation": operation, "clusterName": CLUSTER}, "done")


def _run_job(story: Story) -> dict[str, str]:
    """Run the job as a user who has logged in to the head node; what Slurm says of it afterwards."""
    began, found = time.monotonic(), dict[str, str]()
    number = _on_head(story, SUBMIT).strip()
    while found.get("JobState") not in _ENDED and time.monotonic() < began + SECONDS:
        time.sleep(PAUSE)
        found.update(re.findall(r"(\S+?)=(\S+)", _on_head(story, f"scontrol --oneliner show job {number}")))
    for line in _on_head(story, "cat hello.out").splitlines():
        story.console.print(f"    {line}", highlight=False, markup=False)
    state, where = found.get("JobState", "not found"), f"ran on {found.get('NodeList')}"
    story.note(Step(f"a job on {NODES} nodes (Slurm)", _WELL, state, time.monotonic() - began, where))
    return found


def _wait_until_gone(story: Story) -> str:
    until = time.monotonic() + SECONDS
    while (left := _nodes(story)) and time.monotonic() < until:
        time.sleep(PAUSE)
    return f"{left} nodes are left"


def _nodes(story: Story) -> int:
    """Instances of the cluster's groups that are alive."""
    alive = {"Name": "instance-state-name", "Values": ["pending", "running"]}
    of_cluster = [{"Name": "tag:shoal:cluster", "Values": [CLUSTER]}, {"Name": "tag-key", "Values": [_GROUP]}]
    found = story.application.client("ec2").describe_instances(Filters=[alive, *of_cluster])["Reservations"]
    return sum(len(reservation["Instances"]) for reservation in found)


_GROUP = "aws:autoscaling:groupName"


def _on_head(story: Story, command: str) -> str:
    leader = _head(story.server)
    return inside.run(leader, command, user=USER).stdout if leader else ""


def _head(server: process.Server) -> int | None:
    """The service manager of the head node, the only instance that boots before there is a job."""
    shown = cast(dict[str, list[dict[str, Any]]], server.call("GET", "/_shoal/instances"))["instances"]
    return shown[0]["leader"] if shown else None


def _between(earlier: str, later: str) -> float:
    moments = [datetime.datetime.fromisoformat(moment) for moment in (earlier, later)]
    return (moments[1] - moments[0]).total_seconds()
