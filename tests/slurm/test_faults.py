"""Do jobs finish, and do all agree, when instances die, cannot be had, or do not become nodes?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shoal_node.notices import Kind, node_message
from tests.slurm.conftest import MakeCluster
from tests.slurm.rig import resource
from tests.support.polling import until


def until_released(folder: Path, script: str = "srun hostname") -> str:
    """A script of a job that waits until the test makes a file, the first time that it runs."""
    first = f"test -e {folder}/ran || {{ touch {folder}/ran; while ! test -e {folder}/go; do sleep 0.2; done; }}"
    return f"{first}\n{script}"


def test_a_job_whose_instance_dies_is_done_on_another(make: MakeCluster, folder: Path) -> None:
    with make(resource(max_count=2)) as rig:
        job = rig.slurm.submit(script=until_released(folder))
        until((folder / "ran").exists, 60, "the job's beginning")
        (dead,) = rig.cloud.instances()
        rig.kill(dead)
        rig.finish(job)
        assert rig.slurm.restarts(job) == 1
        assert dead not in rig.cloud.states()


@pytest.mark.parametrize("warning", ["spot/instance-action", "events/recommendations/rebalance"])
def test_a_node_that_aws_takes_away_gives_its_job_to_another(make: MakeCluster, folder: Path, warning: str) -> None:
    with make(resource(max_count=2)) as rig:
        job = rig.slurm.submit(script=until_released(folder))
        until((folder / "ran").exists, 60, "the job's beginning")
        (leaving,) = rig.cloud.instances()
        rig.warn(leaving, warning)
        rig.finish(job)
        assert rig.slurm.restarts(job) == 1
        assert leaving not in rig.machines


@pytest.mark.parametrize("code", ["InsufficientInstanceCapacity", "VcpuLimitExceeded", "InvalidParameterValue"])
def test_where_nothing_can_be_launched_the_next_compute_resource_is_tried(make: MakeCluster, code: str) -> None:
    with make(resource(max_count=2), resource("large", max_count=2)) as rig:
        rig.cloud.fault("small", code)
        job = rig.slurm.submit("--nodes=2", "--exclusive", script="echo $SLURM_JOB_NODELIST")
        until(lambda: rig.slurm.finished(job), 60, f"job {job}")
        assert "main-large" in rig.slurm.output(job)
        refused = {one["computeResource"]: one["refused"] for one in rig.cloud.published("queues")["main"]}
        assert (bool(refused["small"]), refused["large"]) == (True, None)
        rig.cloud.fault("small", None)
        rig.finish(job)


def test_a_job_waits_out_a_lack_of_capacity_and_describe_says_so(make: MakeCluster) -> None:
    with make(resource(max_count=2)) as rig:
        rig.cloud.fault("small", "InsufficientInstanceCapacity")
        job = rig.slurm.submit()
        until(
            lambda: "do not have sufficient" in json.dumps(rig.cloud.published("jobs")),
            60,
            "the reason to be published",
        )
        rig.cloud.fault("small", None)
        rig.finish(job)


def test_instances_that_do_not_become_nodes_are_ended_and_say_why_and_another_kind_is_tried(make: MakeCluster) -> None:
    with make(resource(max_count=2), resource("large", max_count=2)) as rig:
        rig.broken.add("small")
        rig.finish(rig.slurm.submit())
        failure = rig.cloud.published("failures")[0]
        assert (failure["computeResource"], failure["log"][0]) == ("small", "mount.nfs4: access denied")
        assert "exit code 32" in failure["why"]


def test_messages_that_nobody_can_read_go_to_the_dead_letters_and_hold_up_none(make: MakeCluster) -> None:
    with make(resource()) as rig:
        unknown = node_message(Kind.READY, "i-0123456789abcdef0", "main", "small", [])
        for poison in ("no JSON", "{}", '{"Event": "autoscaling:NEW"}', '{"shoal": "COMPUTE_READY", "instanceId": 7}'):
            rig.cloud.send(poison)
        rig.cloud.send(unknown)
        rig.finish(rig.slurm.submit("--nodes=2", "--exclusive"))
        until(lambda: rig.cloud.waiting(rig.cloud.dead_letters) == 4, 60, "four dead letters")
        until(lambda: rig.cloud.waiting(rig.cloud.fleet.queue_url) == 0, 60, "an empty queue")
