"""The command `shoal job submit`: its options are those of AWS's `awsbsub` where that has them."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from shoal_cli.answers import Format, Output
from shoal_cli.application import Account, sign_in
from shoal_cli.jobs import dependencies
from shoal_cli.jobs.cluster import find_cluster
from shoal_cli.jobs.options import ClusterName
from shoal_cli.jobs.program import LAUNCHER
from shoal_cli.jobs.sending import files
from shoal_cli.jobs.submission import Asked
from shoal_cli.jobs.submitting import Submission, Written, prepare, read_program, submit
from shoal_cli.jobs.watching import watch
from shoal_cli.operations import Local, Prefix

_WORDS_HELP = "A command of the job's image; with --command-file a file of this machine; `-`: standard input."
_ENV_HELP = "Names of variables to export, NAME=value, or `all`; repeatable."
_DEPENDS_HELP = "A job id, or jobId=ID,type=N_TO_N; several separated by `;`, or repeated."
_PARENT_HELP = "Folder in which the job gets a folder job-ID to run in."

Words = Annotated[list[str] | None, typer.Argument(metavar="COMMAND", help=_WORDS_HELP)]
Queue = Annotated[str | None, typer.Option("--queue", help="A queue; else the cluster's first.")]
JobName = Annotated[str | None, typer.Option("-jn", "--job-name", help="Its name; else made from the command.")]
IsFile = Annotated[bool, typer.Option("-cf", "--command-file", help="COMMAND is a file to send.")]
InputFiles = Annotated[list[str] | None, typer.Option("-if", "--input-file", help="A file to send; repeatable.")]
WorkingDir = Annotated[str | None, typer.Option("-w", "--working-dir", help="Folder that the job runs in.")]
ParentDir = Annotated[str | None, typer.Option("-pw", "--parent-working-dir", help=_PARENT_HELP)]
Env = Annotated[list[str] | None, typer.Option("-e", "--env", help=_ENV_HELP)]
Blacklist = Annotated[str | None, typer.Option("-eb", "--env-blacklist", help="Names that `--env all` leaves out.")]
Vcpus = Annotated[int | None, typer.Option("-p", "--vcpus", help="vCPUs, of each node; else 1.")]
Memory = Annotated[int | None, typer.Option("-m", "--memory", help="MiB of memory, of each node; else 512.")]
Gpus = Annotated[int | None, typer.Option("--gpus", help="GPUs, of each node.")]
Attempts = Annotated[int | None, typer.Option("-r", "--retry-attempts", help="Starts at most, 1 to 10.")]
Timeout = Annotated[int | None, typer.Option("-t", "--timeout", help="Seconds of an attempt, at least 60.")]
Nodes = Annotated[int | None, typer.Option("-n", "--nodes", help="Nodes; several make a multi-node job.")]
ArraySize = Annotated[int | None, typer.Option("-a", "--array-size", help="Children of an array job, 2 to 10000.")]
DependsOn = Annotated[list[str] | None, typer.Option("-d", "--depends-on", help=_DEPENDS_HELP)]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the job's end; exit code 1 if it fails.")]
Follow = Annotated[bool, typer.Option("--follow", help="Wait for the job's end, and show its output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "--dryrun", help="Check all, show the request, submit nothing.")]


def submit_job(
    words: Words = None,
    cluster: ClusterName = None,
    queue: Queue = None,
    job_name: JobName = None,
    command_file: IsFile = False,
    input_file: InputFiles = None,
    working_dir: WorkingDir = None,
    parent_working_dir: ParentDir = None,
    env: Env = None,
    env_blacklist: Blacklist = None,
    vcpus: Vcpus = None,
    memory: Memory = None,
    gpus: Gpus = None,
    retry_attempts: Attempts = None,
    timeout: Timeout = None,
    nodes: Nodes = None,
    array_size: ArraySize = None,
    depends_on: DependsOn = None,
    wait: Wait = False,
    follow: Follow = False,
    dry_run: DryRun = False,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Submit a job: a command, a script with arguments, or a script from standard input.

    Options stand before COMMAND; what stands after it is the command's own.
    """
    directories = {"working_dir": working_dir, "parent_working_dir": parent_working_dir}
    written = Written(words or [], command_file, input_file or [], env or [], env_blacklist, **directories)
    program, problems = read_program(written)
    waits_for, unreadable = dependencies.read(depends_on or [])
    name = written.job_name if job_name is None else job_name
    asked = Asked(
        name, program, queue, vcpus, memory, gpus, retry_attempts, timeout, nodes, array_size, tuple(waits_for)
    )
    if follow and (array_size is not None or output is Format.JSON):
        problems.append("--follow shows the output of one job as text; for an array or for programs write --wait")
    account = sign_in(local=local)
    ready = prepare(account, find_cluster(account, cluster, prefix), asked, [*problems, *unreadable])
    if dry_run:
        _show_request(ready)
    else:
        _submit(account, ready, waits=wait or follow, follow=follow, output=output)


def _show_request(ready: Submission) -> None:
    sent = files(ready.asked.program) if ready.url else []
    answer: dict[str, Any] = {"request": ready.request, "files": sent}
    if sent:
        answer[LAUNCHER] = ready.asked.program.launcher()
    typer.echo(json.dumps(answer, indent=2))


def _submit(account: Account, ready: Submission, *, waits: bool, follow: bool, output: Format) -> None:
    job_id, cluster = submit(account, ready), ready.cluster
    if output is Format.TEXT:
        told = f"job {job_id} ({ready.asked.name}) is submitted to the queue {ready.queue.name} of {cluster.name}"
        typer.echo(told, err=waits)
    elif not waits:
        typer.echo(json.dumps(ready.answer(job_id), indent=2))
    if waits:
        watch(account, cluster, job_id, show=follow, output=output)
