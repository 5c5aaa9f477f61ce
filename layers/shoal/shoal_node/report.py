"""What the node tells CloudWatch once a minute: the new lines of its journal, memory and disk in use."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from shoal_node.aws import client, instance_id
from shoal_node.contract import DISK_METRIC, MEMORY_METRIC, METRICS_NAMESPACE, NodeSettings, Settings
from shoal_node.shell import run, write

Event = dict[str, Any]
"""`{"timestamp": milliseconds, "message": text}`."""

log = logging.getLogger("shoal_node")

CURSOR = Path("/var/lib/shoal/journal.cursor")
MOST_LINES = 5000
"""Lines of the journal in one run; what is left follows a minute later."""
MOST_EVENTS = 10_000
MOST_BYTES = 1_048_576
OVERHEAD = 26
MOST_MESSAGE = 65_536
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html; we cut lines earlier."""
MOST_MILLISECONDS = 23 * 3600 * 1000
"""A batch spans at most 24 hours."""
WANTED = "MESSAGE,SYSLOG_IDENTIFIER"
JOURNAL = "journal"
"""The stream of everything that has none of its own."""
OWN_STREAMS = frozenset(
    {
        "cloud-init",
        "munged",
        "shoal-bootstrap",
        "shoal-configure",
        "shoal-jobwatcher",
        "shoal-nodewatcher",
        "shoal-sqswatcher",
        "slurmctld",
        "slurmd",
    }
)
"""Programs, as the journal names them, whose lines go into a stream of that name."""
REFUSED = ("tooOldLogEventEndIndex", "expiredLogEventEndIndex")
"""How many events at a batch's beginning CloudWatch did not take, though it answered well."""


def report(settings: NodeSettings) -> None:
    """Send what is new."""
    if settings.log_group is None:
        return
    streams, cursor = journal(_read_journal())
    for stream, events in streams.items():
        send(settings, stream, events)
    if cursor:
        write(CURSOR, cursor)
    if isinstance(settings, Settings):  # of each node they would cost more than the node's logs
        _send_metrics(settings)


def send(settings: NodeSettings, stream: str, events: list[Event]) -> None:
    """Put events into a stream of the cluster's log group, `<instance id>/<stream>`, making it if needed."""
    if settings.log_group is None or not events:
        return
    logs = client("logs", settings.region)
    where = {"logGroupName": settings.log_group, "logStreamName": f"{instance_id()}/{stream}"}
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(**where)
    for batch in batches(events):
        refused = logs.put_log_events(**where, logEvents=batch).get("rejectedLogEventsInfo", {})
        lost = max([refused.get(end, 0) for end in REFUSED])
        lost += len(batch) - refused.get("tooNewLogEventStartIndex", len(batch))
        if lost:
            log.warning("%s: CloudWatch Logs did not take %d of %d lines: too old or too new", stream, lost, len(batch))


def journal(lines: Iterable[str]) -> tuple[dict[str, list[Event]], str | None]:
    """Events by stream, and the place after the last of them, from what journalctl gives as JSON, oldest first."""
    streams: dict[str, list[Event]] = {}
    cursor = None
    for line in lines:
        entry = json.loads(line)
        cursor = entry["__CURSOR"]
        message = _text(entry.get("MESSAGE"))
        if message:
            program = entry.get("SYSLOG_IDENTIFIER", "kernel")
            moment = int(entry["__REALTIME_TIMESTAMP"]) // 1000
            own = program in OWN_STREAMS
            event = {"timestamp": moment, "message": (message if own else f"{program}: {message}")[:MOST_MESSAGE]}
            streams.setdefault(program if own else JOURNAL, []).append(event)
    return {name: sorted(found, key=lambda event: event["timestamp"]) for name, found in streams.items()}, cursor


def _text(message: Any) -> str:
    """A message; journalctl gives one that is not UTF-8 as a list of bytes."""
    return bytes(message).decode(errors="replace") if isinstance(message, list) else str(message or "")


def batches(events: Iterable[Event]) -> Iterator[list[Event]]:
    """Events in the batches that PutLogEvents takes."""
    batch: list[Event] = []
    size = 0
    for event in events:
        weight = len(event["message"].encode()) + OVERHEAD
        late = batch and event["timestamp"] - batch[0]["timestamp"] > MOST_MILLISECONDS
        if batch and (late or len(batch) == MOST_EVENTS or size + weight > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += weight
    if batch:
        yield batch


def _read_journal() -> list[str]:
    after = [f"--after-cursor={CURSOR.read_text()}"] if CURSOR.exists() else ["--boot"]
    form = ["--output=json", f"--output-fields={WANTED}", "--no-pager", "--quiet"]
    return run("journalctl", *form, *after).stdout.splitlines()[:MOST_LINES]


def memory_used(meminfo: str) -> float:
    """Percent of the memory that programs cannot get, from `/proc/meminfo`."""
    sizes = {name: float(rest.split()[0]) for name, _, rest in (line.partition(":") for line in meminfo.splitlines())}
    return 100 * (1 - sizes["MemAvailable"] / sizes["MemTotal"])


def disk_used(path: str) -> float:
    """Percent of a file system that is in use, as `df` computes it."""
    found = os.statvfs(path)
    used = found.f_blocks - found.f_bfree
    return 100 * used / (used + found.f_bavail)


def _send_metrics(settings: Settings) -> None:
    values = {MEMORY_METRIC: memory_used(Path("/proc/meminfo").read_text()), DISK_METRIC: disk_used("/")}
    dimensions = [{"Name": "InstanceId", "Value": instance_id()}]
    client("cloudwatch", settings.region).put_metric_data(
        Namespace=METRICS_NAMESPACE,
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Unit": "Percent", "Value": value}
            for name, value in values.items()
        ],
    )
