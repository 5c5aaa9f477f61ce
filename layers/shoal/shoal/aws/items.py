"""DynamoDB's items as plain Python values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer


def encode(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values in DynamoDB's own notation."""
    serialize = TypeSerializer().serialize
    return {key: serialize(value) for key, value in values.items()}


def decode(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item's values; numbers become int or float."""
    deserialize = TypeDeserializer().deserialize
    return {key: _plain(deserialize(value)) for key, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
