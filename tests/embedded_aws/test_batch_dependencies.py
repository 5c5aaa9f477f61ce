"""Does a job wait for the jobs that it depends on, and for no others?"""

from __future__ import annotations

from collections.abc import Callable

from embedded_aws.batch.dependencies import awaited, is_hopeless, unmet
from embedded_aws.batch.job import FAILED, SUCCEEDED, Job
from tests.support.jobs import array, job


def among(*jobs: Job) -> Callable[[str], Job | None]:
    known = {one.id: one for parent in jobs for one in (parent, *parent.children)}
    return known.get


def test_a_job_waits_for_each_job_that_it_names() -> None:
    first, second = job("a"), job("b")
    last = job("c", dependsOn=[{"jobId": "a"}, {"jobId": "b"}])
    first.reach(SUCCEEDED)
    assert unmet(last, among(first, second)) == [second]


def test_a_job_that_depends_on_one_that_failed_has_no_hope() -> None:
    first, last = job("a"), job("b", dependsOn=[{"jobId": "a"}])
    assert not is_hopeless(last, among(first))
    first.reach(FAILED)
    assert is_hopeless(last, among(first))


def test_a_job_waits_for_a_whole_array() -> None:
    first, last = array("a", 2), job("b", dependsOn=[{"jobId": "a"}])
    assert list(awaited(last, among(first))) == [first]


def test_children_of_two_arrays_wait_by_index() -> None:
    first, last = array("a", 2), array("b", 2, dependsOn=[{"jobId": "a", "type": "N_TO_N"}])
    assert list(awaited(last.children[1], among(first, last))) == [first.children[1]]


def test_children_of_a_sequential_array_wait_for_the_one_before() -> None:
    only = array("a", 3, dependsOn=[{"type": "SEQUENTIAL"}])
    assert [list(awaited(child, among(only))) for child in only.children] == [
        [], [only.children[0]], [only.children[1]],
    ]  # fmt: skip


def test_a_child_waits_for_a_single_job_that_its_array_names() -> None:
    first, last = job("a"), array("b", 2, dependsOn=[{"jobId": "a", "type": "N_TO_N"}])
    assert list(awaited(last.children[1], among(first, last))) == [first]
