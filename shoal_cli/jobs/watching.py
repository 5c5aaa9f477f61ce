"""Waiting for a job's end, with its output or without."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from shoal_cli.answers import Format
from shoal_cli.application import Account
from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs import output as job_output
from shoal_cli.jobs import records
from shoal_cli.jobs.cluster import Cluster
from shoal_cli.jobs.details import log_group
from shoal_cli.jobs.gathering import describe_jobs, forgotten
from shoal_cli.progress import LOCAL_PAUSE_SECONDS, console

PAUSE_SECONDS = 5.0
"""Between looks at a job that runs, as AWS's client has it; the embedded AWS is looked at more often."""

_PLAIN: dict[str, Any] = {"soft_wrap": True, "highlight": False, "markup": False}
"""A line as it is: ids must stay whole, to be copied."""


def watch(account: Account, cluster: Cluster, job_id: str, *, show: bool, output: Format) -> None:
    """Wait for a job's end and end the command by it: exit code 0 when it succeeded, 1 when it failed.

    Ctrl-C ends the waiting, not the job.

    Raises:
        CommandError: Batch has forgotten the job (exit code 2).
    """
    with left_running(account, cluster, job_id):
        job = _until_end(account, cluster, job_id, show=show)
    code, reason = records.exit_code(job), records.reason(job)
    if output is Format.JSON:
        told = {"jobId": job_id, "status": job["status"], "reason": reason, "exitCode": code}
        typer.echo(json.dumps(told, indent=2))
    else:
        ended = f"{job_id} {job['status']}{'' if code is None else f', exit code {code}'}"
        console.print(f"{ended}: {reason}" if reason else ended, **_PLAIN)
    raise typer.Exit(Exit.DONE if job["status"] == "SUCCEEDED" else Exit.FAILED)


@contextmanager
def left_running(account: Account, cluster: Cluster, job_id: str) -> Iterator[None]:
    """End the command when somebody who waits presses Ctrl-C, and say how to come back."""
    try:
        yield
    except KeyboardInterrupt:
        local = " --local" if account.is_local else ""
        back = f"shoal job output --follow --cluster {cluster.name}{local} {job_id}"
        console.print(f"\nthe job goes on; come back with: {back}", **_PLAIN)
        raise typer.Exit(Exit.INTERRUPTED) from None


def _until_end(account: Account, cluster: Cluster, job_id: str, *, show: bool) -> records.Record:
    """The job as Batch describes it once it has ended."""
    batch = account.client("batch")
    parent = describe(batch, job_id)
    if show:
        follow(account, cluster, parent, tail=None, timestamps=False)
    while (job := describe(batch, job_id))["status"] not in records.ENDED:
        pause(account)
    return job


def follow(account: Account, cluster: Cluster, job: records.Record, *, tail: int | None, timestamps: bool) -> None:
    """Print a job's output until it has ended.

    Raises:
        CommandError: the job is an array, or Batch has forgotten it (exit code 2).
    """
    batch, logs = account.client("batch"), account.client("logs")
    writer = job_output.writer(job)

    def stream(name: str) -> job_output.Stream:
        return job_output.Stream(logs, log_group(job, cluster), name)

    for event in job_output.follow(stream, lambda: describe(batch, writer), tail, lambda: pause(account)):
        typer.echo(job_output.line(event, timestamps=timestamps))


def print_output(
    account: Account,
    cluster: Cluster,
    job: records.Record,
    *,
    attempt: int | None,
    head: int | None,
    tail: int | None,
    timestamps: bool,
) -> None:
    """Print what a job has written so far.

    Raises:
        CommandError: there is no such attempt (exit code 2).
    """
    chosen = job_output.chosen(job, attempt)
    if not chosen:
        console.print(f"{job['jobId']} is {job['status']} and has written nothing; see `shoal job show`", **_PLAIN)
    for name in chosen:
        stream = job_output.Stream(account.client("logs"), log_group(job, cluster), name)
        for event in job_output.read(stream, head, tail):
            typer.echo(job_output.line(event, timestamps=timestamps))


def describe(batch: Any, job_id: str) -> dict[str, Any]:
    """Batch's description of a job.

    Raises:
        CommandError: it has forgotten it (exit code 2).
    """
    found = describe_jobs(batch, [job_id])
    if job_id not in found:
        raise CommandError(forgotten(job_id), Exit.BAD_INPUT)
    return found[job_id]


def pause(account: Account) -> None:
    """Wait a moment."""
    time.sleep(LOCAL_PAUSE_SECONDS if account.is_local else PAUSE_SECONDS)
