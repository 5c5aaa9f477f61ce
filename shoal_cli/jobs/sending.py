"""The files that go with a job: which may go, and their way to the cluster's bucket."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shoal_cli.jobs.cluster import Cluster
from shoal_cli.jobs.program import LAUNCHER, Program
from shoal_cli.progress import console

LARGEST = 5 * 1024**3
"""Bytes of all files of a job: every attempt, child and node fetches them to its host's root volume of 30 GB. More
belongs in shared storage or in a bucket of `Iam.S3Access`."""
LARGEST_SCRIPT = 1024**2
"""Bytes; a script is held in memory."""
KEYS_AT_ONCE = 1000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""


def problems(inputs: Sequence[str], script_name: str) -> Iterator[str]:
    """What is wrong with the files that `--input-file` names, beside a script of that name."""
    total, taken = 0, {LAUNCHER, script_name}
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            yield f"--input-file {given} is a directory; pack it into one file, with tar for example"
        elif not path.is_file():
            yield f"--input-file {given} is not there; write the path of a file"
        elif path.name in taken:
            yield f"--input-file {given} would lie on another file {path.name} in the job's folder; rename it"
        elif not path.name.isprintable():
            yield f"--input-file {given!r} has characters in its name that cannot be printed; rename it"
        else:
            total += path.stat().st_size
        taken.add(path.name)
    if total > LARGEST:
        most = LARGEST // 1024**3
        yield f"--input-file: {total / 1024**3:.1f} GiB are more than {most}; use shared storage or your own bucket"


def job_key(name: str) -> str:
    """A folder's name that no other job has: whose job it is, when it was submitted, and eight hexadecimal digits."""
    return f"job-{name}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def url(cluster: Cluster, key: str) -> str:
    """Where a job's files lie."""
    return f"s3://{cluster.bucket}/{cluster.root}/{key}/"


def files(program: Program) -> list[str]:
    """The names of what is uploaded."""
    script = [program.script_name] if program.script is not None else []
    return [LAUNCHER, *script, *(path.name for path in program.inputs)]


def send(s3: Any, cluster: Cluster, key: str, program: Program, submit: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Upload a job's files and submit it; when that fails, what was uploaded is removed again.

    Args:
        s3: a client.
        cluster: whose bucket takes the files.
        key: the job's folder.
        program: what is uploaded.
        submit: what submits the job, once its files are there.

    Raises:
        ClientError: AWS refuses the job.
        Boto3Error: AWS refuses an upload.
        BotoCoreError: AWS cannot be reached.
        OSError: a file cannot be read.
    """
    folder = f"{cluster.root}/{key}/"
    with ExitStack() as undo:
        undo.callback(_remove, s3, cluster.bucket, folder)
        _upload(s3, cluster.bucket, folder, program)
        answer = submit()
        undo.pop_all()
    return answer


def _upload(s3: Any, bucket: str, folder: str, program: Program) -> None:
    s3.put_object(Bucket=bucket, Key=f"{folder}{LAUNCHER}", Body=program.launcher().encode(errors="surrogateescape"))
    if program.script is not None:
        s3.put_object(Bucket=bucket, Key=f"{folder}{program.script_name}", Body=program.script)
    for path in program.inputs:
        s3.upload_file(str(path), bucket, f"{folder}{path.name}")


def _remove(s3: Any, bucket: str, folder: str) -> None:
    """Delete what lies in a folder, and say so when that fails too."""
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
        keys = [{"Key": item["Key"]} for page in pages for item in page.get("Contents", [])]
        answers = [
            s3.delete_objects(Bucket=bucket, Delete={"Objects": list(some), "Quiet": True})
            for some in batched(keys, KEYS_AT_ONCE, strict=False)
        ]
        refused = [f"{failure['Code']}: {failure['Key']}" for answer in answers for failure in answer.get("Errors", [])]
    except (ClientError, BotoCoreError) as error:
        refused = [" ".join(str(error).split())]
    for reason in refused[:1]:
        message = f"what was uploaded for the job stays in s3://{bucket}/{folder}: {reason}"
        console.print(message, style="yellow", soft_wrap=True, highlight=False, markup=False)
