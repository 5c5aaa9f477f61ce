"""The cluster's lock: taken with the operation's item in one transaction, also from a holder that has died."""

from __future__ import annotations

from shoal.aws import dynamodb, states
from shoal.ledger import Start, begin, closing, operation_key
from shoal.operation import admission
from shoal.operation.outcome import closed, stopped


def take(start: Start, *, registers: bool) -> None:
    """Take the lock and open the operation's item; a second try of the same operation finds it taken and goes on.

    A holder whose execution no longer runs is replaced, and its item closed, as it could not do that itself:
    Step Functions is asked, time alone says nothing.

    Args:
        start: the operation that begins.
        registers: whether the cluster is new and gets its item.

    Raises:
        OperationError: `ClusterBusy`, naming the operation that works on the cluster.
    """
    if dynamodb.write(begin(start, registers=registers)):
        return
    lock = dynamodb.read_lock(start.cluster) or {}
    if lock.get("holder") == start.operation_id:
        return
    if "holder" in lock and states.is_running(lock["executionArn"]):
        raise admission.busy(start.cluster, lock)
    if not dynamodb.write(begin(start, dead_holder=lock.get("holder"), registers=registers)):
        raise admission.busy(start.cluster, dynamodb.read_lock(start.cluster) or {})
    if "holder" in lock:
        _close(start, lock["holder"])


def _close(start: Start, dead: str) -> None:
    """Record that an operation was stopped; nothing where its item is closed or has expired."""
    operation = dynamodb.read_operation(start.cluster, dead)
    if operation and operation["status"] == "RUNNING":
        outcome = closed(start.started, failure=stopped(operation))
        dynamodb.write([closing(operation_key(start.cluster, dead), outcome)])
