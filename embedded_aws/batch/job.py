"""A job as the job runner keeps it: what was asked for, where it stands, and its children or nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SUBMITTED, PENDING, RUNNABLE = "SUBMITTED", "PENDING", "RUNNABLE"
STARTING, RUNNING = "STARTING", "RUNNING"
SUCCEEDED, FAILED = "SUCCEEDED", "FAILED"
STATUSES = (SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED, FAILED)
"""In their order (https://docs.aws.amazon.com/batch/latest/userguide/job_states.html)."""
WAITING = (SUBMITTED, PENDING, RUNNABLE)
ACTIVE = (STARTING, RUNNING)
ENDED = (SUCCEEDED, FAILED)


@dataclass(frozen=True)
class Dependency:
    """Another job that has to succeed first."""

    job: str = ""
    """Its id; empty for SEQUENTIAL, where the children of an array wait for one another."""
    kind: str = ""
    """`N_TO_N`, `SEQUENTIAL` or empty."""


@dataclass(frozen=True)
class Asked:
    """What a job was submitted with, definition and request merged; children and nodes share their parent's."""

    name: str
    queue: str
    """ARN."""
    definition: str
    """ARN with revision."""
    scope: tuple[str, str]
    """Account and Region."""
    retry: Mapping[str, Any] = field(default_factory=lambda: {"attempts": 1, "evaluateOnExit": []})
    timeout: int | None = None
    """Seconds of one attempt."""
    depends_on: tuple[Dependency, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    propagate_tags: bool = False
    ends_in: str = SUCCEEDED
    """The status in which the job stays where no engine runs it."""


@dataclass(eq=False)
class Job:
    """One job: of one container, an array, a child of an array, a multi-node job, or a node of one."""

    id: str
    arn: str
    asked: Asked
    container: dict[str, Any] | None = None
    """Properties of the container, overrides merged; None for a multi-node job."""
    nodes: dict[str, Any] | None = None
    """`nodeProperties` of a multi-node job."""
    parent: Job | None = None
    index: int | None = None
    children: list[Job] = field(default_factory=list)
    """Children of an array, or nodes."""
    status: str = SUBMITTED
    reason: str = ""
    created_at: int = field(default_factory=lambda: now())
    """Milliseconds since 1970, as all times here."""
    started_at: int | None = None
    stopped_at: int | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)
    task: dict[str, Any] = field(default_factory=dict)
    """What the latest attempt adds to the container: `taskArn`, `logStreamName`, `exitCode`, `reason` ..."""
    cancelled: bool = False
    terminated: bool = False

    @property
    def is_array(self) -> bool:
        """Whether this is the parent of an array."""
        return bool(self.children) and self.nodes is None

    @property
    def is_node(self) -> bool:
        """Whether this is a node of a multi-node job."""
        return self.parent is not None and self.parent.nodes is not None

    @property
    def is_main_node(self) -> bool:
        """Whether this is the node whose end is the end of its job."""
        return self.is_node and self.parent is not None and self.parent.nodes is not None and (
            self.parent.nodes["mainNode"] == self.index
        )  # fmt: skip

    @property
    def tasks(self) -> list[Job]:
        """What has a container each: the nodes of a multi-node job, the main one first; else the job itself."""
        if self.nodes is None:
            return [self]
        return sorted(self.children, key=lambda node: not node.is_main_node)

    def reach(self, status: str, reason: str = "") -> None:
        """Take a status, with its time."""
        self.status, self.reason = status, reason
        if status == RUNNING:
            self.started_at = now()
        if status in ENDED:
            self.stopped_at = now()

    def scheduled(self) -> Iterator[Job]:
        """What is placed by itself: the children of an array, or the job as a whole."""
        yield from self.children if self.is_array else (self,)


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)
