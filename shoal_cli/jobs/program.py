"""What a job runs, and the `launch.sh` that runs it where it was sent: environment, working directory, command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAUNCHER = "launch.sh"
"""What the image's entry point runs when the job's files were sent to S3."""
URL_VARIABLE = "SHOAL_JOB_S3_URL"
"""Tells the entry point where the job's files are."""
PARALLELCLUSTER_URL_VARIABLE = "PCLUSTER_JOB_S3_URL"
"""The same under the name that AWS's Batch client gives it; `awsbstat` shows it, and scripts may read it."""
FETCH = " && ".join(
    (
        'folder="job-$AWS_BATCH_JOB_ID"',
        'mkdir -p "$folder"',
        'cd "$folder"',
        f'aws s3 sync --only-show-errors "${URL_VARIABLE}" .',
        f"exec /bin/bash ./{LAUNCHER}",
    )
)
"""For an image without Shoal's entry point, which needs bash and the AWS CLI; Shoal's own runs the launcher itself."""


@dataclass(frozen=True)
class Program:
    """What a job runs: a command of its image, or a script that is sent along; and what else goes with it."""

    arguments: tuple[str, ...]
    """The command and its arguments, or those of the script."""
    script: bytes | None = None
    script_name: str = ""
    inputs: tuple[Path, ...] = ()
    """Files that the job finds in its working directory."""
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str | None = None
    parent_working_dir: str | None = None

    @property
    def needs_files(self) -> bool:
        """Whether anything has to be sent to S3; a plain command goes with the request, so that any image runs it.

        Batch refuses a command with an empty argument, so that one is sent in the launcher.
        """
        more = self.script is not None or self.inputs or self.environment or self.working_dir or self.parent_working_dir
        return bool(more) or not all(self.arguments)

    def launcher(self) -> str:
        """The text of `launch.sh`."""
        return "\n".join(["#!/bin/bash", "# Written by `shoal job submit`.", "set -e", *self._steps(), ""])

    def _steps(self) -> Iterator[str]:
        yield 'cd -- "$(dirname -- "$0")"'
        yield "files=$PWD"
        if directory := self._directory():
            yield f"mkdir -p -- {directory}"
            yield f"cd -- {directory}"
            yield from (f'cp -- "$files"/{shlex.quote(path.name)} .' for path in self.inputs)
        if self.script is not None:
            yield f'chmod +x -- "$files"/{shlex.quote(self.script_name)}'
        yield from (f"export {name}={shlex.quote(value)}" for name, value in self.environment.items())
        yield f"exec {self._command()}"

    def _directory(self) -> str | None:
        """The working directory as a word of the shell; none is the folder that the files are fetched to."""
        if self.working_dir is not None:
            return shlex.quote(self.working_dir)
        if self.parent_working_dir is not None:
            return f'{shlex.quote(self.parent_working_dir)}/"job-$AWS_BATCH_JOB_ID"'
        return None

    def _command(self) -> str:
        arguments = shlex.join(self.arguments)
        if self.script is None:
            return arguments
        return f'"$files"/{shlex.quote(self.script_name)} {arguments}'.rstrip()


def command(program: Program, *, uploaded: bool) -> Sequence[str]:
    """The command that Batch is given."""
    return ["/bin/bash", "-c", FETCH] if uploaded else list(program.arguments)
