"""How the nodes of a job find each other: each leaves a note at a place in S3 that is this attempt's own.

The main node leaves its public key; a node that has read it is ready to be logged in to, and leaves its address, its
slots and the key that it is known by. S3 is the one place that every node reaches from the start.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from .files import fetch, put
from .job import Job
from .problems import NO_NODES, JobError

MAIN = "main.json"
INTERVAL = 1.0
"""Seconds between two looks; a look itself takes most of another."""


@dataclass(frozen=True)
class Note:
    """What the main node needs to know of another."""

    address: str
    slots: int
    public_key: str
    """Of its ssh server."""


@dataclass(frozen=True)
class Clock:
    """Time as it passes; tests have it pass faster."""

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


def open_meeting(job: Job, public_key: str) -> None:
    """Leave the main node's public key.

    Raises:
        JobError: S3 refuses it.
    """
    put(f"{job.meeting}{MAIN}", json.dumps({"publicKey": public_key}))


def main_key(job: Job, notes: Path, clock: Clock) -> str:
    """The main node's public key.

    Raises:
        JobError: S3 refuses it, or the main node does not appear in time.
    """
    _look(job, notes, MAIN, [MAIN], clock)
    return str(json.loads((notes / MAIN).read_text())["publicKey"])


def join_meeting(job: Job, note: Note) -> None:
    """Say that this node is ready.

    Raises:
        JobError: S3 refuses it.
    """
    put(f"{job.meeting}{_name(job.node)}", json.dumps(asdict(note)))


def gather(job: Job, notes: Path, clock: Clock) -> dict[int, Note]:
    """What every other node said, by its number.

    Raises:
        JobError: S3 refuses it, or nodes do not appear in time; the message names them.
    """
    _look(job, notes, "node-*.json", [_name(node) for node in job.children], clock)
    return {node: Note(**json.loads((notes / _name(node)).read_text())) for node in job.children}


def _name(node: int) -> str:
    return f"node-{node}.json"


def _look(job: Job, notes: Path, pattern: str, wanted: list[str], clock: Clock) -> None:
    """Bring notes until those that are wanted are there."""
    end = clock.now() + job.patience
    while True:
        fetch(job.meeting, notes, pattern)
        missing = [name for name in wanted if not (notes / name).exists()]
        if not missing:
            return
        if clock.now() >= end:
            raise JobError(NO_NODES, _missing(job, missing))
        clock.pause(INTERVAL)


def _missing(job: Job, names: list[str]) -> str:
    waited = f"within {job.patience:g} s (SHOAL_NODES_TIMEOUT); look at the log of that node"
    if names == [MAIN]:
        return f"the main node, node {job.main_node}, did not appear {waited}"
    nodes = [name.removeprefix("node-").removesuffix(".json") for name in names]
    one = len(nodes) == 1
    which = f"node {nodes[0]}" if one else f"nodes {', '.join(nodes)}"
    return f"{which} of {job.nodes} did not appear {waited if one else waited.replace('that node', 'each')}"
