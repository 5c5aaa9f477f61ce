"""Files of the job in S3, by the `aws` command: an image holds it anyway, and it finds the job role's credentials.

Starting it takes more than half a second, so every call does all that can be done in one.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from .problems import CANNOT_RUN, NO_FILES, JobError


def fetch(url: str, folder: Path, only: str = "*") -> None:
    """Bring what is below an S3 URL and not in the folder yet.

    Args:
        url: prefix, with its slash at the end.
        folder: where to; files keep their names.
        only: pattern of the names that are wanted.

    Raises:
        JobError: S3 refuses it, or cannot be reached.
    """
    _aws("sync", url, str(folder), "--exclude", "*", "--include", only, what=f"{url} cannot be read")


def put(url: str, text: str) -> None:
    """Write an object.

    Raises:
        JobError: S3 refuses it, or cannot be reached.
    """
    _aws("cp", "-", url, what=f"{url} cannot be written", text=text)


def start_removing(url: str) -> subprocess.Popen[bytes]:
    """Begin to delete everything below an S3 URL; what is not deleted, the bucket's own rules delete later."""
    command = ["aws", "s3", "rm", url, "--recursive", "--quiet"]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


def _aws(*arguments: str, what: str, text: str = "") -> None:
    command = ["aws", "s3", *arguments, "--only-show-errors"]
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except OSError as error:
        raise JobError(CANNOT_RUN, f"{what}: the image has no `aws` command that runs ({error.strerror})") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"aws ended with exit code {done.returncode}"])[-1]
        raise JobError(NO_FILES, f"{what}: {last}")
