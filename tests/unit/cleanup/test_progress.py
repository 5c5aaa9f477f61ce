"""Does emptying end when it is done, go on while it helps, and give up with a reason?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cleanup.custom_resource import Target
from shoal.cleanup.drain import Refusal, Slice
from shoal.cleanup.progress import Progress, ended, judge, seconds_left
from shoal.errors import ErrorCode, OperationError

NOW = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
DEADLINE = NOW + timedelta(hours=1)
BUCKET = Target("bucket", "shoal-genomics")
STACK = "arn:aws:cloudformation:us-east-1:111111111111:stack/shoal-cluster-genomics/1"
EMPTY = Slice()
STUCK = Slice(seen=2, refused=2, samples=[Refusal("jobs/a", "AccessDenied", "object lock")])


def after(found: Slice, before: Progress | None = None, *, now: datetime = NOW) -> Progress:
    return judge(BUCKET, found, before or Progress(), now=now, deadline=DEADLINE)


def test_one_empty_look_is_not_enough() -> None:
    first = after(EMPTY)
    assert not first.done
    assert first.wait_seconds >= 5


def test_two_empty_looks_in_a_row_are_the_end() -> None:
    second = after(EMPTY, after(EMPTY))
    assert second.done
    assert second.outcome == "emptied"


def test_what_was_written_between_two_looks_begins_the_count_anew() -> None:
    second = after(Slice(deleted=1), after(EMPTY))
    assert not second.done
    assert after(EMPTY, second).done


def test_progress_goes_on_at_once() -> None:
    assert after(Slice(deleted=1000, seen=1000, complete=False, left=500)).wait_seconds == 1


def test_a_slice_that_deletes_nothing_makes_the_next_wait_longer() -> None:
    first = after(STUCK)
    assert first.wait_seconds < after(STUCK, first).wait_seconds


def test_what_resists_three_times_is_named_with_its_reason() -> None:
    with pytest.raises(OperationError) as error:
        after(STUCK, after(STUCK, after(STUCK)))
    assert error.value.code is ErrorCode.CLEAN_UP_INCOMPLETE
    assert error.value.message == (
        "2 object versions of bucket shoal-genomics resist deletion, "
        "for example jobs/a: AccessDenied (object lock)"
    )  # fmt: skip


def test_progress_in_between_forgives_what_resisted() -> None:
    before = after(Slice(deleted=1, seen=3, refused=2), after(STUCK, after(STUCK)))
    assert before.stuck == 0


def test_after_the_deadline_it_gives_up_and_says_how_much_is_left() -> None:
    with pytest.raises(OperationError, match="at least 7000 object versions") as error:
        after(Slice(deleted=10, seen=20, complete=False, left=7000), now=DEADLINE)
    assert error.value.code is ErrorCode.DEADLINE_EXCEEDED


def test_what_is_empty_at_the_deadline_is_still_a_success() -> None:
    assert after(EMPTY, after(EMPTY), now=DEADLINE + timedelta(minutes=5)).done


def test_throttling_alone_never_fails_before_the_deadline() -> None:
    progress = Progress()
    for _ in range(50):
        progress = after(Slice(complete=False, seen=1000, left=5), progress)
    assert progress.wait_seconds <= 240


@given(st.integers(0, 10**9), st.integers(0, 2), st.integers(0, 50))
def test_progress_survives_the_journey_through_the_state_machine(deleted: int, looks: int, stuck: int) -> None:
    progress = Progress(deleted, looks, stuck)
    event = json.dumps(progress.to_event())
    assert Progress.from_event(json.loads(event)) == progress
    assert len(event) < 300


@pytest.mark.parametrize(("owner", "outcome"), [(None, "absent"), ("", "not-owned"), (STACK + "2", "not-owned")])
def test_what_is_not_this_stacks_is_left_alone(owner: str | None, outcome: str) -> None:
    end = ended(owner, STACK, Progress(deleted=3))
    assert end is not None
    assert (end.done, end.outcome, end.deleted) == (True, outcome, 3)


def test_what_is_this_stacks_is_emptied() -> None:
    assert ended(STACK, STACK, Progress()) is None


def test_a_slice_ends_before_the_functions_limit_and_at_the_deadline() -> None:
    assert seconds_left(lambda: 900_000, DEADLINE, lambda: NOW) == 855
    assert seconds_left(lambda: 900_000, NOW + timedelta(seconds=10), lambda: NOW) == 10
