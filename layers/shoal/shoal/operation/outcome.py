"""What an operation's end says: the answer, or one line of root cause, and what becomes of the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shoal.cluster.statuses import ABSENT, meaning
from shoal.errors import ErrorCode, OperationError
from shoal.failure import NEXT_ACTIONS

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


def stopped(operation: Mapping[str, Any]) -> dict[str, Any]:
    """Why an operation failed whose execution was over before it had recorded its end: what it had found, if it had."""
    if "failure" in operation:
        return dict(operation["failure"])
    return {
        "code": str(ErrorCode.OPERATION_STOPPED),
        "cause": f"the execution of {operation['operation']} was stopped before it had ended, with all that it ran",
        "nextAction": NEXT_ACTIONS[ErrorCode.OPERATION_STOPPED],
    }


def closed(
    now: datetime, *, result: Mapping[str, Any] | None = None, failure: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The attributes that close an operation's item; configuration values never enter it."""
    if failure is not None:
        return {"status": "FAILED", "endedAt": now.isoformat(), "failure": dict(failure)}
    return {"status": "SUCCEEDED", "endedAt": now.isoformat(), "summary": (result or {}).get("summary", "")}


def cluster_status(
    operation: str, failure: Mapping[str, Any] | None, before: str | None, stack_status: str
) -> str | None:
    """ParallelCluster's `clusterStatus` after an operation.

    Args:
        operation: what was done.
        failure: why it failed, none when it succeeded.
        before: the status until now. Building images changes it only where it changes the stack.
        stack_status: CloudFormation's status of the stack now, or `ABSENT`. A failed update is judged by it: one
            that was refused has changed nothing.
    """
    if stack_status != ABSENT and (operation == "build-image" or (operation == "update" and failure is not None)):
        return meaning(stack_status).cluster_status
    if operation not in {"create", "update", "delete"}:
        return before
    if failure is None:
        return f"{operation.upper()}_COMPLETE"
    if failure["code"] == ErrorCode.CLUSTER_PROTECTED:
        return before
    return f"{operation.upper()}_FAILED"


def registered(
    operation: Mapping[str, Any],
    cluster: Mapping[str, Any] | None,
    result: Mapping[str, Any] | None,
    status: str | None,
    now: datetime,
) -> dict[str, Any]:
    """The cluster's item after an operation: what was known, what the operation found, and its new status."""
    known = {key: value for key, value in (cluster or {}).items() if key not in {"pk", "sk", "schemaVersion"}}
    found = dict((result or {}).get("cluster", {}))
    if "images" in found:
        found["images"] = _with_digests(found["images"], known.get("images", ()))
    return {
        "clusterName": operation["clusterName"],
        "createdAt": operation["startedAt"],
        **known,
        **found,
        "status": status,
        "updatedAt": now.isoformat(),
        "lastOperationId": operation["operationId"],
    }


def _with_digests(images: Sequence[Mapping[str, Any]], known: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Images with the digests that were known: an operation that built nothing has not asked for them."""
    digests = {image["tag"]: {"digest": image["digest"]} for image in known if "digest" in image}
    return [digests.get(image["tag"], {}) | dict(image) for image in images]


def with_what_is_left(failure: Mapping[str, Any], operation: str, stack_status: str) -> dict[str, Any]:
    """A failure that also tells of a stack which a failed creation has left, wanted or not."""
    if operation != "create" or stack_status == ABSENT or failure["code"] == ErrorCode.CLUSTER_EXISTS:
        return dict(failure)
    left = f"its stack is left in {stack_status}"
    return {**failure, "cause": f"{str(failure['cause']).rstrip('. ')}; {left}", "nextAction": "delete the cluster"}


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
