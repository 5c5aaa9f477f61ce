"""`shoal job output`: what a job wrote, read from CloudWatch Logs, while it runs or afterwards.

AWS's `awsbout` reads the account-wide group `/aws/batch/job`, to which jobs of a Shoal cluster do not write.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs import records

LARGEST_PAGE = 10_000
"""Events; https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html"""
QUIET_ROUNDS = 2
"""Rounds without news after the job's end until its log counts as complete: hosts hand on their last lines late."""

Event = dict[str, Any]


@dataclass
class Stream:
    """A log stream, read forwards as far as it has come."""

    logs: Any
    """A client of CloudWatch Logs."""
    group: str
    name: str
    _token: str | None = None

    def new(self, page_size: int = LARGEST_PAGE) -> Iterator[Event]:
        """The events since the last time; none while the stream is not there yet."""
        while True:
            following = {"nextToken": self._token} if self._token else {}
            page = self._page(startFromHead=True, limit=page_size, **following)
            if page is None:
                return
            yield from page["events"]
            # The end of a stream is told by the token that was sent; an empty page alone is not the end.
            if page["nextForwardToken"] == self._token:
                return
            self._token = page["nextForwardToken"]

    def last(self, count: int) -> list[Event]:
        """The last events, and from now on those after them."""
        kept: deque[Event] = deque()
        token: str | None = None
        while len(kept) < count:
            following = {"nextToken": token} if token else {}
            page = self._page(startFromHead=False, limit=min(count - len(kept), LARGEST_PAGE), **following)
            if page is None:
                break
            self._token = self._token or page["nextForwardToken"]
            kept.extendleft(reversed(page["events"]))
            if page["nextBackwardToken"] == token:
                break
            token = page["nextBackwardToken"]
        return list(kept)

    def _page(self, **arguments: Any) -> dict[str, Any] | None:
        try:
            page: dict[str, Any] = self.logs.get_log_events(
                logGroupName=self.group, logStreamName=self.name, **arguments
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return None
        return page


def writer(job: records.Record) -> str:
    """The id of what writes the job's output: the job itself, or the main node of a multi-node job.

    Raises:
        CommandError: it is an array, and no child is named (exit code 2).
    """
    if size := records.array_size(job):
        message = f"the job {job['jobId']} is an array; name a child, {job['jobId']}:0 to {job['jobId']}:{size - 1}"
        raise CommandError(message, Exit.BAD_INPUT)
    if records.node_count(job):
        return f"{job['jobId']}#{job['nodeProperties'].get('mainNode', 0)}"
    return str(job["jobId"])


def streams(job: records.Record) -> list[str]:
    """The names of a job's log streams, one for each attempt that wrote anything, oldest first."""
    attempts = [attempt.get("container", {}).get("logStreamName") for attempt in job.get("attempts", [])]
    names = [*attempts, (job.get("container") or {}).get("logStreamName")]
    return list(dict.fromkeys(name for name in names if name))


def chosen(job: records.Record, attempt: int | None) -> list[str]:
    """The streams to read: of the newest attempt, or of the one that is asked for.

    Raises:
        CommandError: there is no such attempt (exit code 2).
    """
    found = streams(job)
    if attempt is None:
        return found[-1:]
    if not 1 <= attempt <= len(found):
        message = f"--attempt {attempt} has no output; the job {job['jobId']} has {len(found)} attempts with output"
        raise CommandError(message, Exit.BAD_INPUT)
    return [found[attempt - 1]]


def read(stream: Stream, head: int | None, tail: int | None) -> Iterator[Event]:
    """A stream's events: all, the first so many, or the last so many."""
    if tail is not None:
        return iter(stream.last(tail))
    return islice(stream.new(min(head or LARGEST_PAGE, LARGEST_PAGE)), head)


def follow(
    stream_of: Callable[[str], Stream],
    describe: Callable[[], records.Record],
    tail: int | None,
    pause: Callable[[], None],
) -> Iterator[Event]:
    """The events of a job as they come, of each new attempt as well, until the job has ended and its log is drained.

    Args:
        stream_of: opens a stream by its name.
        describe: asks Batch for the job.
        tail: how many events of what was written before are wanted; none: all.
        pause: waits a moment.
    """
    opened: dict[str, Stream] = {}
    quiet = 0
    while quiet < QUIET_ROUNDS:
        job = describe()
        news = False
        names = streams(job)
        for name in names[names.index(next(iter(opened))) if opened else -1 :]:
            started = name in opened
            stream = opened.setdefault(name, stream_of(name))
            for event in stream.last(tail) if tail is not None and not started else stream.new():
                news = True
                yield event
        ended = job["status"] in records.ENDED
        quiet = quiet + 1 if ended and not news else 0
        if quiet < QUIET_ROUNDS:
            pause()


def line(event: Event, *, timestamps: bool) -> str:
    """An event as it is printed."""
    moment = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).isoformat(timespec="milliseconds")
    return f"{moment} {event['message']}" if timestamps else str(event["message"])
