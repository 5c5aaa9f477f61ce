"""Does a slice delete what is there, stop in time, and neither loop nor lose count?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched, count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cleanup.drain import SAMPLES, Answer, Phase, Refusal, Slice, empty
from shoal.cleanup.pace import Pace


def forever() -> float:
    return 1.0


@dataclass
class Store:
    """Things that can be deleted, some held, behind a service that throttles now and then."""

    things: set[int]
    held: frozenset[int] = frozenset()
    throttled_calls: set[int] = field(default_factory=set)
    calls: Iterator[int] = field(default_factory=lambda: count(1))

    def phases(self) -> list[Phase]:
        return [Phase(batched(sorted(self.things), 10, strict=False), self.delete)]

    def delete(self, chunk: Sequence[int]) -> Answer:
        if next(self.calls) in self.throttled_calls:
            return Answer(throttled=True)
        refused = tuple(Refusal(str(thing), "AccessDenied") for thing in chunk if thing in self.held)
        self.things -= set(chunk) - self.held
        return Answer(deleted=len(chunk) - len(refused), refused=refused)

    def emptied(self) -> Slice:
        return empty(self.phases, forever, workers=3, pace=Pace(wait=lambda _: None))


@given(st.sets(st.integers(0, 500)), st.frozensets(st.integers(0, 500), max_size=20), st.sets(st.integers(1, 30)))
def test_what_can_be_deleted_is_deleted_and_counted(things: set[int], held: frozenset[int], slow: set[int]) -> None:
    store = Store(set(things), held, slow)
    found = store.emptied()
    assert store.things == things & held
    assert found.deleted == len(things - held)
    assert found.refused == len(things & held)
    assert found.empty == (not things & held)


def test_a_pass_without_progress_is_the_last() -> None:
    store = Store({1, 2, 3}, frozenset({1, 2, 3}))
    store.emptied()
    assert next(store.calls) == 2


def test_a_few_refusals_are_named_and_all_are_counted() -> None:
    found = Store(set(range(40)), frozenset(range(40))).emptied()
    assert len(found.samples) == SAMPLES
    assert found.refused == 40
    assert str(found.samples[0]).endswith(": AccessDenied")


def test_what_comes_while_it_is_emptied_is_found_in_the_next_pass() -> None:
    store = Store({1})
    late = iter([{2}, {3}])

    def delete(chunk: Sequence[int]) -> Answer:
        answer = store.delete(chunk)
        store.things |= next(late, set())
        return answer

    found = empty(lambda: [Phase([sorted(store.things)], delete)], forever, workers=1, pace=Pace())
    assert found.deleted == 3
    assert store.things == set()


def test_nothing_begins_when_time_is_up_and_what_is_left_is_counted() -> None:
    store = Store(set(range(100)))
    time = iter([1.0, 1.0, 1.0, 1.0])
    found = empty(store.phases, lambda: next(time, 0.0), workers=1, pace=Pace())
    assert not found.complete
    assert found.deleted + len(store.things) == 100
    assert 0 < found.left <= len(store.things)


def test_a_slice_that_is_throttled_until_its_end_is_not_complete() -> None:
    time = iter([1.0] * 5)
    found = empty(
        lambda: [Phase([[1]], lambda _: Answer(throttled=True))],
        lambda: next(time, 0.0),
        workers=1,
        pace=Pace(wait=lambda _: None),
    )
    assert not found.complete
    assert found.deleted == 0


def test_what_the_service_was_too_busy_for_is_tried_until_it_goes() -> None:
    store = Store({1, 2, 3})
    busy = iter([True, True])

    def delete(chunk: Sequence[int]) -> Answer:
        return Answer(put_off=len(chunk)) if next(busy, False) else store.delete(chunk)

    def begin() -> list[Phase]:
        return [Phase(batched(sorted(store.things), 10, strict=False), delete)]

    found = empty(begin, forever, workers=1, pace=Pace(wait=lambda _: None))
    assert (found.empty, found.deleted) == (True, 3)


def test_a_phase_ends_before_the_next_begins() -> None:
    order: list[str] = []
    gone: set[str] = set()

    def phase(name: str) -> Phase:
        def delete(chunk: Sequence[str]) -> Answer:
            order.append(name)
            gone.update(chunk)
            return Answer(deleted=len(chunk))

        return Phase([[f"{name}{number}"] for number in range(20) if f"{name}{number}" not in gone], delete)

    empty(lambda: [phase("list"), phase("member")], forever, workers=8, pace=Pace())
    assert order == ["list"] * 20 + ["member"] * 20


def test_an_error_that_is_no_answer_ends_the_slice() -> None:
    def delete(chunk: Sequence[int]) -> Answer:
        raise PermissionError("no credentials")

    with pytest.raises(PermissionError):
        empty(lambda: [Phase([[1]], delete)], forever, workers=2, pace=Pace())
