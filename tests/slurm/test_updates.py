"""Do running nodes and jobs go on while the configuration changes, and do nodes wait for each other?"""

from __future__ import annotations

from pathlib import Path

from shoal_node.idle import AWAITED
from tests.slurm.conftest import MakeCluster
from tests.slurm.rig import resource
from tests.slurm.test_faults import until_released
from tests.support.polling import until

LONG = 3600
SOME_LOOKS = 8


def test_a_stopped_fleet_starts_nothing_until_it_is_started(make: MakeCluster) -> None:
    with make(resource()) as rig:
        rig.cloud.put("fleet", status="STOPPED")
        until(lambda: rig.cloud.published("fleet") == "STOPPED", 60, "the head node to know")
        job = rig.slurm.submit()
        until(lambda: "the fleet is stopped" in str(rig.cloud.published("jobs")), 60, "the reason to be published")
        assert rig.cloud.group()["DesiredCapacity"] == 0
        rig.cloud.put("fleet", status="RUNNING")
        rig.finish(job)


def test_a_shorter_idle_time_holds_for_nodes_that_run_already(make: MakeCluster) -> None:
    with make(resource(), idle_seconds=LONG) as rig:
        rig.finish(rig.slurm.submit(), nodes=1)
        rig.share(idle_seconds=2)
        rig.finish()


def test_nodes_of_a_compute_resource_that_is_removed_end_after_their_jobs(make: MakeCluster, folder: Path) -> None:
    kept = resource("kept")
    with make(kept, resource("gone", max_count=1), idle_seconds=LONG) as rig:
        job = rig.slurm.submit("--constraint=gone", script=until_released(folder, "hostname"))
        until((folder / "ran").exists, 60, "the job's beginning")
        rig.finish(nodes=1)
        rig.share(resources=(kept,))
        for daemon in rig.daemons.values():  # as `configure` does
            daemon.kill()
        until(lambda: "drain" in rig.slurm.run("sinfo", "--noheader", "--format=%T"), 60, "its node to be drained")
        assert rig.slurm.state(job) == "RUNNING"
        (folder / "go").touch()
        rig.finish(job)
        assert rig.slurm.restarts(job) == 0
        assert rig.cloud.group("gone")["DesiredCapacity"] == 0


def test_a_node_that_joins_early_waits_for_the_others_of_its_job(make: MakeCluster) -> None:
    with make(resource(), idle_seconds=1) as rig:
        rig.most = 1
        job = rig.slurm.submit("--nodes=2", "--exclusive")
        until(lambda: AWAITED in rig.slurm.run("scontrol", "show", "nodes"), 60, "the first node to be marked")
        (first,) = rig.machines
        about = rig.metadata.instances[rig.machines[first].computer.address]
        seen = about.looks
        until(lambda: about.looks >= seen + SOME_LOOKS, 60, "the first node to look again and again")
        assert list(rig.machines) == [first]
        assert "drain" not in rig.slurm.run("sinfo", "--noheader", "--format=%T")
        rig.most = None
        rig.finish(job)
