"""`shoal job list`: the jobs of a cluster, page by page, shown as they come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import typer

from shoal_cli.answers import Format
from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs import records
from shoal_cli.jobs.cluster import JobQueue
from shoal_cli.jobs.gathering import describe_jobs

ALL = "ALL"
PAGE = {"PageSize": 100}
"""Rows come after each call; Batch would give 1000 at most."""
WIDTHS = {"jobId": 36, "jobName": 20, "queue": 10, "status": 9, "for": 8, "exit": 4, "parts": 14, "reason": 0}
"""Columns of the table and their least widths: it is printed before its last row is known."""
PART = len(":9999")
"""Characters that the id of an array's child or a node has more than a job's own."""


def read_statuses(asked: str) -> tuple[str, ...]:
    """The statuses of a comma separated list, in the order in which jobs pass them; `ALL` is all.

    Raises:
        CommandError: one is unknown (exit code 2).
    """
    named = [status.strip().upper() for status in asked.split(",") if status.strip()]
    unknown = [status for status in named if status not in (*records.STATUSES, ALL)]
    if unknown or not named:
        what = ", ".join(unknown) or "nothing"
        message = (
            f"--status {what} is unknown; write some of {', '.join(records.STATUSES)}, separated by commas, or ALL"
        )
        raise CommandError(message, Exit.BAD_INPUT)
    return tuple(status for status in records.STATUSES if ALL in named or status in named)


def jobs(batch: Any, queues: Sequence[JobQueue], statuses: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Queue name and summary of every job of these queues in these statuses, status by status."""
    for status in statuses:
        for queue in queues:
            yield from ((queue.name, job) for job in _summaries(batch, status, jobQueue=queue.arn))


def children_of(batch: Any, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The children of an array job or the nodes of a multi-node job; nothing for any other job."""
    if records.array_size(job):
        for status in records.STATUSES:
            yield from _summaries(batch, status, arrayJobId=job["jobId"])
    else:
        yield from describe_jobs(batch, records.children(job)).values()


def _summaries(batch: Any, status: str, **where: str) -> Iterator[dict[str, Any]]:
    for page in batch.get_paginator("list_jobs").paginate(jobStatus=status, PaginationConfig=PAGE, **where):
        yield from page["jobSummaryList"]


def row(queue: str, job: records.Record, now: datetime) -> dict[str, Any]:
    """A job as programs get it."""
    return {
        "jobId": job["jobId"],
        "jobName": job["jobName"],
        "queue": queue,
        "status": job["status"],
        "secondsInState": records.seconds_in_state(job, now),
        "exitCode": records.exit_code(job),
        "parts": records.parts(job),
        "reason": records.reason(job),
        "createdAt": records.time(job, "createdAt"),
        "startedAt": records.time(job, "startedAt"),
        "stoppedAt": records.time(job, "stoppedAt"),
    }


def show(
    batch: Any,
    queues: Sequence[JobQueue],
    statuses: Sequence[str],
    *,
    expand: bool,
    most: int | None,
    output: Format,
) -> None:
    """Print the jobs as they come, at most so many."""
    found = jobs(batch, queues, statuses)
    if expand:
        found = ((queue, one) for queue, job in found for one in (job, *children_of(batch, job)))
    rows = (row(queue, job, datetime.now(UTC)) for queue, job in islice(found, most))
    if output is Format.JSON:
        _print_json(rows)
    elif not _print_table(rows, WIDTHS | {"jobId": WIDTHS["jobId"] + PART} if expand else WIDTHS):
        typer.echo(f"no jobs in the states {', '.join(statuses)}", err=True)


def _print_json(rows: Iterable[dict[str, Any]]) -> None:
    """A JSON array, an element at a time."""
    separator = "["
    for one in rows:
        typer.echo(f"{separator}\n{json.dumps(one)}", nl=False)
        separator = ","
    typer.echo("[]" if separator == "[" else "\n]")


def _print_table(rows: Iterable[dict[str, Any]], widths: Mapping[str, int]) -> int:
    """Print the jobs; how many they are."""
    number = 0
    for number, one in enumerate(rows, start=1):
        if number == 1:
            typer.echo(_line({name: name for name in widths}, widths))
        code = "" if one["exitCode"] is None else str(one["exitCode"])
        typer.echo(_line({**one, "for": records.duration(one["secondsInState"]), "exit": code}, widths))
    return number


def _line(cells: Mapping[str, Any], widths: Mapping[str, int]) -> str:
    return "  ".join(f"{cells[name]:<{width}}" for name, width in widths.items()).rstrip()
