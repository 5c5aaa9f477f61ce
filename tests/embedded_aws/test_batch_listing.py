"""Does ListJobs answer with the jobs that AWS would answer with?"""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.batch.job import RUNNING, SUCCEEDED, Job
from embedded_aws.batch.listing import chosen, page, refusal
from embedded_aws.batch.views import summary
from tests.support.jobs import array, job, multinode


def some() -> list[Job]:
    jobs = [job("Align-1"), job("align-2"), job("sort")]
    for number, one in enumerate(jobs):
        one.created_at = 1000 + number
    jobs[0].reach(RUNNING)
    jobs[1].reach(SUCCEEDED)
    return jobs


def names(**request: Any) -> list[str]:
    return [one.asked.name for one in chosen({"jobQueue": "main", **request}, some())]


def filtered(name: str, *values: str) -> list[str]:
    return names(filters=[{"name": name, "values": list(values)}])


def test_jobs_that_run_are_listed_unless_another_status_is_asked_for() -> None:
    assert names() == ["Align-1"]
    assert names(jobStatus="SUCCEEDED") == ["align-2"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("JOB_NAME", "ALIGN*", ["align-2", "Align-1"]),
        ("JOB_NAME", "align", []),
        ("JOB_NAME", "sort", ["sort"]),
        ("AFTER_CREATED_AT", "1000", ["sort", "align-2"]),
        ("BEFORE_CREATED_AT", "1001", ["Align-1"]),
        ("JOB_DEFINITION", "job", ["sort", "align-2", "Align-1"]),
        ("JOB_DEFINITION", "job:1", ["sort", "align-2", "Align-1"]),
        ("JOB_DEFINITION", "job:2", []),
    ],
)
def test_a_filter_chooses_of_all_statuses_the_newest_first(name: str, value: str, expected: list[str]) -> None:
    assert filtered(name, value) == expected


def test_a_list_comes_page_by_page() -> None:
    jobs = some()
    first, token = page({"maxResults": 2}, jobs)
    second, end = page({"maxResults": 2, "nextToken": token}, jobs)
    assert ([*first, *second], end) == (jobs, None)


def test_a_page_with_a_filter_holds_a_hundred_jobs() -> None:
    jobs = [job(f"j{number}") for number in range(101)]
    assert len(page({"filters": [{}], "maxResults": 1000}, jobs)[0]) == 100


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "must be specified"),
        ({"jobQueue": "main", "arrayJobId": "a"}, "only one of jobQueue, arrayJobId"),
        ({"jobQueue": "main", "filters": [{"name": "JOB_NAME"}] * 2}, "only one filter"),
        ({"jobQueue": "main", "filters": [{"name": "COLOUR"}]}, "filter COLOUR is not supported"),
    ],
)
def test_a_list_of_nothing_or_of_too_much_is_refused(request_: dict[str, Any], said: str) -> None:
    assert said in (refusal(request_) or "")


def test_summaries_tell_arrays_children_and_nodes_apart() -> None:
    parent, wide = array("a", 2), job("b", multinode(2))
    assert summary(parent)["arrayProperties"] == {"size": 2}
    assert summary(parent.children[1])["arrayProperties"] == {"index": 1}
    assert summary(wide)["nodeProperties"] == {"numNodes": 2}
    assert summary(wide.children[1])["nodeProperties"] == {"isMainNode": False, "numNodes": 2, "nodeIndex": 1}
