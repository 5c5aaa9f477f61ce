"""Does slurmctld take another configuration while jobs run, and does it outlive one that it cannot read?"""

from __future__ import annotations

import sys
from pathlib import Path

from shoal_node.fleet import Partition
from tests.slurm.conftest import MakeCluster
from tests.slurm.rig import Rig, resource
from tests.slurm.test_faults import until_released
from tests.support.polling import until

READ_LIVE = "READ\n"
LONG = 3600
MAIN, MORE = Partition("main", is_default=True), Partition("more")


def configure(rig: Rig, *retired: str) -> str:
    """Give slurmctld the shared fleet's configuration; what changed, or what is wrong with it."""
    told = rig.head.run(sys.executable, "-m", "tests.slurm.configuring", *retired)
    return told.stdout if told.returncode == 0 else told.stderr.splitlines()[-1]


def test_a_queue_is_added_while_a_job_runs_and_the_job_goes_on(make: MakeCluster, folder: Path) -> None:
    small = resource("small", max_count=1)
    with make(small, idle_seconds=LONG) as rig:
        job = rig.slurm.submit(script=until_released(folder, "srun hostname"))
        until((folder / "ran").exists, 60, "the job's beginning")
        rig.share(queues=(MAIN, MORE))
        assert configure(rig) == READ_LIVE
        assert "more" in rig.slurm.run("sinfo", "--noheader", "--format=%R")
        assert rig.slurm.state(job) == "RUNNING"
        (folder / "go").touch()
        until(lambda: rig.slurm.finished(job), 60, "the job's end")
        assert rig.slurm.restarts(job) == 0


def test_a_removed_queue_keeps_its_job_takes_no_other_and_goes_when_it_is_empty(
    make: MakeCluster, folder: Path
) -> None:
    with make(resource("small", max_count=1), idle_seconds=LONG) as rig:
        job = rig.slurm.submit(script=until_released(folder, "srun hostname"))
        until((folder / "ran").exists, 60, "the job's beginning")
        rig.share(queues=(MORE,))
        assert configure(rig, "main") == READ_LIVE
        assert rig.slurm.state(job) == "RUNNING"
        assert rig.head.run("sbatch", "--partition=main", "--wrap=true").returncode != 0
        (folder / "go").touch()
        until(lambda: rig.slurm.finished(job), 60, "the job's end")
        assert configure(rig) == READ_LIVE
        assert rig.slurm.run("sinfo", "--noheader", "--format=%R").split() == ["more"]
        assert "is UP" in rig.slurm.run("scontrol", "ping")


def test_a_setting_that_slurm_cannot_read_is_named_and_changes_nothing(make: MakeCluster) -> None:
    with make(resource("small", max_count=1), idle_seconds=LONG) as rig:
        before = rig.head.path("/etc/slurm/slurm.conf").read_text()
        rig.share(custom_settings=("SlurmdTimout=60",))
        assert "unrecognized key: SlurmdTimout" in configure(rig)
        assert rig.head.path("/etc/slurm/slurm.conf").read_text() == before
        assert "is UP" in rig.slurm.run("scontrol", "ping")


def test_more_and_fewer_nodes_can_come_after_an_update(make: MakeCluster) -> None:
    with make(resource("small", max_count=2), idle_seconds=LONG) as rig:
        assert configure(rig) == READ_LIVE
        for count in (4, 1):
            rig.share(resources=(resource("small", max_count=count),))
            assert configure(rig) == "NOTHING\n"
            told = rig.slurm.run("scontrol", "--oneliner", "show", "nodes", "--future")
            assert told.count("State=FUTURE") == count
