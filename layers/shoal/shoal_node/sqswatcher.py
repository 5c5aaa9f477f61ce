"""sqswatcher, on the head node: reads the cluster's queue, and looks at every node once a minute.

A message is deleted last, when what it led to is done; one that nobody can read, or that leads nowhere while Slurm
or AWS does not answer, comes back by itself, and goes to the dead letters after as many tries as the queue allows.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from shoal_node import daemon
from shoal_node.aws import AT_ONCE, at_once, client
from shoal_node.capacity import OF_NODES, refused_again
from shoal_node.decide import Record
from shoal_node.fleet import FLEET_FILE, Fleet
from shoal_node.hosts import keep_hosts
from shoal_node.notices import Kind, Notice, NoticeError, parse
from shoal_node.reconcile import Reconciler
from shoal_node.slurm import nodes as slurm_nodes
from shoal_node.slurm.commands import SlurmError
from shoal_node.status import Publisher, told_decisions, told_failures, told_nodes

log = logging.getLogger("shoal_node")

BATCH = 10
LONG_POLL = 20
"""Seconds; both are the most that SQS takes, https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html"""
MOST_MESSAGES = 500
"""Handled together: AWS and Slurm are asked once about all of their nodes."""
SWEEP_SECONDS = 60.0
TELL_SECONDS = 5.0
"""How long what messages have changed may be unpublished: a hundred nodes that join are told of once, not each time."""
ABOUT_INSTANCES = (Kind.LAUNCH, Kind.TERMINATE, Kind.TERMINATE_ERROR, Kind.READY, Kind.FAILED)


class Watcher:
    """The daemon's state between two looks."""

    def __init__(
        self,
        fleet: Fleet,
        sweep_seconds: float = SWEEP_SECONDS,
        long_poll: int = LONG_POLL,
        keep: Callable[[Iterable[Record]], None] | None = None,
    ) -> None:
        self._fleet = fleet
        self._reconciler = Reconciler(fleet)
        self._sweep_seconds = sweep_seconds
        self._long_poll = long_poll
        self._keep = keep
        """What else is told of the records when something has changed."""
        self._next_sweep = 0.0
        self._status = Publisher(self._reconciler.table, "nodesChangedAt")
        self._tell_at = math.inf
        """When what has changed is published."""

    def look(self) -> None:
        """Handle the messages that are there, or wait for some; then look at every node if it is time."""
        wait = max(0.0, min(self._long_poll, min(self._next_sweep, self._tell_at) - time.monotonic()))
        messages = self._receive(math.ceil(wait))
        if messages:
            self._handle(messages)
            self._tell_at = min(self._tell_at, time.monotonic() + TELL_SECONDS)
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + self._sweep_seconds
            self._reconciler.sweep()
            self._tell_at = 0.0
        if time.monotonic() >= self._tell_at:
            self._publish()
            self._tell_at = math.inf

    @property
    def _queue(self) -> Any:
        return client("sqs", self._fleet.region, self._fleet.endpoint_url)

    def _receive(self, wait: int) -> list[dict[str, Any]]:
        """Messages: as many as one call brings, and while all calls bring as many as they can, more."""
        messages = self._receive_some(wait)
        full = len(messages) == BATCH
        while full and len(messages) < MOST_MESSAGES:
            more = at_once(self._receive_some, [0] * AT_ONCE)
            messages += [message for some in more for message in some]
            full = all(len(some) == BATCH for some in more)
        return messages

    def _receive_some(self, wait: int) -> list[dict[str, Any]]:
        answer = self._queue.receive_message(
            QueueUrl=self._fleet.queue_url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=wait
        )
        return list(answer.get("Messages", []))

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        read: list[tuple[dict[str, Any], Notice]] = []
        for message in messages:
            try:
                read.append((message, parse(message["Body"])))
            except NoticeError as error:
                log.warning("message %s stays in the queue: %s", message["MessageId"], error)
        notices = [notice for _, notice in read]
        self._hear_of_groups(notices)
        unsettled = self._reconciler.hear([notice for notice in notices if notice.kind in ABOUT_INSTANCES])
        self._delete([message for message, notice in read if notice.instance_id not in unsettled])

    def _hear_of_groups(self, notices: list[Notice]) -> None:
        table = self._reconciler.table
        now = int(time.time())
        launched = {notice.group for notice in notices if notice.kind is Kind.LAUNCH and notice.group}
        refusals = table.refusals() if launched else {}
        for group in launched:
            if group in refusals and not refusals[group].get(OF_NODES):
                table.clear_refusal(group)
        for notice in notices:
            if notice.kind is Kind.LAUNCH_ERROR and notice.group:
                refusal = refused_again(table.refusals().get(notice.group), notice.cause, now)
                table.put_refusal(notice.group, refusal)
                why = f"{notice.cause}; tried again in {refusal['until'] - now} s"
                self._reconciler.decisions.tell(now, notice.group, "AWS starts nothing", why)

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        starts = range(0, len(messages), BATCH)
        at_once(self._delete_some, [messages[start : start + BATCH] for start in starts])

    def _delete_some(self, messages: list[dict[str, Any]]) -> None:
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)
        ]
        self._queue.delete_message_batch(QueueUrl=self._fleet.queue_url, Entries=entries)

    def _publish(self) -> None:
        records = self._reconciler.table.all().values()
        if self._keep:
            self._keep(records)
        try:
            known = slurm_nodes.nodes()
        except SlurmError:
            known = None
        self._status.publish(
            int(time.time()),
            nodes=told_nodes(records, known),
            nodeDecisions=told_decisions(self._reconciler.decisions.last),
            failures=told_failures(records),
        )


def watch(stop: threading.Event, seconds: float = SWEEP_SECONDS) -> None:
    """Run until `stop` is set, looking at every node each so many seconds; messages are read all the time."""
    fleet = Fleet.from_json(Path(FLEET_FILE).read_text())
    daemon.run("sqswatcher", Watcher(fleet, seconds, keep=keep_hosts).look, 0.0, stop)
