"""The cluster's table of nodes in DynamoDB: every change says which state it expects, so that none is made twice.

One item for each key `pk`: `node#<instance id>`, `refusal#<group>` (AWS launches nothing there now), `fleet` (whether
the control plane has stopped it), `status#head`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shoal_node.aws import at_once, client
from shoal_node.decide import Instance, Record, State
from shoal_node.fleet import Fleet

KEEP_SECONDS = 3600
"""How long the record of an ended instance stays: so long a late notice about it finds that it is known to be dead."""
KEEP_FAILURE_SECONDS = 24 * 3600
"""The same for one that failed: so long `shoal describe` can say why."""
MOST_KEYS = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
MOST_WRITES = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
UNKNOWN_YET = "attribute_not_exists(pk)"
HEAD = "status#head"
FLEET = "fleet"
STOPPED = "STOPPED"


@dataclass(frozen=True)
class NodeTable:
    """The table of one cluster. All methods raise boto3's errors where AWS does not answer or refuses."""

    fleet: Fleet

    @property
    def _client(self) -> Any:
        return client("dynamodb", self.fleet.region, self.fleet.endpoint_url)

    def all(self) -> dict[str, Record]:
        """Every record, by instance id."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self.fleet.table,
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :node)",
            ExpressionAttributeValues={":node": {"S": "node#"}},
        )
        records = [_record(item) for page in pages for item in page["Items"]]
        return {record.instance_id: record for record in records}

    def of(self, instance_ids: Iterable[str]) -> dict[str, Record]:
        """The records of some instances; those without one are left out."""
        records = [_record(item) for item in self._items([f"node#{name}" for name in sorted(set(instance_ids))])]
        return {record.instance_id: record for record in records}

    def put_new(self, instances: Iterable[Instance], now: int) -> None:
        """Record instances as LAUNCHING; one that has a record keeps it."""
        self._write([{"Item": _item(_new(told, now)), "ConditionExpression": UNKNOWN_YET} for told in instances])

    def change(self, changes: Iterable[tuple[Record, State]], now: int) -> None:
        """Give records other states; one that somebody else changed meanwhile stays as it is."""
        self._write([_change(record, state, now) for record, state in changes])

    def put_refusal(self, group: str, refusal: dict[str, Any]) -> None:
        """Keep that AWS launches nothing for a group, until `expiresAt`."""
        item = {"pk": {"S": f"refusal#{group}"}, "told": {"S": json.dumps(refusal)}}
        self._client.put_item(
            TableName=self.fleet.table, Item={**item, "expiresAt": {"N": str(refusal["until"] + KEEP_SECONDS)}}
        )

    def clear_refusal(self, group: str) -> None:
        """Forget that AWS launched nothing for a group: it did again."""
        self._client.delete_item(TableName=self.fleet.table, Key={"pk": {"S": f"refusal#{group}"}})

    def refusals(self) -> dict[str, dict[str, Any]]:
        """What is kept of AWS launching nothing, by group."""
        found = self._items([f"refusal#{resource.group}" for resource in self.fleet.resources])
        return {item["pk"]["S"].partition("#")[2]: json.loads(item["told"]["S"]) for item in found}

    def publish(self, stamp: str, now: int, parts: Mapping[str, str]) -> None:
        """Write parts of `status#head` and the time, under the name `stamp`; the other parts stay as they are."""
        values = {**{name: {"S": text} for name, text in parts.items()}, stamp: {"N": str(now)}}
        self._client.update_item(
            TableName=self.fleet.table,
            Key={"pk": {"S": HEAD}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )

    def is_stopped(self) -> bool:
        """Whether the control plane has stopped the fleet: nothing is started then."""
        (item,) = self._items([FLEET]) or [{}]
        return bool(item.get("status", {}).get("S") == STOPPED)

    def _items(self, keys: list[str]) -> list[dict[str, Any]]:
        parts = [keys[start : start + MOST_KEYS] for start in range(0, len(keys), MOST_KEYS)]
        return [item for items in at_once(self._some_items, parts) for item in items]

    def _some_items(self, keys: list[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        request = {self.fleet.table: {"Keys": [{"pk": {"S": key}} for key in keys], "ConsistentRead": True}}
        while request:
            answer = self._client.batch_get_item(RequestItems=request)
            found += answer["Responses"].get(self.fleet.table, [])
            request = answer.get("UnprocessedKeys") or {}
        return found

    def _write(self, puts: list[dict[str, Any]]) -> None:
        """Put items, each unless its condition fails: many at once, or one by one where that does not go."""
        puts = [{"TableName": self.fleet.table, **put} for put in puts]
        at_once(self._write_some, [puts[start : start + MOST_WRITES] for start in range(0, len(puts), MOST_WRITES)])

    def _write_some(self, puts: list[dict[str, Any]]) -> None:
        if len(puts) > 1:
            with contextlib.suppress(self._client.exceptions.TransactionCanceledException):
                self._client.transact_write_items(TransactItems=[{"Put": put} for put in puts])
                return
        for put in puts:  # for one whose condition fails, a transaction puts none
            with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
                self._client.put_item(**put)


def _new(instance: Instance, now: int) -> Record:
    return Record(
        instance.instance_id,
        instance.node_name,
        instance.queue,
        instance.compute_resource,
        instance.address,
        State.LAUNCHING,
        now,
        now,
    )


def _change(record: Record, state: State, now: int) -> dict[str, Any]:
    item = _item(replace(record, state=state, changed_at=now))
    if state is State.TERMINATING:
        item["expiresAt"] = {"N": str(now + (KEEP_FAILURE_SECONDS if record.why else KEEP_SECONDS))}
    return {
        "Item": item,
        "ConditionExpression": "#state = :before",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":before": {"S": record.state.value}},
    }


def _item(record: Record) -> dict[str, Any]:
    texts = {
        "pk": f"node#{record.instance_id}",
        "instanceId": record.instance_id,
        "nodeName": record.node_name,
        "queue": record.queue,
        "computeResource": record.compute_resource,
        "address": record.address,
        "state": record.state.value,
    }
    numbers = {"launchedAt": record.launched_at, "changedAt": record.changed_at}
    failure: dict[str, Any] = {}
    if record.why:
        lines = [{"S": line} for line in record.log]
        failure = {"why": {"S": record.why}, "log": {"L": lines}, "failedAt": {"N": str(record.failed_at)}}
    return {
        **{name: {"S": text} for name, text in texts.items()},
        **{name: {"N": str(number)} for name, number in numbers.items()},
        **failure,
    }


def _record(item: dict[str, Any]) -> Record:
    return Record(
        item["instanceId"]["S"],
        item["nodeName"]["S"],
        item["queue"]["S"],
        item["computeResource"]["S"],
        item["address"]["S"],
        State(item["state"]["S"]),
        int(item["launchedAt"]["N"]),
        int(item["changedAt"]["N"]),
        item.get("why", {}).get("S", ""),
        tuple(line["S"] for line in item.get("log", {}).get("L", ())),
        int(item.get("failedAt", {}).get("N", 0)),
    )
