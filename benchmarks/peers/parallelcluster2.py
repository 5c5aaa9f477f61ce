"""ParallelCluster 2's sqswatcher: its own functions in the order of its own loop, with a scheduler that does nothing.

Runs in `.tools/pcluster2`. Left out are its 30 seconds between two looks, and its wait for messages that do not come.
"""

from __future__ import annotations

import json
import sys
import time
from types import SimpleNamespace
from typing import Any

import boto3
from common.utils import get_instance_properties
from sqswatcher.sqswatcher import (
    DEFAULT_MAX_PROCESSED_MESSAGES,
    _parse_sqs_messages,
    _process_sqs_messages,
    _retrieve_all_sqs_messages,
)

from benchmarks.peers.calls import Calls, serve

PROPERTIES = {"slots": 2, "gpus": 0}


def nothing(_size: int, _user: str, events: Any, _properties: dict[str, int]) -> tuple[list[Any], list[Any]]:
    """A scheduler that takes every node at once: nothing failed, all succeeded."""
    return [], list(events)


class Patient:
    """The queue; a receive that brings nothing counts as waiting."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.waited = 0.0

    def receive_messages(self, **arguments: Any) -> Any:
        """Messages, as the queue gives them."""
        began = time.perf_counter()
        found = self._queue.receive_messages(**arguments)
        if not found:
            self.waited += time.perf_counter() - began
        return found

    def send_message(self, **arguments: Any) -> Any:
        """Nothing is ever sent again here: no node is unknown."""
        raise RuntimeError(f"requeued: {arguments}")


def main(told: dict[str, Any]) -> None:
    """Handle the queue, each time that it is told to."""
    boto3.setup_default_session(region_name=told["region"])
    events = boto3._get_default_session().events  # all clients are made from it
    calls = Calls(events, told["round_trip"])
    queue = Patient(boto3.resource("sqs").Queue(told["queue"]))
    table = boto3.resource("dynamodb").Table(told["table"])
    table.get_item(Key={"instanceId": "nobody"})
    get_instance_properties.cache = {told["instance_type"]: PROPERTIES}
    scheduler, config = SimpleNamespace(update_cluster=nothing), SimpleNamespace(cluster_user="nobody")

    def handle(_: dict[str, Any]) -> float:
        before = queue.waited
        messages = _retrieve_all_sqs_messages(queue, DEFAULT_MAX_PROCESSED_MESSAGES)
        found = _parse_sqs_messages(told["region"], None, messages, table, queue)
        _process_sqs_messages(found, scheduler, config, table, queue, told["nodes"], PROPERTIES, False)
        return queue.waited - before

    serve(calls, handle)


if __name__ == "__main__":
    main(json.loads(sys.stdin.readline()))
