"""Do jobs pass from status to status as on AWS, whoever runs them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from embedded_aws.batch.job import FAILED, PENDING, RUNNABLE, RUNNING, STARTING, SUCCEEDED, Job
from embedded_aws.batch.placement import TOO_MANY_VCPUS, Environment, Machine
from embedded_aws.batch.retries import Outcome
from embedded_aws.batch.scheduling import Scheduler
from tests.support.jobs import array, job, multinode
from tests.support.polling import until

WORK = {
    "computeEnvironmentArn": "work", "state": "ENABLED", "status": "VALID", "computeResources": {"maxvCpus": 4},
}  # fmt: skip
WELL = Outcome("Essential container in task exited", 0)
BADLY = Outcome("Essential container in task exited", 1)


class Rig:
    """A scheduler whose jobs run until the test ends them."""

    def __init__(self, slots: int = 100) -> None:
        self.environments: list[Environment] | None = [WORK]
        self.started: list[Job] = []
        self.seen: list[tuple[str, str]] = []
        self.scheduler = Scheduler(
            lambda _: self.environments,
            lambda job, _: self.started.append(job),
            lambda job, reason: self.end(job, Outcome(reason, interrupted=True, final=True)),
            self._note,
            lambda: Machine(slots),
        )

    def _note(self, job: Job) -> None:
        self.seen.append((job.id, job.status))

    def add(self, *jobs: Job) -> None:
        for one in jobs:
            self.scheduler.add(one)

    def end(self, one: Job, outcome: Outcome = WELL) -> None:
        one.attempts.append({})
        self.scheduler.ended(one, outcome)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.scheduler.stop()


def statuses(*jobs: Job) -> list[str]:
    return [one.status for one in jobs]


def test_a_job_that_depends_on_nothing_starts_at_once(rig: Rig) -> None:
    only = job("a")
    rig.add(only)
    assert rig.seen == [("a", RUNNABLE), ("a", STARTING)]
    rig.scheduler.set_status(only, RUNNING)
    rig.end(only)
    assert (only.status, only.reason, only.stopped_at is not None) == (SUCCEEDED, WELL.status_reason, True)


def test_a_job_is_pending_until_what_it_depends_on_has_succeeded(rig: Rig) -> None:
    first, last = job("a"), job("b", dependsOn=[{"jobId": "a"}])
    rig.add(first, last)
    assert last.status == PENDING
    rig.end(first)
    assert last.status == STARTING


def test_a_job_fails_with_what_it_depends_on_and_so_on(rig: Rig) -> None:
    first, middle = job("a"), job("b", dependsOn=[{"jobId": "a"}])
    last = job("c", dependsOn=[{"jobId": "b"}])
    rig.add(first, middle, last)
    rig.end(first, BADLY)
    assert statuses(middle, last) == [FAILED, FAILED]
    assert last.reason == "Dependent Job failed"


def test_jobs_wait_for_processors_in_the_order_in_which_they_came(rig: Rig) -> None:
    jobs = [job(name, containerOverrides={"vcpus": 2}) for name in "abc"]
    rig.add(*jobs)
    assert statuses(*jobs) == [STARTING, STARTING, RUNNABLE]
    rig.end(jobs[0])
    assert jobs[2].status == STARTING


def test_a_job_that_never_fits_says_why_and_starts_when_it_does(rig: Rig) -> None:
    large = job("a", containerOverrides={"vcpus": 8})
    rig.add(large)
    assert (large.status, large.reason) == (RUNNABLE, TOO_MANY_VCPUS)
    rig.environments = [WORK | {"computeResources": {"maxvCpus": 8}}]
    rig.scheduler.advance()
    assert (large.status, large.reason) == (STARTING, "")


def test_a_job_for_which_this_machine_has_no_gpu_waits_for_capacity(rig: Rig) -> None:
    rig.environments = [WORK | {"computeResources": {"maxvCpus": 4, "instanceTypes": ["g4dn.xlarge"]}}]
    only = job("a", containerOverrides={"resourceRequirements": [{"type": "GPU", "value": "1"}]})
    rig.add(only)
    assert only.status == RUNNABLE
    assert only.reason.startswith("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - ")
    assert only.reason.endswith("instance type [g4dn.xlarge]")


def test_this_machine_runs_few_containers_at_once() -> None:
    rig = Rig(slots=2)
    wide, narrow = job("a", multinode(3)), job("b")
    rig.add(wide, narrow)
    assert statuses(wide, narrow) == [STARTING, RUNNABLE]
    rig.end(wide)
    assert narrow.status == STARTING
    rig.scheduler.stop()


def test_a_failed_attempt_is_followed_by_another(rig: Rig) -> None:
    only = job("a", retryStrategy={"attempts": 2})
    rig.add(only)
    rig.end(only, BADLY)
    assert (only.status, len(rig.started)) == (STARTING, 2)
    rig.end(only, BADLY)
    assert only.status == FAILED


def test_an_array_is_pending_until_its_children_have_ended(rig: Rig) -> None:
    parent = array("a", 2)
    rig.add(parent)
    rig.end(parent.children[0], BADLY)
    assert parent.status == PENDING
    rig.end(parent.children[1])
    assert (parent.status, parent.reason) == (FAILED, "Array Child Job failed")


def test_an_array_whose_children_succeed_has_succeeded(rig: Rig) -> None:
    parent = array("a", 2)
    rig.add(parent)
    for child in parent.children:
        rig.end(child)
    assert parent.status == SUCCEEDED


def test_the_nodes_of_a_job_have_its_status_until_they_end(rig: Rig) -> None:
    wide = job("a", multinode(2))
    rig.add(wide)
    assert statuses(*wide.children) == [STARTING, STARTING]
    rig.scheduler.set_status(wide, RUNNING)
    wide.children[0].reach(FAILED)
    rig.end(wide, BADLY)
    assert statuses(wide, *wide.children) == [FAILED, FAILED, FAILED]


def test_a_job_that_has_not_started_can_be_given_up_and_one_that_has_cannot(rig: Rig) -> None:
    runs, waits = job("a", containerOverrides={"vcpus": 4}), job("b")
    rig.add(runs, waits)
    assert rig.scheduler.give_up(waits, "not needed")
    assert not rig.scheduler.give_up(runs, "not needed")
    assert (waits.status, waits.reason, runs.status) == (FAILED, "not needed", STARTING)


def test_jobs_of_a_queue_that_is_deleted_fail(rig: Rig) -> None:
    rig.environments = []
    waits = job("a")
    rig.add(waits)
    rig.environments = None
    rig.scheduler.advance()
    assert (waits.status, waits.reason) == (FAILED, "Job queue is deleted")


def test_jobs_that_run_for_a_queue_that_is_deleted_are_ended(rig: Rig) -> None:
    runs = job("a")
    rig.add(runs)
    rig.environments = None
    until(lambda: runs.status == FAILED, what="the end of the job")
    assert runs.reason == "Job queue is deleted"


def test_children_and_nodes_are_found_by_their_ids(rig: Rig) -> None:
    parent, wide = array("a", 2), job("b", multinode(2))
    rig.add(parent, wide)
    found: list[Any] = [rig.scheduler.find(name) for name in ("a", "a:1", "b#0", "a:2", "a#1", "a:x", "c")]
    assert found == [parent, parent.children[1], wide.children[0], None, None, None, None]


def test_ten_thousand_children_in_a_row_end_one_after_the_other(rig: Rig) -> None:
    parent = array("a", 10_000, dependsOn=[{"type": "SEQUENTIAL"}])
    rig.scheduler._begin = lambda one, _: rig.end(one)
    rig.add(parent)
    assert parent.status == SUCCEEDED


def test_a_doomed_job_fails_without_starting(rig: Rig) -> None:
    only = job("a")
    rig.scheduler.add(only, "too long")
    assert (only.status, only.reason, rig.started) == (FAILED, "too long", [])
