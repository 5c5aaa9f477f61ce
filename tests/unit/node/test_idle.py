"""When does a compute node end itself?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_node.decide import SlurmNode
from shoal_node.idle import AWAITED, IDLE_REASON, LEAVING_REASON, Limits, Next, Seen, is_awaited, step

LIMITS = Limits(idle_seconds=600, min_count=1)


def node(*states: str, reason: str = "") -> SlurmNode:
    return SlurmNode("main-small-10-0-0-1", frozenset(states or {"IDLE"}), reason)


def seen(**fields: Any) -> Seen:
    return Seen(**{"now": 1000.0, "node": node(), "jobs": 0, "desired": 5, **fields})


def test_an_idle_node_drains_once_its_time_is_over() -> None:
    assert step(seen(now=1600.0), 1000.0, LIMITS).next is Next.DRAIN
    assert step(seen(now=1599.0), 1000.0, LIMITS).next is Next.KEEP


def test_idle_time_counts_from_the_first_idle_look() -> None:
    assert step(seen(), None, LIMITS).idle_since == 1000.0
    assert step(seen(now=1200.0), 1000.0, LIMITS).idle_since == 1000.0


@pytest.mark.parametrize(
    "fields",
    [
        {"jobs": 1, "node": node("ALLOCATED")},
        {"jobs": 1},
        {"jobs": None},
        {"node": None},
        {"node": node("COMPLETING")},
        {"node": node("DOWN")},
    ],
)
def test_idle_time_begins_anew_after_anything_but_idle(fields: dict[str, Any]) -> None:
    told = step(seen(now=9999.0, **fields), 1000.0, LIMITS)
    assert (told.next, told.idle_since) == (Next.KEEP, None)


def test_a_drained_node_ends_if_no_job_came() -> None:
    assert step(seen(node=node("IDLE", "DRAIN", reason=IDLE_REASON)), 0.0, LIMITS).next is Next.END


def test_a_drained_node_goes_on_if_a_job_came() -> None:
    drained = node("ALLOCATED", "DRAIN", reason=IDLE_REASON)
    assert step(seen(node=drained, jobs=1), 0.0, LIMITS).next is Next.RESUME


def test_a_node_that_somebody_drained_is_left_to_them() -> None:
    drained = node("IDLE", "DRAIN", reason="looking into a broken disk")
    assert step(seen(now=9999.0, node=drained), 0.0, LIMITS).next is Next.KEEP


@pytest.mark.parametrize("desired", [None, 0, 1])
def test_no_node_of_the_least_number_ends(desired: int | None) -> None:
    assert step(seen(now=9999.0, desired=desired), 0.0, LIMITS).next is Next.KEEP


def test_a_node_that_aws_takes_away_drains_requeues_and_ends() -> None:
    leaving = {"leaving": "Spot interruption"}
    drained = node("ALLOCATED", "DRAIN", reason=f"{LEAVING_REASON}: Spot interruption")
    assert step(seen(**leaving, jobs=1, node=node("ALLOCATED")), None, LIMITS).next is Next.DRAIN
    assert step(seen(**leaving, jobs=1, node=drained), None, LIMITS).next is Next.REQUEUE
    assert step(seen(**leaving, jobs=0, node=drained), None, LIMITS).next is Next.END


def test_a_watcher_that_was_restarted_goes_on_leaving() -> None:
    drained = node("IDLE", "DRAIN", reason=f"{LEAVING_REASON}: Spot interruption")
    assert step(seen(node=drained), None, LIMITS).next is Next.END
    assert step(seen(node=drained, jobs=1), None, LIMITS).next is Next.KEEP


looks = st.builds(
    Seen,
    now=st.floats(0, 1e6),
    node=st.none()
    | st.builds(
        SlurmNode,
        st.just("n"),
        st.frozensets(st.sampled_from(["IDLE", "ALLOCATED", "MIXED", "DRAIN", "DOWN"])),
        st.sampled_from(["", IDLE_REASON, LEAVING_REASON, "disk"]),
    ),
    jobs=st.none() | st.integers(0, 2),
    desired=st.none() | st.integers(0, 3),
    leaving=st.none() | st.just("Spot interruption"),
)


@given(looks, st.none() | st.floats(0, 1e6))
def test_a_node_with_a_job_or_without_an_answer_is_never_ended(look: Seen, since: float | None) -> None:
    if step(look, since, LIMITS).next is Next.END:
        assert look.jobs == 0
        assert look.node is not None
        assert "DRAIN" in look.node.states


@given(looks, st.none() | st.floats(0, 1e6))
def test_jobs_are_given_back_only_when_aws_takes_the_instance(look: Seen, since: float | None) -> None:
    if step(look, since, LIMITS).next is Next.REQUEUE:
        assert look.leaving


def test_idle_time_does_not_pass_while_a_job_that_waits_for_others_counts_on_the_node() -> None:
    told = step(seen(now=9999.0, awaited=True), 1000.0, LIMITS)
    assert (told.next, told.idle_since) == (Next.KEEP, None)


@pytest.mark.parametrize(
    ("extra", "awaited"),
    [(f"{AWAITED}1001", True), (f"{AWAITED}1000", False), (AWAITED, False), (f"{AWAITED}soon", False), ("1001", False)],
)
def test_a_mark_keeps_a_node_until_its_time_is_over(extra: str, awaited: bool) -> None:
    assert is_awaited(extra, 1000.0) is awaited


def test_a_negative_idle_time_ends_no_node() -> None:
    assert step(seen(now=10.0**9), 0.0, Limits(-1, 0)).next is Next.KEEP


@pytest.mark.parametrize(
    ("there", "jobs", "expected"),
    [
        (node("ALLOCATED"), 1, Next.DRAIN),
        (node("IDLE"), 0, Next.DRAIN),
        (node("ALLOCATED", "DRAIN", reason=LEAVING_REASON), 1, Next.KEEP),
        (node("IDLE", "DRAIN", reason=LEAVING_REASON), 0, Next.END),
        (node("IDLE", "DRAIN", reason="broken disk"), 0, Next.KEEP),
    ],
)
def test_a_node_of_a_compute_resource_that_is_removed_ends_after_its_jobs(
    there: SlurmNode, jobs: int, expected: Next
) -> None:
    assert step(seen(node=there, jobs=jobs, removed=True), None, LIMITS).next is expected
