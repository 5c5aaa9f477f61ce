"""Does real Slurm get the nodes that its jobs need, and lose those that idle, whatever happens meanwhile?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shoal_node.fleet import ComputeResource
from tests.slurm.rig import Post, Rig, cluster, doubled_and_reordered, faithful, lost
from tests.slurm.scheduler import hardware
from tests.support.fleet_account import compute_resource
from tests.support.polling import until

SECONDS = 120
MANY = 20


def resource(name: str = "small", **fields: Any) -> ComputeResource:
    """Nodes that are what a slurmd finds on this machine."""
    cpus, memory = hardware()
    return compute_resource(name, **{"cpus": cpus, "memory": memory, **fields})


def finish(rig: Rig, job: str) -> None:
    until(lambda: rig.slurm.finished(job), SECONDS, f"job {job}")


def run_until_released(folder: Path, script: str = "srun hostname") -> str:
    """A script of a job that waits until the test makes a file, the first time that it runs."""
    return (
        f"test -e {folder}/ran || {{ touch {folder}/ran; while ! test -e {folder}/go; do sleep 0.2; done; }}\n{script}"
    )


@pytest.mark.parametrize("post", [faithful, lost, doubled_and_reordered])
def test_a_job_on_two_nodes_gets_them_runs_and_lets_them_go(folder: Path, post: Post) -> None:
    with cluster(folder, (resource(),), post) as rig:
        job = rig.slurm.submit("--nodes=2", "--exclusive")
        finish(rig, job)
        assert len(set((folder / f"job-{job}.out").read_text().split())) == 2
        until(lambda: rig.settled(0), SECONDS, "scaling in")
        assert rig.account.group()["DesiredCapacity"] == 0


def test_an_array_and_a_job_of_another_queue_get_nodes_of_their_own(folder: Path) -> None:
    with cluster(folder, (resource(max_count=3), resource("other", queue="other", max_count=1))) as rig:
        array = rig.slurm.submit("--array=1-3", "--exclusive")
        other = rig.slurm.submit("--partition=other")
        finish(rig, array)
        finish(rig, other)
        until(lambda: rig.settled(0), SECONDS, "scaling in")


def test_a_job_that_no_node_can_do_starts_none_and_keeps_nobody_waiting(folder: Path) -> None:
    with cluster(folder, (resource(),)) as rig:
        impossible = rig.slurm.submit("--cpus-per-task=500")
        finish(rig, rig.slurm.submit())
        until(lambda: rig.settled(0), SECONDS, "scaling in")
        assert rig.slurm.state(impossible) == "PENDING"


def test_nodes_of_the_least_number_stay_when_they_idle(folder: Path) -> None:
    with cluster(folder, (resource(min_count=1, max_count=2),)) as rig:
        until(lambda: rig.settled(1), SECONDS, "the first node")
        job = rig.slurm.submit("--nodes=2", "--exclusive")
        finish(rig, job)
        until(lambda: rig.settled(1), SECONDS, "scaling in")
        assert rig.account.group()["DesiredCapacity"] == 1


def test_a_job_whose_instance_dies_is_done_on_another(folder: Path) -> None:
    with cluster(folder, (resource(max_count=2),)) as rig:
        job = rig.slurm.submit(script=run_until_released(folder))
        until((folder / "ran").exists, SECONDS, "the job's beginning")
        (dead,) = rig.account.instances()
        rig.kill(dead)
        finish(rig, job)
        assert "Restarts=1" in rig.slurm.run("scontrol", "--oneliner", "show", "job", job)
        until(lambda: rig.settled(0), SECONDS, "scaling in")
        assert dead not in rig.account.states()


def test_a_spot_node_that_aws_takes_away_gives_its_job_to_another(folder: Path) -> None:
    with cluster(folder, (resource(max_count=2),)) as rig:
        job = rig.slurm.submit(script=run_until_released(folder))
        until((folder / "ran").exists, SECONDS, "the job's beginning")
        rig.leaving.update(rig.account.instances())
        finish(rig, job)
        assert rig.leaving.isdisjoint(rig.machines)
        until(lambda: rig.settled(0), SECONDS, "scaling in")


def test_slurm_may_be_restarted_while_a_job_runs(folder: Path) -> None:
    """A step that such a job starts later is another matter: docs/slurm.md, "What is not there yet"."""
    with cluster(folder, (resource(max_count=2),)) as rig:
        job = rig.slurm.submit(script=run_until_released(folder, "hostname"))
        until((folder / "ran").exists, SECONDS, "the job's beginning")
        before = rig.account.instances()
        rig.slurm.stop()
        until(lambda: "away" in str(rig.account.item("status#head").get("slurm")), SECONDS, "somebody to see it")
        assert rig.account.instances() == before
        rig.slurm.start()
        assert rig.slurm.state(job) == "RUNNING"
        (folder / "go").touch()
        finish(rig, job)
        finish(rig, rig.slurm.submit("--nodes=2", "--exclusive"))
        until(lambda: rig.settled(0), SECONDS, "scaling in")


def test_the_daemons_of_the_head_may_be_restarted_and_the_table_emptied(folder: Path) -> None:
    with cluster(folder, (resource(max_count=2),)) as rig:
        job = rig.slurm.submit(script=run_until_released(folder))
        until((folder / "ran").exists, SECONDS, "the job's beginning")
        rig.stop_head()
        for instance in rig.account.states():
            rig.account.client("dynamodb").delete_item(TableName="nodes", Key={"pk": {"S": f"node#{instance}"}})
        rig.start_head()
        until(lambda: rig.settled(1), SECONDS, "the table to be filled")
        assert rig.slurm.state(job) == "RUNNING"
        (folder / "go").touch()
        finish(rig, job)
        until(lambda: rig.settled(0), SECONDS, "scaling in")


def test_many_nodes_join_and_leave_at_once(folder: Path) -> None:
    # The first to join idle until the last has: longer than a node may idle elsewhere in these tests.
    with cluster(folder, (resource(max_count=MANY),), idle_seconds=30) as rig:
        job = rig.slurm.submit(f"--nodes={MANY}", "--exclusive", script="srun true")
        finish(rig, job)
        until(lambda: rig.settled(0), 2 * SECONDS, "scaling in")
