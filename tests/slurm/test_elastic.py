"""Does real Slurm get the nodes that its jobs need, and lose those that idle?"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.slurm.conftest import MakeCluster
from tests.slurm.post import Policy, delayed, doubled_and_reordered, faithful, lost
from tests.slurm.rig import SWEEP, resource
from tests.slurm.scheduler import hardware
from tests.support.polling import until

SELDOM = "60"
"""How often sqswatcher looks at every node by itself; in such a test it is the messages that do it."""
MANY = 100
AS_ROOT = (
    "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
    "OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=eth0 OMPI_MCA_hwloc_base_binding_policy=none"
)


@pytest.mark.parametrize(
    ("policy", "sweep"), [(faithful, SELDOM), (lost, SWEEP), (doubled_and_reordered, SWEEP), (delayed, SWEEP)]
)
def test_a_job_on_two_nodes_gets_them_runs_and_lets_them_go(make: MakeCluster, policy: Policy, sweep: str) -> None:
    with make(resource(), policy=policy, sweep=sweep) as rig:
        job = rig.slurm.submit("--nodes=2", "--exclusive")
        rig.finish(job)
        assert len(set(rig.slurm.output(job).split())) == 2


def test_arrays_and_jobs_of_another_queue_get_nodes_of_their_own(make: MakeCluster) -> None:
    with make(resource(max_count=3), resource("other", queue="other", max_count=1)) as rig:
        array = rig.slurm.submit("--array=1-3", "--exclusive")
        other = rig.slurm.submit("--partition=other", script="srun hostname; echo $SLURMD_NODENAME")
        until(lambda: len(rig.machines) == 4, 60, "a node for each task and one for the other queue")
        rig.finish(array, other)
        assert "other-other-10-9" in rig.slurm.output(other)


def test_nodes_of_the_least_number_are_there_and_stay_when_they_idle(make: MakeCluster) -> None:
    with make(resource(min_count=1, max_count=2)) as rig:
        rig.finish(nodes=1)
        rig.finish(rig.slurm.submit("--nodes=2", "--exclusive"), nodes=1)
        assert rig.cloud.group()["DesiredCapacity"] == 1


def test_only_jobs_that_nodes_help_start_some_each_of_the_kind_that_it_needs(make: MakeCluster) -> None:
    cpus, memory = hardware()
    big = resource("big", memory=memory, max_count=1)
    small = resource("small", memory=memory // 4, max_count=1)
    with make(small, big) as rig:
        never = rig.slurm.submit("--cpus-per-task=500")
        later = rig.slurm.submit("--begin=now+1hour")
        needs_memory = rig.slurm.submit(f"--mem={memory // 2}")
        named = rig.slurm.submit("--constraint=big", "--time=5", f"--cpus-per-task={cpus}")
        after = rig.slurm.submit(f"--dependency=afterok:{needs_memory}")
        held = rig.slurm.submit("--hold")
        rig.finish(needs_memory, named, after)
        assert {rig.slurm.state(job) for job in (never, later, held)} == {"PENDING"}
        told = {one["jobId"]: one["why"] for one in rig.cloud.published("jobs")["waiting"]}
        assert set(told) == {never, later, held}
        assert "it is held" in told[held]


@pytest.mark.parametrize("run", ["mpirun", "srun --mpi=pmix"])
def test_a_compiled_mpi_program_runs_over_two_nodes(make: MakeCluster, folder: Path, run: str) -> None:
    source = Path(__file__).with_name("ring.c")
    subprocess.run(["mpicc", "-o", str(folder / "ring"), str(source)], check=True)
    with make(resource()) as rig:
        job = rig.slurm.submit("--nodes=2", "--ntasks-per-node=2", "--exclusive", script=f"{AS_ROOT}\n{run} ./ring")
        rig.finish(job)
        lines = rig.slurm.output(job).splitlines()
        assert "sum 6 of 4" in lines
        assert len({line for line in lines if line.startswith("on ")}) == 2


def test_a_hundred_nodes_join_and_leave_at_once(make: MakeCluster) -> None:
    with make(resource(max_count=MANY), sweep=SELDOM, look="10", idle_seconds=60, settings=()) as rig:
        rig.finish(rig.slurm.submit(f"--nodes={MANY}", "--exclusive", script="srun true"))
