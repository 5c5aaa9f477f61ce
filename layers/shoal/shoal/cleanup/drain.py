"""The engine of every emptying: list, delete in chunks by several workers, again until nothing comes or nothing goes.

It knows no service. A pass is a sequence of phases; a phase is an iterator of chunks and the call that deletes one,
and ends before the next begins (manifest lists go before their members). Listing starts anew in every pass, so
there is no position to keep or to lose: what is deleted is gone, what came meanwhile is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from shoal.cleanup.pace import Pace

COUNTED = 50
"""Chunks that are listed without being deleted when time is up, to say how much is left; some seconds' work."""
SAMPLES = 3
"""Refusals that are kept to be told; a bucket can hold millions."""


@dataclass(frozen=True)
class Refusal:
    """One thing that the service would not delete."""

    name: str
    code: str
    message: str = ""

    def __str__(self) -> str:
        """`key: AccessDenied (reason)`, short."""
        return f"{self.name[:120]}: {self.code}" + (f" ({self.message[:120]})" if self.message else "")


@dataclass(frozen=True)
class Answer:
    """What one deleting call brought."""

    deleted: int = 0
    refused: tuple[Refusal, ...] = ()
    throttled: bool = False
    """The service did nothing and asked to slow down; the chunk is sent again."""
    put_off: int = 0
    """Things that the service was too busy for, while it did the rest; the next pass finds them."""


@dataclass(frozen=True)
class Phase:
    """Things that can be deleted in any order."""

    chunks: Iterable[Sequence[Any]]
    delete: Callable[[Any], Answer]
    """Deletes one chunk; called by several threads at once."""


@dataclass
class Slice:
    """What one function call found and did, in one or more passes."""

    deleted: int = 0
    seen: int = 0
    """In the last pass."""
    complete: bool = True
    """Whether the last pass reached its end; otherwise time ran out, and there may be more than was seen."""
    left: int = 0
    """What was listed and not tried when time ran out: at least so much is left."""
    refused: int = 0
    """In the last pass."""
    put_off: int = 0
    """In the last pass: what the service was too busy for."""
    samples: list[Refusal] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether the last pass found nothing."""
        return self.complete and self.seen == 0


def empty(phases: Callable[[], Iterable[Phase]], time_left: Callable[[], float], *, workers: int, pace: Pace) -> Slice:
    """Delete everything that `phases` finds, until a pass finds nothing, deletes nothing, or time is up.

    Args:
        phases: begins a pass; called anew for each.
        time_left: seconds until the slice has to end; no call begins after that.
        workers: chunks deleted at once.
        pace: shared by all workers.
    """
    found = Slice()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        while True:
            before = found.deleted
            found.seen, found.refused, found.put_off, found.samples = 0, 0, 0, []
            for phase in phases():
                _run(phase, found, pool, time_left, workers, pace)
            stuck = found.deleted == before and not found.put_off
            if not found.complete or found.seen == 0 or stuck:
                return found


def _run(
    phase: Phase, found: Slice, pool: ThreadPoolExecutor, time_left: Callable[[], float], workers: int, pace: Pace
) -> None:
    """Delete a phase's chunks; at most twice as many wait as are worked on, so memory does not grow with the bucket."""
    flying: set[Future[Answer]] = set()
    chunks = iter(phase.chunks)
    for chunk in chunks:
        if time_left() <= 0:
            found.complete = False
            found.left += len(chunk) + sum(map(len, islice(chunks, COUNTED)))
            break
        found.seen += len(chunk)
        flying.add(pool.submit(_delete, phase, chunk, time_left, pace))
        if len(flying) >= 2 * workers:
            done, flying = wait(flying, return_when=FIRST_COMPLETED)
            _add(found, done)
    _add(found, wait(flying).done)


def _delete(phase: Phase, chunk: Sequence[Any], time_left: Callable[[], float], pace: Pace) -> Answer:
    while time_left() > 0:
        pace.admit(len(chunk))
        answer = phase.delete(chunk)
        if answer.throttled or answer.put_off:
            pace.slow_down()
        if not answer.throttled:
            pace.went_well(answer.deleted)
            return answer
    return Answer(throttled=True)


def _add(found: Slice, done: Iterable[Future[Answer]]) -> None:
    for future in done:
        answer = future.result()
        found.deleted += answer.deleted
        found.refused += len(answer.refused)
        found.put_off += answer.put_off
        found.samples.extend(answer.refused[: SAMPLES - len(found.samples)])
        found.complete = found.complete and not answer.throttled
