"""Is what Batch says of jobs read right, in summaries and descriptions, of arrays, nodes and plain jobs?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shoal_cli.jobs import records

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MILLISECONDS = int(NOW.timestamp() * 1000)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (0, "0s"),
        (59, "59s"),
        (60, "1m 0s"),
        (3_599, "59m 59s"),
        (3_600, "1h 0m"),
        (86_399, "23h 59m"),
        (86_400, "1d 0h"),
        (10 * 86_400 + 3_600, "10d 1h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: int | None, shown: str) -> None:
    assert records.duration(seconds) == shown


@pytest.mark.parametrize(
    ("status", "seconds"), [("RUNNABLE", 300), ("STARTING", 300), ("RUNNING", 200), ("SUCCEEDED", 100), ("FAILED", 100)]
)
def test_the_time_in_a_state_begins_where_batch_says_it_does(status: str, seconds: int) -> None:
    moments = {"createdAt": 300, "startedAt": 200, "stoppedAt": 100}
    job = {"status": status, **{name: MILLISECONDS - ago * 1000 for name, ago in moments.items()}}
    assert records.seconds_in_state(job, NOW) == seconds


def test_a_job_that_failed_before_it_started_has_the_time_since_its_submission() -> None:
    assert records.seconds_in_state({"status": "FAILED", "createdAt": MILLISECONDS - 5000}, NOW) == 5
    assert records.seconds_in_state({"status": "FAILED"}, NOW) is None


ARRAY = {"jobId": "a", "arrayProperties": {"size": 3}}
CHILD = {"jobId": "a:2", "arrayProperties": {"index": 2}}
NODES = {"jobId": "n", "nodeProperties": {"numNodes": 2, "mainNode": 0}}
NODE = {"jobId": "n#0", "nodeProperties": {"numNodes": 2, "nodeIndex": 0, "isMainNode": True}}
DESCRIBED_NODE = {"jobId": "n#1", "nodeDetails": {"nodeIndex": 1, "isMainNode": False}}
PLAIN: dict[str, Any] = {"jobId": "p", "arrayProperties": {}, "nodeProperties": {}}


@pytest.mark.parametrize(
    ("job", "parts", "children"),
    [
        (ARRAY, "array of 3", ["a:0", "a:1", "a:2"]),
        (CHILD, "", []),
        (NODES, "2 nodes", ["n#0", "n#1"]),
        (NODE, "", []),
        (DESCRIBED_NODE, "", []),
        (PLAIN, "", []),
    ],
)
def test_arrays_and_multi_node_jobs_have_parts_and_their_children_have_none(
    job: dict[str, Any], parts: str, children: list[str]
) -> None:
    assert (records.parts(job), records.children(job)) == (parts, children)


def test_the_main_node_is_known_in_summaries_and_descriptions() -> None:
    assert [records.is_main_node(job) for job in (NODE, DESCRIBED_NODE, PLAIN)] == [True, False, False]


def test_all_reasons_are_told_once() -> None:
    job = {"statusReason": "Essential container in task exited", "container": {"reason": "OutOfMemoryError: killed"}}
    assert records.reason(job) == "Essential container in task exited; OutOfMemoryError: killed"
    assert records.reason({"statusReason": "x", "container": {"reason": "x"}}) == "x"
    assert records.reason({"status": "RUNNABLE"}) == ""


def test_resources_are_found_in_old_fields_and_new_ones_and_in_nodes() -> None:
    new = [{"type": "VCPU", "value": "4"}, {"type": "MEMORY", "value": "64"}, {"type": "GPU", "value": "1"}]
    nodes = {"nodeRangeProperties": [{"container": {"vcpus": 2, "memory": 128}}], "numNodes": 2}
    assert records.resources({"container": {"resourceRequirements": new}}) == {"vcpus": 4, "memory": 64, "gpus": 1}
    assert records.resources({"nodeProperties": nodes}) == {"vcpus": 2, "memory": 128, "gpus": 0}


def test_a_variable_of_the_job_is_found() -> None:
    job = {"container": {"environment": [{"name": "A", "value": "1"}]}}
    assert (records.variable(job, "A"), records.variable(job, "B")) == ("1", None)


JOB_ID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(
    ("asked", "parent", "problem"),
    [
        (f"{JOB_ID}:3", {}, f"the job {JOB_ID} has no children and no nodes; leave :3 out"),
        (f"{JOB_ID}:3", {"arrayProperties": {"size": 3}}, f"is an array of 3; write {JOB_ID}:0 to {JOB_ID}:2"),
        (f"{JOB_ID}#1", {"arrayProperties": {"size": 3}}, f"{JOB_ID}:0 to {JOB_ID}:2, with :"),
        (f"{JOB_ID}:1", {"nodeProperties": {"numNodes": 2}}, f"has 2 nodes; write {JOB_ID}#0 to {JOB_ID}#1, with #"),
    ],
)
def test_a_child_or_node_that_is_not_there_is_told_with_those_that_are(
    asked: str, parent: dict[str, Any], problem: str
) -> None:
    assert problem in records.outside(asked, {"jobId": JOB_ID, **parent})
