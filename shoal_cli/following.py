"""Following an execution and its children: which states it is in, for how long, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

PAGE = {"PageSize": 1000}
"""The largest; every page is a call, and an account has 20 of them a second
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""
ENDED = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")


@dataclass
class State:
    """One state that an execution entered."""

    execution: str
    """ARN of the execution; two of one machine may run side by side."""
    kind: str
    """`Task`, `Choice`, `Wait` and so on."""
    name: str
    entered: datetime
    left: datetime | None = None

    @property
    def machine(self) -> str:
        """Name of the state machine."""
        return self.execution.split(":")[6]


@dataclass
class Following:
    """An execution and all executions it started, as far as their histories have been read."""

    client: Any
    """Step Functions."""
    root: str
    """ARN of the execution."""
    states: list[State] = field(default_factory=list)
    _executions: list[str] = field(default_factory=list)
    _ended: set[str] = field(default_factory=set)
    _read: dict[str, int] = field(default_factory=dict)
    """Id of the last event read, by execution."""

    def read(self) -> None:
        """Read what happened since the last time, children included."""
        if not self._executions:
            self._executions.append(self.root)
        for arn in self._executions:  # grows while it is walked: children are read in the same round
            if arn not in self._ended:
                for event in self._new_events(arn):
                    self._take(arn, event)

    def _new_events(self, arn: str) -> Iterator[dict[str, Any]]:
        after = self._read.get(arn, 0)
        for page in self.client.get_paginator("get_execution_history").paginate(
            executionArn=arn, includeExecutionData=True, PaginationConfig=PAGE
        ):
            for event in page["events"]:
                if event["id"] > after:
                    self._read[arn] = event["id"]
                    yield event

    def _take(self, arn: str, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            entered = event["stateEnteredEventDetails"]["name"]
            self.states.append(State(arn, kind.removesuffix("StateEntered"), entered, event["timestamp"]))
        elif kind.endswith("StateExited"):
            self._leave(arn, event["stateExitedEventDetails"]["name"], event["timestamp"])
        elif kind == "TaskSubmitted":
            self._adopt(event["taskSubmittedEventDetails"])
        elif kind in ENDED:
            self._ended.add(arn)
            self._leave(arn, None, event["timestamp"])

    def _leave(self, arn: str, name: str | None, when: datetime) -> None:
        """Close the newest open state of that name, or all when the execution has ended."""
        for state in reversed(self.states):
            if state.execution == arn and state.left is None and name in {None, state.name}:
                state.left = when
                if name is not None:
                    return

    def _adopt(self, details: dict[str, Any]) -> None:
        if not details["resource"].startswith("startExecution"):
            return
        child = json.loads(details.get("output") or "{}").get("ExecutionArn")
        if child and child not in self._executions:
            self._executions.append(child)


def outcome(client: Any, arn: str) -> dict[str, Any]:
    """DescribeExecution's answer: `status` and `output`, or `error` and `cause`."""
    answer: dict[str, Any] = client.describe_execution(executionArn=arn)
    return answer


def last_lines(client: Any, arn: str) -> list[str]:
    """The end of a failed build's log, as the front door has recorded it just before it failed; none without a build.

    A failed execution has no output, and its cause is one line: the lines are in the answer of the last Task.
    """
    page = client.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=10, includeExecutionData=True)
    outputs = (event.get("taskSucceededEventDetails", {}).get("output") for event in page["events"])
    answer = json.loads(next((output for output in outputs if output), "{}"))
    lines: list[str] = answer.get("Payload", {}).get("failure", {}).get("log", [])
    return lines
