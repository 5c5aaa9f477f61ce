"""Does the image that Shoal's own buildspec built start jobs as it should, under the rights of the jobs' role?"""

from __future__ import annotations

import pytest

from tests.containers.conftest import Cluster
from tests.support.cluster_jobs import PATIENCE, ClusterJobs
from tests.support.front_door import FrontDoor
from tests.support.polling import until


@pytest.fixture
def jobs(shoal: FrontDoor, cluster: Cluster) -> ClusterJobs:
    return ClusterJobs(shoal, cluster.name, cluster.queues[0])


def run(jobs: ClusterJobs, script: str, vcpus: int = 1, **variables: str) -> tuple[int, list[str]]:
    """A job's exit code and lines."""
    job = jobs.submit("bash", "-c", script, vcpus=vcpus, variables=variables)
    return jobs.until_ended(job)["container"]["exitCode"], jobs.lines(job)


def test_a_job_fetches_its_files_and_runs_its_launcher_as_the_job_user(jobs: ClusterJobs) -> None:
    url = jobs.put("job-fetch", launch_sh='echo "$(id -un) has $(cat input.txt)"; exit 3', input_txt="42")

    found = run(jobs, "echo fallback", SHOAL_JOB_S3_URL=url)

    assert found == (3, ["job has 42"])


def test_the_command_that_aws_batch_client_submits_runs(jobs: ClusterJobs) -> None:
    url = jobs.put("batch/job-key", run_sh="echo $1 in ${PWD##*/}")
    script = (
        "mkdir -p job-${AWS_BATCH_JOB_ID} && cd job-${AWS_BATCH_JOB_ID} && "
        f"aws s3 --region us-east-1 sync {url} . >/dev/null && chmod +x run.sh && ./run.sh hello"
    )
    job = jobs.submit("/bin/bash", "-c", script)

    assert jobs.until_ended(job)["status"] == "SUCCEEDED"
    assert jobs.lines(job) == [f"hello in job-{job}"]


def test_files_that_are_another_clusters_end_the_job_in_one_line(jobs: ClusterJobs) -> None:
    url = "s3://shoal-another-726f9024/jobs/key/"
    code, lines = run(jobs, "echo fallback", SHOAL_JOB_S3_URL=url)

    assert code == 66
    assert len(lines) == 1
    assert lines[0].startswith(f"shoal-job: {url} cannot be read: ")


def test_no_key_is_in_the_image(jobs: ClusterJobs) -> None:
    script = "find / -xdev \\( -name 'ssh_host_*' -o -name 'id_*' -o -name '*_key' \\) -type f 2>/dev/null; echo looked"

    assert run(jobs, script) == (0, ["looked"])


def test_a_job_may_write_to_the_bucket_only_where_nodes_meet(jobs: ClusterJobs) -> None:
    target = f"s3://{jobs.bucket}/{jobs.root}"
    script = (
        f"for key in {target}/rendezvous/x {target}/x s3://{jobs.bucket}/build/x; do "
        'echo text | aws s3 cp - $key 2>/dev/null; echo "${key##*//*/} $?"; done; '
        f"aws s3 rm --quiet {target}/rendezvous/x; aws s3 ls s3://{jobs.bucket}/build/ 2>/dev/null; echo $?"
    )
    code, lines = run(jobs, script)

    assert code == 0
    assert lines[0].endswith(" 0")
    assert [line.split()[-1] for line in lines[1:]] == ["1", "1", "254"]


def test_open_mpi_starts_a_process_for_each_vcpu_and_more_when_asked(jobs: ClusterJobs) -> None:
    _, lines = run(jobs, "mpirun hostname; echo more; mpirun -np 3 hostname", vcpus=2)

    assert lines.index("more") == 2
    assert len(lines) == 6
    assert len(set(lines) - {"more"}) == 1


def test_a_job_that_is_ended_hears_of_it(jobs: ClusterJobs) -> None:
    script = "trap 'echo ending; exit 5' TERM; echo ready; tail -f /dev/null & wait"
    job = jobs.submit("bash", "-c", script)
    until(lambda: jobs.lines(job) == ["ready"], PATIENCE, "the job's first line")

    jobs.batch.terminate_job(jobId=job, reason="a test")

    assert jobs.until_ended(job)["container"]["exitCode"] == 5
    assert jobs.lines(job) == ["ready", "ending"]
