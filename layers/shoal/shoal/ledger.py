"""The ledger's items and the transactions that begin and end an operation, as values.

One DynamoDB table. Keys:

| pk | sk | item |
|---|---|---|
| `CLUSTER` | name | a cluster: kind, stack, configuration, site, image, status |
| `LOCK` | name | who works on the cluster; stays when released, so that `fence` only grows |
| `OPERATION#<name>` | operation id | one operation: what was asked, outcome or failure; expires |
| `ANSWER` | key | where CloudFormation waits for a custom resource's answer; expires |

Transactions are lists for `TransactWriteItems`, in DynamoDB's own notation with plain Python values
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

SCHEMA_VERSION = 1
HISTORY = timedelta(days=90)
"""How long an operation's item is kept."""

Item = dict[str, Any]
Write = dict[str, Any]


def cluster_key(name: str) -> Item:
    """Key of a cluster's item."""
    return {"pk": "CLUSTER", "sk": name}


def lock_key(name: str) -> Item:
    """Key of a cluster's lock."""
    return {"pk": "LOCK", "sk": name}


def operation_key(cluster: str, operation_id: str) -> Item:
    """Key of an operation's item; ids sort by time."""
    return {"pk": f"OPERATION#{cluster}", "sk": operation_id}


def answer_key(key: str) -> Item:
    """Key of the place where a custom resource's response URL waits."""
    return {"pk": "ANSWER", "sk": key}


def operation_id(execution_arn: str, started: datetime) -> str:
    """The id of the operation that an execution carries out: the same for every try of its first state."""
    digest = hashlib.sha256(execution_arn.encode()).hexdigest()[:8]
    return f"op-{started:%Y%m%dT%H%M%S}-{digest}"


@dataclass(frozen=True)
class Start:
    """An operation that begins."""

    operation_id: str
    operation: str
    cluster: str
    execution_arn: str
    started: datetime
    deadline: datetime
    dryrun: bool
    configuration: Mapping[str, str] | None = None
    """Bucket, key and version of the stored configuration."""


def operation_item(start: Start) -> Item:
    """The item of an operation that runs."""
    return {
        **operation_key(start.cluster, start.operation_id),
        "schemaVersion": SCHEMA_VERSION,
        "operationId": start.operation_id,
        "operation": start.operation,
        "clusterName": start.cluster,
        "executionArn": start.execution_arn,
        "startedAt": start.started.isoformat(),
        "deadline": start.deadline.isoformat(),
        "dryrun": start.dryrun,
        "status": "RUNNING",
        "expiresAt": int((start.started + HISTORY).timestamp()),
        **({"configuration": dict(start.configuration)} if start.configuration else {}),
    }


def begin(start: Start, *, registers: bool, dead_holder: str | None = None) -> list[Write]:
    """The transaction that takes the cluster's lock and opens the operation's item.

    Args:
        start: what begins.
        registers: whether the cluster is new and gets its item, so that `list` shows it while it is created.
        dead_holder: the operation that held the lock when its execution ended without releasing it; only
            that holder is replaced.
    """
    free = "attribute_not_exists(holder)" if dead_holder is None else "holder = :dead"
    writes: list[Write] = [
        {
            "Update": {
                "Key": lock_key(start.cluster),
                "UpdateExpression": "SET holder = :holder, executionArn = :arn, operation = :operation, "
                "takenAt = :now, schemaVersion = :version ADD fence :one",
                "ConditionExpression": free,
                "ExpressionAttributeValues": {
                    ":holder": start.operation_id,
                    ":arn": start.execution_arn,
                    ":operation": start.operation,
                    ":now": start.started.isoformat(),
                    ":version": SCHEMA_VERSION,
                    ":one": 1,
                    **({":dead": dead_holder} if dead_holder else {}),
                },
            }
        },
        {"Put": {"Item": operation_item(start), "ConditionExpression": "attribute_not_exists(pk)"}},
    ]
    if registers:
        writes.append({"Put": {"Item": _new_cluster(start), "ConditionExpression": "attribute_not_exists(pk)"}})
    return writes


def _new_cluster(start: Start) -> Item:
    return {
        **cluster_key(start.cluster),
        "schemaVersion": SCHEMA_VERSION,
        "clusterName": start.cluster,
        "status": "CREATE_IN_PROGRESS",
        "generation": f"{start.started:%Y%m%dT%H%M%S}",
        "createdAt": start.started.isoformat(),
        "updatedAt": start.started.isoformat(),
        "lastOperationId": start.operation_id,
    }


def closing(start_key: Item, outcome: Item) -> Write:
    """The write that records an outcome on an operation's item; an item is closed once.

    Args:
        start_key: key of the operation's item.
        outcome: `status`, `endedAt` and `result` or `failure`.
    """
    return {
        "Update": {
            "Key": start_key,
            "UpdateExpression": "SET " + ", ".join(f"#{key} = :{key}" for key in outcome),
            "ConditionExpression": "#status = :running",
            "ExpressionAttributeNames": {f"#{key}": key for key in outcome} | {"#status": "status"},
            "ExpressionAttributeValues": {f":{key}": value for key, value in outcome.items()} | {":running": "RUNNING"},
        }
    }


def end(
    start_key: Item, holder: str, cluster: str, outcome: Item, register: Item | None, *, forget: bool
) -> list[Write]:
    """The transaction that records an outcome, keeps or forgets the cluster, and releases the lock.

    It succeeds once: the lock must still be the operation's own (the fence), and the item must still run.

    Args:
        start_key: key of the operation's item.
        holder: the operation's id.
        cluster: the cluster's name.
        outcome: `status`, `endedAt` and `result` or `failure`.
        register: the cluster's facts to store, if the operation changed them.
        forget: whether the cluster is gone.
    """
    writes: list[Write] = [
        closing(start_key, outcome),
        {
            "Update": {
                "Key": lock_key(cluster),
                "UpdateExpression": "REMOVE holder, executionArn, operation, takenAt",
                "ConditionExpression": "holder = :holder",
                "ExpressionAttributeValues": {":holder": holder},
            }
        },
    ]
    if forget:
        writes.append({"Delete": {"Key": cluster_key(cluster)}})
    elif register is not None:
        writes.append({"Put": {"Item": {**cluster_key(cluster), "schemaVersion": SCHEMA_VERSION, **register}}})
    return writes
