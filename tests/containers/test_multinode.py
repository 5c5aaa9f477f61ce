"""Do the nodes of a job find each other, run one MPI program, and end when one of them goes?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.containers.conftest import Cluster
from tests.support import mpi_ring
from tests.support.cluster_jobs import ClusterJobs
from tests.support.front_door import FrontDoor

PARALLELCLUSTER = """
if [[ "${AWS_BATCH_JOB_NODE_INDEX}" -eq "${AWS_BATCH_JOB_MAIN_NODE_INDEX}" ]]; then
    mpirun --mca btl_tcp_if_include eth0 --allow-run-as-root --machinefile "${HOME}/hostfile" -np 2 hostname
else
    echo "only the main node runs this"
fi
"""
"""As the script that ParallelCluster's documentation shows."""


def printed(jobs: ClusterJobs, job: str) -> list[str]:
    """What the main node printed, but for what `mpirun` says when a child is faster than itself on a busy machine."""
    return [line for line in jobs.lines(f"{job}#0") if "plm:rsh: Warning: setpgid" not in line]


@pytest.fixture(scope="module")
def jobs(shoal: FrontDoor, cluster: Cluster) -> ClusterJobs:
    return ClusterJobs(shoal, cluster.name, cluster.queues[0])


@pytest.fixture(scope="module")
def ended(jobs: ClusterJobs) -> str:
    """A job of two nodes that has ended; its processes say where they ran."""
    script = "mpirun bash -c 'echo \"$OMPI_COMM_WORLD_RANK $AWS_BATCH_JOB_NODE_INDEX $GREETING\"'"
    job = jobs.submit_nodes(2, "bash", "-c", script, variables={"GREETING": "hello to all"})
    assert jobs.until_ended(job)["status"] == "SUCCEEDED", printed(jobs, job)
    return job


def test_a_program_on_three_nodes_says_three_host_names(jobs: ClusterJobs) -> None:
    job = jobs.submit_nodes(3, "mpirun", "hostname")

    assert jobs.until_ended(job)["status"] == "SUCCEEDED", printed(jobs, job)
    assert len(set(printed(jobs, job))) == 3


def test_messages_go_between_nodes_without_a_warning(jobs: ClusterJobs) -> None:
    program = Path(mpi_ring.__file__).read_text()
    url = jobs.put("job-ring", launch_sh="mpirun -np 4 python3 ring.py", ring_py=program)
    job = jobs.submit_nodes(3, "false", vcpus=2, variables={"SHOAL_JOB_S3_URL": url})

    assert jobs.until_ended(job)["status"] == "SUCCEEDED", printed(jobs, job)
    lines = sorted(printed(jobs, job))
    assert [line.split()[:2] for line in lines] == [["rank", f"{rank}/4"] for rank in range(4)]
    assert {line.split()[-1] for line in lines} == {"arrived"}
    assert len({line.split()[3] for line in lines}) == 2


def test_a_program_on_another_node_has_that_nodes_variables(jobs: ClusterJobs, ended: str) -> None:
    assert sorted(printed(jobs, ended)) == ["0 0 hello to all", "1 1 hello to all"]


def test_a_script_for_parallelcluster_runs_as_it_is(jobs: ClusterJobs) -> None:
    job = jobs.submit_nodes(2, "bash", "-c", PARALLELCLUSTER)

    assert jobs.until_ended(job)["status"] == "SUCCEEDED", printed(jobs, job)
    assert len(set(printed(jobs, job))) == 2


def test_the_log_of_another_node_says_where_the_output_is(jobs: ClusterJobs, ended: str) -> None:
    (line,) = jobs.lines(f"{ended}#1")
    assert line.endswith("serves the main node; the job's output is in that node's log")


def test_nothing_stays_where_the_nodes_met(jobs: ClusterJobs, ended: str) -> None:
    assert jobs.keys(f"rendezvous/{ended}") == []


def test_a_node_that_is_lost_ends_the_job_and_is_named(jobs: ClusterJobs) -> None:
    script = "mpirun bash -c '[ $AWS_BATCH_JOB_NODE_INDEX = 1 ] && kill -KILL -1; tail -f /dev/null'"
    job = jobs.submit_nodes(2, "bash", "-c", script)

    ended = jobs.until_ended(job)

    assert ended["status"] == "FAILED"
    assert jobs.job(f"{job}#0")["container"]["exitCode"] == 75
    last = printed(jobs, job)[-1]
    assert last.startswith("shoal-job: the job ended because node 1 (")
    assert last.endswith(") was lost while it ran")


def test_another_attempt_has_nodes_and_keys_of_its_own(jobs: ClusterJobs) -> None:
    script = "cut -d' ' -f2 ~/.ssh/shoal_key.pub; [ $AWS_BATCH_JOB_ATTEMPT = 2 ] && mpirun hostname"
    job = jobs.submit_nodes(2, "bash", "-c", script, retryStrategy={"attempts": 2})

    ended = jobs.until_ended(job)

    assert ended["status"] == "SUCCEEDED"
    assert len(ended["attempts"]) == 2
    key, *hosts = printed(jobs, job)
    assert len(set(hosts)) == 2
    assert jobs.lines(f"{job}#0", attempt=1) not in ([], [key])


def test_a_node_that_cannot_start_is_named_by_the_main_one(jobs: ClusterJobs) -> None:
    variables = {"SHOAL_NODES_TIMEOUT": "0"}
    job = jobs.submit_nodes(2, "true", variables=variables)

    assert jobs.until_ended(job)["status"] == "FAILED"
    (line,) = printed(jobs, job)
    assert line.startswith("shoal-job: node 1 of 2 did not appear within 0 s")
