"""Is what the head node publishes true within a minute, and small enough for one item?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from shoal_node.daemon import MOST_DECISIONS
from shoal_node.decide import Record, SlurmNode, State
from shoal_node.notices import MOST_LOG_LINES
from shoal_node.status import (
    HEARTBEAT_SECONDS,
    MOST_FAILURES,
    MOST_JOBS,
    MOST_NODES,
    Publisher,
    told_decisions,
    told_failures,
    told_jobs,
    told_nodes,
)

BOUND = 350_000
LONG = "x" * 5000
MOST_ROWS = 50
"""More compute resources than a cluster can have."""


class Table:
    """Keeps what is written to it."""

    def __init__(self) -> None:
        self.written: list[tuple[str, int, dict[str, Any]]] = []

    def publish(self, stamp: str, now: int, parts: Mapping[str, str]) -> None:
        self.written.append((stamp, now, {name: json.loads(text) for name, text in parts.items()}))

    def clear(self) -> None:
        self.written.clear()


def record(number: int, state: State = State.READY, **fields: Any) -> Record:
    name = f"{'q' * 20}-{'r' * 20}-{number:012d}"
    return Record(f"i-{number:017d}", name, "q" * 20, "r" * 20, "10.100.100.100", state, 1_764_000_000, 0, **fields)


@pytest.fixture
def table() -> Table:
    return Table()


def test_only_what_has_changed_is_written(table: Table) -> None:
    publisher = Publisher(table, "changedAt")  # type: ignore[arg-type]
    publisher.publish(1000, slurm="up", jobs=1)
    publisher.publish(1001, slurm="up", jobs=2)
    publisher.publish(1002, slurm="up", jobs=2)
    assert table.written == [("changedAt", 1000, {"slurm": "up", "jobs": 1}), ("changedAt", 1001, {"jobs": 2})]


def test_everything_is_written_again_within_a_minute_though_nothing_changes(table: Table) -> None:
    publisher = Publisher(table, "changedAt")  # type: ignore[arg-type]
    publisher.publish(1000, slurm="up", jobs=1)
    publisher.publish(1000 + HEARTBEAT_SECONDS, slurm="up")
    assert table.written[-1] == ("changedAt", 1000 + HEARTBEAT_SECONDS, {"slurm": "up", "jobs": 1})
    assert HEARTBEAT_SECONDS + 10 < 60  # jobwatcher looks every ten seconds


def test_nodes_that_failed_come_first_those_that_ended_not_at_all_and_how_many_are_left_out_is_told() -> None:
    records = [record(number) for number in range(MOST_NODES + 5)]
    told = told_nodes([*records, record(9000, State.FAILED), record(9001, State.TERMINATING)], {})
    assert (len(told["nodes"]), told["leftOut"]) == (MOST_NODES, 6)
    assert told["nodes"][0]["state"] == "FAILED"


@pytest.mark.parametrize(
    ("nodes", "shown"),
    [
        (None, "unknown"),
        ({}, "absent"),
        ({record(1).node_name: SlurmNode("n", frozenset({"IDLE", "DRAIN"}))}, "DRAIN+IDLE"),
    ],
)
def test_what_slurm_says_of_a_node_is_told_even_that_it_says_nothing(
    nodes: dict[str, SlurmNode] | None, shown: str
) -> None:
    assert told_nodes([record(1)], nodes)["nodes"][0]["slurm"] == shown


def test_the_last_failures_are_told_the_newest_first_with_their_log() -> None:
    records = [record(number, why=f"no {number}", log=("a", "b"), failed_at=number) for number in range(9)]
    told = told_failures([*records, record(99)])
    assert [one["why"] for one in told] == [f"no {number}" for number in (8, 7, 6, 5, 4)]
    assert told[0]["log"] == ["a", "b"]
    assert len(told) == MOST_FAILURES


def test_the_largest_item_stays_below_its_bound() -> None:
    decision = {"at": 1, "about": "n" * 100, "what": "w" * 60, "why": LONG}
    failed = [record(n, State.FAILED, why=LONG, log=(LONG,) * MOST_LOG_LINES, failed_at=n) for n in range(9)]
    states = frozenset({"ALLOCATED", "COMPLETING", "DRAIN", "NOT_RESPONDING", "DYNAMIC_NORM", "MAINTENANCE"})
    nodes = [record(number) for number in range(5000)]
    jobs = [{"jobId": "1" * 20, "new": 0, "why": LONG}] * 5000
    row = dict.fromkeys((f"key{n}" for n in range(11)), "v" * 60) | {"refused": LONG[:500]}
    parts = {
        "nodes": told_nodes(nodes, {one.node_name: SlurmNode(one.node_name, states) for one in nodes}),
        "failures": told_failures(failed),
        "nodeDecisions": told_decisions([decision] * MOST_DECISIONS),
        "jobDecisions": told_decisions([decision] * MOST_DECISIONS),
        "jobs": told_jobs(9, jobs),
        "queues": {"q": [row] * MOST_ROWS},
    }
    assert len(json.dumps(parts)) < BOUND
    assert told_jobs(9, jobs)["pending"] == 5000
    assert len(told_jobs(9, jobs)["waiting"]) == MOST_JOBS
