"""When has a cluster fallen silent?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shoal.cleanup.quiet import Quiet, judge, seconds_left
from shoal.errors import ErrorCode, OperationError

NOW = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("found", "quiet"), [(Quiet(0, 0), True), (Quiet(1, 0), False), (Quiet(0, 1), False), (Quiet(0, 0, 1), False)]
)
def test_a_cluster_is_quiet_when_neither_jobs_nor_builds_nor_nodes_run(found: Quiet, quiet: bool) -> None:
    assert judge(found, now=NOW, deadline=LATER)["quiet"] is quiet


def test_what_still_runs_at_the_deadline_is_counted() -> None:
    with pytest.raises(OperationError, match="3 jobs and 1 builds") as error:
        judge(Quiet(3, 1), now=LATER, deadline=LATER)
    assert error.value.code is ErrorCode.DEADLINE_EXCEEDED


def test_only_what_still_runs_is_named() -> None:
    with pytest.raises(OperationError, match=": 2 instances were asked to end"):
        judge(Quiet(0, 0, 2), now=LATER, deadline=LATER)


def test_a_quiet_cluster_is_quiet_at_any_time() -> None:
    assert judge(Quiet(0, 0), now=LATER, deadline=NOW)["quiet"]


def test_while_there_are_many_jobs_to_tell_the_next_call_follows_soon() -> None:
    many, few = (judge(Quiet(jobs, 0), now=NOW, deadline=LATER)["waitSeconds"] for jobs in (5_000, 5))
    assert many < few


def test_ending_jobs_stops_before_the_function_is_ended() -> None:
    assert seconds_left(lambda: 40_000) == 10
