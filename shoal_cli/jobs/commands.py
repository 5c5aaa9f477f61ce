"""The commands `shoal job ...`, `shoal queues` and `shoal hosts`; with the user's own credentials."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from shoal_cli import answers
from shoal_cli.answers import Format, Output
from shoal_cli.application import sign_in
from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs import client_file, ending, hosts, listing, queues, records, watching
from shoal_cli.jobs import output as job_output
from shoal_cli.jobs.cluster import find_cluster
from shoal_cli.jobs.details import details
from shoal_cli.jobs.gathering import environments_of, queue_records, require_jobs
from shoal_cli.jobs.options import ClusterName, JobId, JobIds, QueueName, chosen_queue, chosen_queues, refusal
from shoal_cli.jobs.submit_command import submit_job
from shoal_cli.operations import Local, Prefix

typer_app = typer.Typer(help="Jobs of a Batch cluster.", no_args_is_help=True)
typer_app.command("submit", context_settings={"allow_interspersed_args": False})(submit_job)


@typer_app.command("list")
def list_jobs(
    cluster: ClusterName = None,
    status: Annotated[
        str, typer.Option("-s", "--status", help="Comma separated, or ALL; else what has not ended.")
    ] = ",".join(records.ACTIVE),
    queue: QueueName = None,
    expand_children: Annotated[
        bool, typer.Option("-e", "--expand-children", help="Children of arrays and nodes of multi-node jobs as well.")
    ] = False,
    max_results: Annotated[int | None, typer.Option(min=1, help="Jobs at most.")] = None,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """List jobs as Batch gives them, page by page: time in state, exit code, reason."""
    statuses = listing.read_statuses(status)
    account = sign_in(local=local)
    found = find_cluster(account, cluster, prefix)
    chosen = chosen_queues(found, queue)
    listing.show(account.client("batch"), chosen, statuses, expand=expand_children, most=max_results, output=output)


@typer_app.command()
def show(
    job_ids: JobIds,
    cluster: ClusterName = None,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Show all about jobs: attempts, children, log, files; and why a waiting one does not start."""
    account = sign_in(local=local)
    found = find_cluster(account, cluster, prefix)
    batch = account.client("batch")
    jobs, problems = require_jobs(batch, found, job_ids)
    if problems:
        raise refusal(problems)
    shown = [details(account, batch, found, jobs[job_id]) for job_id in dict.fromkeys(job_ids)]
    if output is Format.JSON:
        typer.echo(json.dumps(shown, indent=2))
    else:
        typer.echo("\n\n".join(answers.readable(one) for one in shown))


@typer_app.command("output")
def show_output(
    job_id: JobId,
    cluster: ClusterName = None,
    head: Annotated[int | None, typer.Option("-hd", "--head", min=1, help="The first lines only.")] = None,
    tail: Annotated[int | None, typer.Option("-t", "--tail", min=1, help="The last lines only.")] = None,
    follow: Annotated[bool, typer.Option("-s", "--follow", "--stream", help="Until the job has ended.")] = False,
    attempt: Annotated[int | None, typer.Option(help="An attempt, from 1; else the newest.")] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", help="The time before each line.")] = False,
    local: Local = False,
    prefix: Prefix = "shoal",
) -> None:
    """Print what a job wrote; of a multi-node job, what its main node wrote."""
    if head is not None and (tail is not None or follow):
        raise CommandError("--head excludes --tail and --follow; write one of them", Exit.BAD_INPUT)
    if attempt is not None and follow:
        raise CommandError("--follow shows the newest attempt; leave --attempt out", Exit.BAD_INPUT)
    account = sign_in(local=local)
    found = find_cluster(account, cluster, prefix)
    batch = account.client("batch")
    jobs, problems = require_jobs(batch, found, [job_id])
    if problems:
        raise refusal(problems)
    job = watching.describe(batch, job_output.writer(jobs[job_id]))
    if not follow:
        watching.print_output(account, found, job, attempt=attempt, head=head, tail=tail, timestamps=timestamps)
        return
    with watching.left_running(account, found, job_id):
        watching.follow(account, found, job, tail=tail, timestamps=timestamps)


@typer_app.command()
def kill(
    job_ids: JobIds,
    cluster: ClusterName = None,
    reason: Annotated[str, typer.Option("-r", "--reason", help="Stays with the job.")] = "Terminated by the user",
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """End jobs; an array with all its children. Exit code 1 if one of them is none of the cluster's."""
    if not 1 <= len(reason) <= ending.LONGEST_REASON:
        message = f"--reason has {len(reason)} characters; write 1 to {ending.LONGEST_REASON}"
        raise CommandError(message, Exit.BAD_INPUT)
    account = sign_in(local=local)
    found = find_cluster(account, cluster, prefix)
    batch = account.client("batch")
    jobs, problems = require_jobs(batch, found, list(dict.fromkeys(job_ids)))
    done = list(ending.kill(batch, list(jobs.values()), reason))
    if done or output is Format.JSON:
        _print(
            done, output, lambda: [f"{one['jobId']} ({one['jobName']}) was {one['was']}, {one['done']}" for one in done]
        )
    if problems:
        raise CommandError("\n".join(problems), Exit.FAILED)
    if not all(one["ok"] for one in done):
        raise typer.Exit(Exit.FAILED)


@typer_app.command()
def configure(
    name: Annotated[str, typer.Argument(help="The cluster; AWS's client finds it by this name afterwards.")],
    queue: Annotated[str | None, typer.Option("--queue", help="The queue it is to use; else the first.")] = None,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Write the file that AWS's own Batch client (awsbsub, awsbstat, ...) finds a cluster in."""
    account = sign_in(local=local)
    found = find_cluster(account, name, prefix)
    found.require_usable()
    chosen = chosen_queue(found, queue)
    record = queue_records(account.client("batch"), [chosen])[chosen.arn]
    section = client_file.settings(found, chosen, environments_of(record)[0])
    path = client_file.write(found.name, section)
    answer = {"file": str(path), "section": f"cluster {found.name}", **section}
    _print(answer, output, lambda: [f"{path} has the cluster {found.name}; try: awsbstat -c {found.name}"])


def show_queues(
    cluster: ClusterName = None, local: Local = False, prefix: Prefix = "shoal", output: Output = Format.TEXT
) -> None:
    """Show the queues of a Batch cluster: state, environments, vCPUs in use."""
    account = sign_in(local=local)
    answer = queues.queues(account.client("batch"), find_cluster(account, cluster, prefix))
    _print(answer, output, lambda: answers.rows(queues.rows(answer)))


def show_hosts(
    cluster: ClusterName = None,
    queue: QueueName = None,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Show the instances that run the jobs of a Batch cluster."""
    account = sign_in(local=local)
    found = find_cluster(account, cluster, prefix)
    answer = list(hosts.hosts(account, found, chosen_queues(found, queue)))
    _print(answer, output, lambda: answers.rows(answer) if answer else [f"no hosts run for {found.name}"])


def _print(answer: Any, output: Format, lines: Callable[[], list[str]]) -> None:
    typer.echo(json.dumps(answer, indent=2) if output is Format.JSON else "\n".join(lines()))
