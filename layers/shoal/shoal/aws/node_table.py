"""A Slurm cluster's node table, as far as the control plane reads it: single items by their keys, never a scan.

What the control plane may see is `status#head`, `configuration#<version>` and `fleet`; the last it writes as well. The
records of nodes and the cluster's secret are the cluster's own.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from shoal.aws.items import decode, encode
from shoal.aws.session import client

HEAD = "status#head"
FLEET = "fleet"
_TIMES = ("changedAt", "nodesChangedAt")


def _get(table: str, key: str) -> dict[str, Any] | None:
    answer = client("dynamodb").get_item(TableName=table, Key=encode({"pk": key}), ConsistentRead=True)
    return decode(answer["Item"]) if "Item" in answer else None


def head_status(table: str) -> dict[str, Any]:
    """What the head node has published, part by part; nothing before it has published anything."""
    item = _get(table, HEAD) or {}
    return {name: part if name in _TIMES else json.loads(part) for name, part in item.items() if name != "pk"}


def configuration(table: str, version: str) -> dict[str, Any] | None:
    """What the head node says of a version of the configuration (`state`, `error`, `log`), or none before it does."""
    return _get(table, f"configuration#{version}")


def set_fleet_status(table: str, status: str, now: datetime) -> None:
    """Tell the head node whether nodes are started at all: `RUNNING` or `STOPPED`."""
    item = {"pk": FLEET, "status": status, "changedAt": int(now.timestamp())}
    client("dynamodb").put_item(TableName=table, Item=encode(item))
