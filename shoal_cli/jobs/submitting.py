"""`shoal job submit`: from the command line to a job in a queue."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal_cli.application import Account
from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs import dependencies, environment, sending, submission
from shoal_cli.jobs.cluster import Cluster, JobQueue, client_setting
from shoal_cli.jobs.gathering import describe_jobs, queue_state
from shoal_cli.jobs.options import refusal
from shoal_cli.jobs.program import LAUNCHER, Program
from shoal_cli.jobs.submission import Asked

STDIN = "-"
"""As the command: the script is read from standard input."""
STDIN_NAME = "STDIN"
"""Name of such a job unless it is given one, as AWS's client names it."""


@dataclass(frozen=True)
class Written:
    """What a job runs, as the user wrote it on the command line."""

    words: Sequence[str]
    """Command and arguments; none where the script comes from standard input."""
    is_file: bool
    """Whether the command is a file to be sent along."""
    inputs: Sequence[str]
    variables: Sequence[str]
    blacklist: str | None
    working_dir: str | None
    parent_working_dir: str | None

    @property
    def from_stdin(self) -> bool:
        """Whether the script is what comes by standard input: when that is asked for, or there is nothing else."""
        if self.words or self.is_file:
            return list(self.words[:1]) == [STDIN]
        return not sys.stdin.isatty()

    @property
    def job_name(self) -> str:
        """The name of the job, from what it runs."""
        if self.from_stdin or not self.words:
            return STDIN_NAME
        return re.sub(r"\W+", "_", Path(self.words[0]).name, flags=re.ASCII).strip("_")[:128] or "job"


def read_program(written: Written) -> tuple[Program, list[str]]:
    """What the job runs, and what is wrong with it."""
    problems: list[str] = []
    script, script_name = None, ""
    if written.from_stdin:
        script, script_name = sys.stdin.buffer.read(sending.LARGEST_SCRIPT + 1), f"{STDIN_NAME}.sh"
    elif not written.words:
        problems.append("COMMAND is missing; write a command, --command-file FILE, or send a script by standard input")
    elif written.is_file:
        script, script_name = _read_script(written.words[0], problems), Path(written.words[0]).name
    if script is not None:
        problems += _script_problems(script, script_name)
    blacklist = written.blacklist
    if blacklist is None and environment.exports_all(written.variables):
        blacklist = client_setting("env_blacklist")
    found = environment.read(written.variables, blacklist, os.environ)
    problems += [*found.problems, *sending.problems(written.inputs, script_name)]
    program = Program(
        arguments=tuple(written.words[1:] if script_name else written.words),
        script=script,
        script_name=script_name,
        inputs=tuple(Path(path) for path in written.inputs),
        environment=found.variables,
        working_dir=written.working_dir,
        parent_working_dir=written.parent_working_dir,
    )
    return program, problems


def _read_script(file: str, problems: list[str]) -> bytes | None:
    try:
        with Path(file).open("rb") as opened:
            return opened.read(sending.LARGEST_SCRIPT + 1)
    except OSError as error:
        problems.append(f"--command-file {file} cannot be read: {error.strerror}")
        return None


def _script_problems(script: bytes, name: str) -> Iterator[str]:
    if not script.strip():
        yield f"the script {name} is empty; write what the job is to run"
    if len(script) > sending.LARGEST_SCRIPT:
        yield f"the script {name} has more than {sending.LARGEST_SCRIPT} bytes; send data as an --input-file"
    if name == LAUNCHER:
        yield f"the script {name} has the name of the job's own launcher; rename it"


@dataclass(frozen=True)
class Submission:
    """A job that is ready to be submitted."""

    cluster: Cluster
    asked: Asked
    queue: JobQueue
    url: str | None
    """Where its files go, if there are any."""
    key: str
    request: dict[str, Any]

    def answer(self, job_id: str) -> dict[str, str | None]:
        """What programs get once it is submitted."""
        return {"jobId": job_id, "jobName": self.asked.name, "queue": self.queue.name, "files": self.url}


def prepare(account: Account, cluster: Cluster, asked: Asked, problems: Sequence[str]) -> Submission:
    """Check a job against the cluster and make its request; nothing is changed anywhere.

    Args:
        account: whose the cluster is.
        cluster: where it goes.
        asked: the job.
        problems: what is wrong already.

    Raises:
        CommandError: something is wrong (exit code 2); everything that is.
    """
    cluster.require_usable()
    queue, batch = cluster.queue(asked.queue), account.client("batch")
    found = [*problems, *submission.problems(asked), *_unmet(batch, asked)]
    if queue is None:
        raise refusal([*found, cluster.unknown_queue(asked.queue)])
    state = queue_state(account, batch, queue, with_types=False)
    found += submission.problems_in_queue(asked, state)
    if found:
        raise refusal(found)
    key = sending.job_key(asked.name)
    url = sending.url(cluster, key) if submission.travels_by_s3(asked) else None
    return Submission(cluster, asked, queue, url, key, submission.request(asked, queue, url))


def _unmet(batch: Any, asked: Asked) -> Iterator[str]:
    ids = [dependency.job_id for dependency in asked.depends_on if dependency.job_id]
    known = describe_jobs(batch, ids) if ids else {}
    return dependencies.unmet(asked.depends_on, asked.array_size, known)


def submit(account: Account, ready: Submission) -> str:
    """Send the job's files and submit it; the job's id.

    Raises:
        CommandError: a file cannot be read (exit code 2).
        ClientError: AWS refuses.
        Boto3Error: an upload failed.
        BotoCoreError: AWS cannot be reached.
    """
    batch = account.client("batch")

    def submit_job() -> dict[str, Any]:
        answer: dict[str, Any] = batch.submit_job(**ready.request)
        return answer

    if ready.url is None:
        return str(submit_job()["jobId"])
    try:
        answer = sending.send(account.client("s3"), ready.cluster, ready.key, ready.asked.program, submit_job)
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be read: {error.strerror}", Exit.BAD_INPUT) from error
    return str(answer["jobId"])
