"""Is the right thing done about a node, whatever messages came, and in whatever order?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_node.decide import UNKNOWN, Do, Instance, Moment, Record, SlurmNode, State, decide

NOW = 1_764_000_000.0
MOMENT = Moment(NOW, join_seconds=1800, down_seconds=300)
NAME = "main-small-10-0-0-1"
ALIVE = Instance("i-1", "main", "small", "10.0.0.1", NAME)
IDLE = SlurmNode(NAME, frozenset({"IDLE"}))


def record(state: State = State.READY, **fields: Any) -> Record:
    whole = Record("i-1", NAME, "main", "small", "10.0.0.1", state, int(NOW) - 60, int(NOW) - 60)
    return replace(whole, **fields)


def down(seconds: float) -> SlurmNode:
    return SlurmNode(NAME, frozenset({"DOWN"}), "Not responding", NOW - seconds)


ROWS: list[tuple[str, Any, Any, Any, Do]] = [
    ("a new instance", ALIVE, None, None, Do.RECORD),
    ("a new instance that Slurm has already", ALIVE, None, IDLE, Do.RECORD),
    ("a new instance, Slurm away", ALIVE, None, UNKNOWN, Do.RECORD),
    ("it has not joined yet", ALIVE, record(State.LAUNCHING), None, Do.NOTHING),
    ("it does not join in time", ALIVE, record(State.LAUNCHING, launched_at=int(NOW) - 1800), None, Do.FAIL),
    ("it joined", ALIVE, record(State.LAUNCHING), IDLE, Do.READY),
    ("it joined, Slurm away", ALIVE, record(State.LAUNCHING), UNKNOWN, Do.WAIT),
    ("it works", ALIVE, record(), IDLE, Do.NOTHING),
    ("it works, Slurm away", ALIVE, record(), UNKNOWN, Do.WAIT),
    ("Slurm misses it", ALIVE, record(), replace(IDLE, states=frozenset({"IDLE", "NOT_RESPONDING"})), Do.NOTHING),
    ("Slurm has it down", ALIVE, record(), down(10), Do.NOTHING),
    ("Slurm has it down for long", ALIVE, record(), down(300), Do.FAIL),
    ("Slurm has it down since nobody knows when", ALIVE, record(), replace(down(0), reason_at=None), Do.NOTHING),
    ("Slurm lost it", ALIVE, record(), None, Do.NOTHING),
    ("Slurm lost it for long", ALIVE, record(changed_at=int(NOW) - 1800), None, Do.FAIL),
    ("it failed and still runs", ALIVE, record(State.FAILED), None, Do.FAIL),
    ("it failed just now", ALIVE, record(State.FAILED, changed_at=int(NOW) - 59), None, Do.NOTHING),
    ("it was removed just now", ALIVE, record(State.TERMINATING, changed_at=int(NOW) - 59), IDLE, Do.NOTHING),
    ("it was removed and runs on", ALIVE, record(State.TERMINATING), IDLE, Do.FAIL),
    ("AWS does not answer", UNKNOWN, record(), None, Do.WAIT),
    ("AWS does not answer about a new one", UNKNOWN, None, None, Do.WAIT),
    ("it ended", None, record(), IDLE, Do.REMOVE),
    ("it ended, Slurm has it down", None, record(), down(1), Do.REMOVE),
    ("it ended before it joined", None, record(State.LAUNCHING), None, Do.REMOVE),
    ("it failed and ended", None, record(State.FAILED), None, Do.REMOVE),
    ("it ended, Slurm away", None, record(), UNKNOWN, Do.WAIT),
    ("it was removed", None, record(State.TERMINATING), None, Do.NOTHING),
    ("it was removed, Slurm away", None, record(State.TERMINATING), UNKNOWN, Do.NOTHING),
    ("it was removed and Slurm has it again", None, record(State.TERMINATING), IDLE, Do.REMOVE),
    ("only Slurm knows it", None, None, IDLE, Do.REMOVE),
    ("nobody knows it", None, None, None, Do.NOTHING),
    ("nobody knows it, Slurm away", None, None, UNKNOWN, Do.NOTHING),
]


@pytest.mark.parametrize(("instance", "known", "node", "done"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_node_gets(instance: Any, known: Any, node: Any, done: Do) -> None:
    assert decide(instance, known, node, MOMENT).do is done


@pytest.mark.parametrize("state", [State.LAUNCHING, State.READY])
def test_a_node_that_says_that_it_failed_is_ended(state: State) -> None:
    action = decide(ALIVE, record(state), None, MOMENT, failed="munge: no key")
    assert (action.do, action.why) == (Do.FAIL, "it says: munge: no key")


def test_what_an_ended_node_said_is_of_no_account() -> None:
    assert decide(None, None, None, MOMENT, failed="munge: no key").do is Do.NOTHING


@dataclass
class World:
    """One instance, and what is known of it: actions change it as the daemon changes AWS, table and Slurm."""

    instance: Instance | None
    slurm_node: SlurmNode | None
    record: Record | None = None

    def look(self, failed: str | None = None) -> None:
        action = decide(self.instance, self.record, self.slurm_node, MOMENT, failed)
        if action.do is Do.RECORD:
            self.record = record(State.LAUNCHING)
        elif action.do is Do.READY:
            self.record = record(State.READY)
        elif action.do is Do.FAIL:
            self.record, self.instance = record(State.FAILED), None
        elif action.do is Do.REMOVE:
            self.slurm_node = None
            self.record = record(State.TERMINATING) if self.record else None

    def settle(self) -> tuple[Any, ...]:
        """The minute timer, until it finds nothing to do."""
        for _ in range(4):
            self.look()
        state = self.record.state if self.record else None
        return self.instance, self.slurm_node, None if state is State.TERMINATING else state


MESSAGES = st.lists(st.sampled_from(["LAUNCH", "TERMINATE", "READY"]), max_size=8)


@given(MESSAGES)
def test_any_messages_about_a_running_node_end_in_a_ready_node(messages: list[str]) -> None:
    world = World(ALIVE, IDLE)
    for _ in messages:
        world.look()
    assert world.settle() == (ALIVE, IDLE, State.READY)


@given(MESSAGES, st.integers(0, 8), st.booleans())
def test_any_messages_about_an_instance_that_ends_meanwhile_end_in_nothing(
    messages: list[str], ends_after: int, joins: bool
) -> None:
    world = World(ALIVE, IDLE if joins else None)
    for number, _ in enumerate(messages):
        if number == ends_after:
            world.instance = None
        world.look()
    world.instance = None
    assert world.settle() == (None, None, None)


@given(st.permutations(["LAUNCH", "FAILED", "FAILED", "TERMINATE"]), st.integers(0, 4))
def test_any_order_of_the_messages_of_a_failed_node_ends_in_nothing_once_its_failure_was_heard(
    messages: list[str], lost: int
) -> None:
    world = World(ALIVE, None)
    world.look()
    heard = messages[lost:]
    for message in heard:
        world.look("no key" if message == "FAILED" else None)
    settled = world.settle()
    assert settled == ((None, None, None) if "FAILED" in heard else (ALIVE, None, State.LAUNCHING))


@given(
    st.sampled_from([ALIVE, None]),
    st.sampled_from([None, *(record(state) for state in State)]),
    st.sampled_from([None, IDLE, down(1), down(400)]),
)
def test_what_was_done_is_not_done_again(instance: Any, known: Any, node: Any) -> None:
    world = World(instance, node, known)
    world.settle()
    before = (world.instance, world.slurm_node, world.record)
    world.look()
    assert (world.instance, world.slurm_node, world.record) == before
