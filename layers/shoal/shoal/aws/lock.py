"""The cluster's lock: taken with the operation's item in one transaction, also from a holder that has died."""

from __future__ import annotations

from shoal.aws import dynamodb, states
from shoal.ledger import Start, begin
from shoal.operation import admission


def take(start: Start, *, registers: bool) -> None:
    """Take the lock and open the operation's item; a second try of the same operation finds it taken and goes on.

    A holder whose execution no longer runs is replaced: Step Functions is asked, time alone says nothing.

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
