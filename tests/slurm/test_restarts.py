"""Do jobs finish, and do all agree, whatever is killed, restarted or forgotten meanwhile?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slurm.conftest import MakeCluster
from tests.slurm.rig import resource
from tests.slurm.test_faults import until_released
from tests.support.polling import until

STEPS = 20
"""The longest life of a daemon that is killed at every step; the steps of one look with something to do are fewer."""


def dying(life: int) -> list[str]:
    """The program of a daemon's life: it is killed at the first step, in the next life at the second, and so on, before
    and after that is done by turns, the other way round in a second series of lives; then it may live.
    """
    if life > 2 * STEPS:
        return ["shoal_node"]
    series, step = divmod(life - 1, STEPS)
    return ["tests.slurm.dying", str(step + 1), "BEFORE" if (series + step) % 2 else "AFTER"]


@pytest.mark.parametrize("name", ["sqswatcher", "jobwatcher"])
def test_a_daemon_of_the_head_node_may_be_killed_at_every_step(make: MakeCluster, name: str) -> None:
    with make(resource(), sweep="1") as rig:
        daemon = rig.daemons[name]
        daemon.program = dying
        daemon.kill()
        first = rig.slurm.submit("--nodes=2", "--exclusive")
        until(lambda: daemon.lives > STEPS, 240, "every step")
        second = rig.slurm.submit("--nodes=2", "--exclusive")
        until(lambda: daemon.lives > 2 * STEPS, 240, "every step once more")
        rig.finish(first, second)


def test_the_daemon_of_a_compute_node_may_be_killed_at_every_step(make: MakeCluster) -> None:
    with make(resource(), idle_seconds=0) as rig:
        rig.program = dying
        rig.finish(rig.slurm.submit("--nodes=2", "--exclusive"))


def test_the_head_node_may_be_rebooted_under_a_job(make: MakeCluster, folder: Path) -> None:
    with make(resource(max_count=2)) as rig:
        job = rig.slurm.submit(script=until_released(folder))
        until((folder / "ran").exists, 60, "the job's beginning")
        rig.slurm.submit("--hold")
        last = (folder / "job.sh").stat().st_mtime
        until(lambda: rig.slurm.has_saved(last), 60, "slurmctld to write its jobs down")
        rig.finish(nodes=1)
        before = rig.cloud.instances()
        rig.reboot_head()
        rig.await_nodes()
        assert rig.slurm.state(job) == "RUNNING"
        (folder / "go").touch()
        rig.finish(job, rig.slurm.submit("--nodes=2", "--exclusive"))
        assert rig.slurm.restarts(job) == 0
        assert not set(before) & set(rig.cloud.instances())


def test_slurm_may_be_restarted_under_a_job_that_goes_on_with_steps_on_all_its_nodes(
    make: MakeCluster, folder: Path
) -> None:
    with make(resource(max_count=2)) as rig:
        job = rig.slurm.submit("--nodes=2", "--exclusive", script=until_released(folder))
        until((folder / "ran").exists, 60, "the job's beginning")
        rig.finish(nodes=2)
        before = rig.cloud.instances()
        rig.slurm.stop()
        until(lambda: str(rig.cloud.published("slurm")).startswith("away"), 60, "somebody to see it")
        assert rig.cloud.instances() == before
        rig.slurm.start()
        rig.await_nodes()
        assert rig.slurm.state(job) == "RUNNING"
        (folder / "go").touch()
        rig.finish(job)
        assert len(set(rig.slurm.output(job).split())) == 2


def test_the_table_may_be_emptied(make: MakeCluster, folder: Path) -> None:
    with make(resource(max_count=2)) as rig:
        job = rig.slurm.submit(script=until_released(folder))
        until((folder / "ran").exists, 60, "the job's beginning")
        rig.finish(nodes=1)
        rig.cloud.forget("status#head")
        for instance in rig.cloud.states():
            rig.cloud.forget(f"node#{instance}")
        until(lambda: rig.cloud.published("queues"), 60, "the head node to publish everything again")
        rig.finish(nodes=1)
        (folder / "go").touch()
        rig.finish(job)
        assert rig.slurm.restarts(job) == 0
