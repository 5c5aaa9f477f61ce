"""What do Batch's variables say of a job?"""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.image.context.shoal_job.job import read_job
from shoal.image.context.shoal_job.problems import JobError

NODE = {
    "HOME": "/var/lib/job",
    "AWS_BATCH_JOB_ID": "6f6d#2",
    "AWS_BATCH_JOB_ATTEMPT": "3",
    "AWS_BATCH_JOB_NUM_NODES": "4",
    "AWS_BATCH_JOB_NODE_INDEX": "2",
    "AWS_BATCH_JOB_MAIN_NODE_INDEX": "1",
    "SHOAL_JOBS_S3_URL": "s3://bucket/jobs",
}


def test_a_job_of_one_node_needs_no_place_to_meet() -> None:
    job = read_job({"HOME": "/var/lib/job", "AWS_BATCH_JOB_ID": "6f6d"})
    assert (job.nodes, job.is_main, job.meeting) == (1, True, "")


def test_every_node_of_a_job_has_the_same_folder() -> None:
    assert read_job(NODE).folder == Path("/var/lib/job/6f6d")


def test_a_node_knows_whether_it_is_the_main_one_and_who_the_others_are() -> None:
    assert not read_job(NODE).is_main
    assert read_job(NODE | {"AWS_BATCH_JOB_NODE_INDEX": "1"}).is_main
    assert read_job(NODE).children == [0, 2, 3]


def test_each_attempt_has_a_place_of_its_own_to_meet() -> None:
    assert read_job(NODE).meeting == "s3://bucket/jobs/rendezvous/6f6d/3/"


def test_nodes_wait_ten_minutes_unless_told_otherwise() -> None:
    assert read_job(NODE).patience == 600
    assert read_job(NODE | {"SHOAL_NODES_TIMEOUT": "30"}).patience == 30


@pytest.mark.parametrize("name", ["HOME", "AWS_BATCH_JOB_NODE_INDEX", "SHOAL_JOBS_S3_URL"])
def test_a_variable_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(JobError, match=f"the variable {name} is missing; submit with a job definition") as caught:
        read_job({key: value for key, value in NODE.items() if key != name})
    assert caught.value.code == 78


@pytest.mark.parametrize("value", ["soon", "-1", "1.5"])
def test_a_time_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(JobError, match=f"SHOAL_NODES_TIMEOUT is '{value}'; write a whole number"):
        read_job(NODE | {"SHOAL_NODES_TIMEOUT": value})
