"""What one execution of a state machine did, on its virtual clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

START = 1_795_514_400.0
"""Virtual time when every execution starts: 2026-11-24T10:00:00Z."""


class StateError(Exception):
    """A state failed with an error name and a cause."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name, self.cause = name, cause


class TimedOutError(Exception):
    """The machine's own `TimeoutSeconds` ran out; no Catch sees it."""


class Visit(NamedTuple):
    """A state was entered."""

    at: float
    name: str
    data: Any
    """Its input."""


class Call(NamedTuple):
    """A Task asked a service for something."""

    at: float
    name: str
    arguments: Any
    until: float
    """When the answer was there, or the Task gave up."""


class Again(NamedTuple):
    """A state was tried again."""

    at: float
    name: str
    error: str


@dataclass
class Execution:
    """What an execution did."""

    limit: float = float("inf")
    """Seconds after which it ends, whatever it does."""
    status: str = "RUNNING"
    output: Any = None
    error: str = ""
    cause: str = ""
    clock: float = START
    largest: int = 0
    """Bytes of the largest value that any state handed on or kept."""
    visits: list[Visit] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    repeats: list[Again] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    """Tasks that were at work in one branch when another one failed."""

    @property
    def path(self) -> list[str]:
        """Names of the states entered, in order; those of branches one branch after the other."""
        return [visit.name for visit in self.visits]

    @property
    def inputs(self) -> list[tuple[str, Any]]:
        """State and input of every state entered."""
        return [(visit.name, visit.data) for visit in self.visits]

    @property
    def retries(self) -> list[tuple[str, str]]:
        """State and error of every retry."""
        return [(again.name, again.error) for again in self.repeats]

    @property
    def events(self) -> int:
        """About how long the history is: two events for a state, four for a call."""
        return 2 * len(self.visits) + 4 * len(self.calls)

    def calls_of(self, name: str) -> list[Any]:
        """The arguments of every call of a Task."""
        return [call.arguments for call in self.calls if call.name == name]

    def let_pass(self, seconds: float) -> None:
        """Move the clock; the execution ends when its time is over."""
        self.clock += seconds
        if self.clock - START > self.limit:
            self.clock = START + self.limit
            raise TimedOutError

    def fork(self) -> Execution:
        """A branch's own record, beginning now."""
        return Execution(self.limit, clock=self.clock)

    def join(self, branch: Execution, until: float) -> None:
        """Take over what a branch had done when all had ended, or when one failed."""
        self.visits += [visit for visit in branch.visits if visit.at <= until]
        self.calls += [call for call in branch.calls if call.at <= until]
        self.repeats += [again for again in branch.repeats if again.at <= until]
        self.stopped += branch.stopped + [call.name for call in branch.calls if call.at <= until < call.until]
        self.largest = max(self.largest, branch.largest)
