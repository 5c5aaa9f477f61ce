"""The partition keys that a DynamoDB request names, for policies that allow some items of a table only.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html - `dynamodb:LeadingKeys`
holds the partition keys of the items of a request; a Scan names none, so that a policy with `ForAllValues` alone lets
it pass. MiniStack does not know the key: whoever is limited by it is denied everything, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.dynamodb", "_tables"),)

KEY = "dynamodb:LeadingKeys"


def leading_keys(asked: Mapping[str, Any]) -> dict[str, list[str]]:
    """The condition key of a request, if it names items.

    Args:
        asked: the request's members: `TableName` and `Key`, `Item` or a condition on keys; `RequestItems` of a batch;
            `TransactItems`.
    """
    found = [*_single(asked), *_batch(asked), *_transaction(asked)]
    return {KEY: list(dict.fromkeys(found))} if found else {}


def _single(asked: Mapping[str, Any]) -> Iterator[str]:
    name = _partition_key(asked.get("TableName"))
    for member in ("Key", "Item"):
        yield from _text((asked.get(member) or {}).get(name))
    if not asked.get("IndexName"):
        yield from _condition(asked, name)


def _condition(asked: Mapping[str, Any], name: str) -> Iterator[str]:
    """The partition key that a Query asks for: the value to which its expression compares it."""
    expression = str(asked.get("KeyConditionExpression") or "")
    names = {name, *(alias for alias, meant in (asked.get("ExpressionAttributeNames") or {}).items() if meant == name)}
    values = asked.get("ExpressionAttributeValues") or {}
    for part in expression.replace("(", " ").replace(")", " ").replace(" and ", " AND ").split(" AND "):
        left, _, right = (side.strip() for side in part.partition("="))
        if left in names:
            yield from _text(values.get(right))
        elif right in names:
            yield from _text(values.get(left))


def _batch(asked: Mapping[str, Any]) -> Iterator[str]:
    for table, wanted in (asked.get("RequestItems") or {}).items():
        name = _partition_key(table)
        if isinstance(wanted, Mapping):
            keys = wanted.get("Keys") or []
        else:
            parts = [part for one in wanted for part in one.values()]
            keys = [part.get("Key") or part.get("Item") or {} for part in parts]
        for key in keys:
            yield from _text(key.get(name))


def _transaction(asked: Mapping[str, Any]) -> Iterator[str]:
    for item in asked.get("TransactItems") or []:
        for part in item.values():
            yield from _text((part.get("Key") or part.get("Item") or {}).get(_partition_key(part.get("TableName"))))


def _partition_key(table: Any) -> str:
    from ministack.services import dynamodb

    record = dynamodb._tables.get(str(table or "").rsplit("/", 1)[-1]) or {}
    return str(record.get("pk_name") or "")


def _text(attribute: Any) -> Iterator[str]:
    """An attribute's value as policies compare it."""
    if isinstance(attribute, Mapping):
        yield from (str(found) for found in attribute.values())
