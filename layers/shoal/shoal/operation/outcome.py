"""What an operation's end says: the answer, or one line of root cause, and what becomes of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shoal.errors import ErrorCode, OperationError

LONGEST_LINE = 2_000
"""Characters of a failure's line; the console's banner shows no more."""


def refusal(error: OperationError) -> dict[str, Any]:
    """What the front door is told when a request cannot be carried out."""
    return {"route": "refuse", "failure": told(failure_item(error))}


def failure_item(error: OperationError) -> dict[str, Any]:
    """An error as the ledger keeps it."""
    facts = {"resource": error.resource, "link": error.link, "nextAction": error.next_action}
    return {"code": str(error.code), "cause": error.message, **{key: value for key, value in facts.items() if value}}


def told(failure: Mapping[str, Any]) -> dict[str, Any]:
    """A failure with its `line`: cause, link and next action in one line."""
    parts = [str(failure["cause"])]
    parts += [f"See {failure['link']}"] if failure.get("link") else []
    parts += [f"Next: {failure['nextAction']}"] if failure.get("nextAction") else []
    sentences = [" ".join(part.split()).rstrip(".") for part in parts]
    line = " ".join(part if part.endswith("?") else f"{part}." for part in sentences)
    return {**failure, "line": line.removesuffix(".")[:LONGEST_LINE]}


def failure_of(operation: Mapping[str, Any], caught: Mapping[str, Any]) -> dict[str, Any]:
    """The root cause of a failed operation: what its machine recorded, or else what the front door caught."""
    if "failure" in operation:
        return dict(operation["failure"])
    code = ErrorCode.DEADLINE_EXCEEDED if caught.get("error") == "States.Timeout" else ErrorCode.INTERNAL_ERROR
    return {
        "code": str(code),
        "cause": f"{operation['operation']} failed with {caught.get('error')} and recorded no cause",
        "nextAction": "look at the child execution's history",
    }


def closed(
    now: datetime, *, result: Mapping[str, Any] | None = None, failure: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The attributes that close an operation's item; configuration values never enter it."""
    if failure is not None:
        return {"status": "FAILED", "endedAt": now.isoformat(), "failure": dict(failure)}
    return {"status": "SUCCEEDED", "endedAt": now.isoformat(), "summary": (result or {}).get("summary", "")}


def cluster_status(operation: str, succeeded: bool, before: str | None) -> str | None:
    """ParallelCluster's `clusterStatus` after an operation; building an image does not change it."""
    if operation in {"create", "update", "delete"}:
        return f"{operation.upper()}_{'COMPLETE' if succeeded else 'FAILED'}"
    return before


def registered(
    operation: Mapping[str, Any], cluster: Mapping[str, Any] | None, result: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """The cluster's item after an operation: what was known, what the operation found, and its new status."""
    known = {key: value for key, value in (cluster or {}).items() if key not in {"pk", "sk", "schemaVersion"}}
    facts = dict((result or {}).get("cluster", {}))
    status = cluster_status(operation["operation"], result is not None, known.get("status"))
    return {
        "clusterName": operation["clusterName"],
        "createdAt": operation["startedAt"],
        **known,
        **facts,
        "status": status,
        "updatedAt": now.isoformat(),
        "lastOperationId": operation["operationId"],
    }


def answer(operation: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """The output of a successful execution: the child's answer without the facts that only the ledger needs."""
    shown = {key: value for key, value in result.items() if key != "cluster"}
    return {
        "operation": operation["operation"],
        "clusterName": operation["clusterName"],
        "operationId": operation["operationId"],
        **shown,
    }


def forgets(operation: str, *, failed: bool) -> bool:
    """Whether the ledger forgets the cluster when the operation ends and no stack of it is left.

    A deletion that failed after its stack was gone has found leftovers: what the ledger knows of the stack is what
    the next deletion finds them by.
    """
    return operation == "create" or (operation == "delete" and not failed)
