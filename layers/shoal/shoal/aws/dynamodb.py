"""The ledger's table: reads, conditional writes and transactions, with plain Python values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shoal import ledger
from shoal.aws.items import decode, encode
from shoal.aws.session import client
from shoal.settings import Settings


def _table() -> str:
    return Settings.from_environment().ledger_table


def _get(key: Mapping[str, Any]) -> dict[str, Any] | None:
    answer = client("dynamodb").get_item(TableName=_table(), Key=encode(key), ConsistentRead=True)
    return decode(answer["Item"]) if "Item" in answer else None


def read_cluster(name: str) -> dict[str, Any] | None:
    """A cluster's item, read consistently; none if the ledger does not know it."""
    return _get(ledger.cluster_key(name))


def read_lock(name: str) -> dict[str, Any] | None:
    """A cluster's lock; `holder` is absent when it is free."""
    return _get(ledger.lock_key(name))


def read_operation(cluster_name: str, operation_id: str) -> dict[str, Any] | None:
    """An operation's item."""
    return _get(ledger.operation_key(cluster_name, operation_id))


def list_clusters(limit: int, after: str | None = None) -> tuple[list[dict[str, Any]], str | None]:
    """One page of the clusters by name, and the name to go on after, if there are more.

    Args:
        limit: clusters on a page, 1 to 100.
        after: the last name of the page before.
    """
    arguments: dict[str, Any] = {"ExclusiveStartKey": encode(ledger.cluster_key(after))} if after else {}
    answer = client("dynamodb").query(
        TableName=_table(),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=encode({":pk": ledger.cluster_key("")["pk"]}),
        Limit=limit,
        **arguments,
    )
    more = answer.get("LastEvaluatedKey")
    return [decode(item) for item in answer["Items"]], decode(more)["sk"] if more else None


def last_operation(cluster_name: str) -> dict[str, Any] | None:
    """The newest operation of a cluster; operation ids sort by time."""
    answer = client("dynamodb").query(
        TableName=_table(),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=encode({":pk": ledger.operation_key(cluster_name, "")["pk"]}),
        ScanIndexForward=False,
        Limit=1,
    )
    return next((decode(item) for item in answer["Items"]), None)


def put_operation(start: ledger.Start) -> None:
    """Open the item of an operation that takes no lock; a second try leaves the first item."""
    try:
        client("dynamodb").put_item(
            TableName=_table(),
            Item=encode(ledger.operation_item(start)),
            ConditionExpression="attribute_not_exists(pk)",
        )
    except client("dynamodb").exceptions.ConditionalCheckFailedException:
        return


def write(transaction: Iterable[ledger.Write]) -> bool:
    """Carry out a transaction of at most 100 writes; whether every condition held.

    Source of the limit: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    try:
        client("dynamodb").transact_write_items(TransactItems=list(_encoded_writes(transaction)))
    except client("dynamodb").exceptions.TransactionCanceledException as error:
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
        if "ConditionalCheckFailed" in reasons:
            return False
        raise
    return True


def _encoded_writes(transaction: Iterable[ledger.Write]) -> Iterator[dict[str, Any]]:
    for item in transaction:
        ((kind, arguments),) = item.items()
        encoded = {
            name: encode(value) if name in {"Key", "Item", "ExpressionAttributeValues"} else value
            for name, value in arguments.items()
        }
        yield {kind: {"TableName": _table(), **encoded}}


def record_failure(cluster_name: str, operation_id: str, failure: Mapping[str, Any]) -> None:
    """Write an operation's root cause; the first one stays, later ones are its consequences."""
    client("dynamodb").update_item(
        TableName=_table(),
        Key=encode(ledger.operation_key(cluster_name, operation_id)),
        UpdateExpression="SET failure = if_not_exists(failure, :failure)",
        ExpressionAttributeValues=encode({":failure": dict(failure)}),
    )


def put_answer(key: str, facts: Mapping[str, Any], expires_at: int) -> None:
    """Keep what CloudFormation needs to be answered (its response URL among it) until `expires_at`, epoch seconds."""
    item = {**ledger.answer_key(key), **facts, "expiresAt": expires_at}
    client("dynamodb").put_item(TableName=_table(), Item=encode(item))


def read_answer(key: str) -> dict[str, Any] | None:
    """What `put_answer` kept, if it is still there."""
    return _get(ledger.answer_key(key))


def forget_answer(key: str) -> None:
    """CloudFormation has been answered."""
    client("dynamodb").delete_item(TableName=_table(), Key=encode(ledger.answer_key(key)))


def set_fleet_status(cluster_name: str, status: str) -> None:
    """Keep what `start` or `stop` wants of a cluster: it holds from the first of their steps on, and through updates.

    Args:
        cluster_name: a cluster that the ledger knows.
        status: `RUNNING` or `STOPPED`.
    """
    client("dynamodb").update_item(
        TableName=_table(),
        Key=encode(ledger.cluster_key(cluster_name)),
        UpdateExpression="SET fleetStatus = :status",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues=encode({":status": status}),
    )


def forget_failure(cluster_name: str, operation_id: str) -> None:
    """What an operation has recorded as its failure is being repaired."""
    client("dynamodb").update_item(
        TableName=_table(),
        Key=encode(ledger.operation_key(cluster_name, operation_id)),
        UpdateExpression="REMOVE failure",
    )
