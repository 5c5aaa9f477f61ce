"""A container without an engine: a home, programs that stand in for those of the image, and S3 as a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import pytest

from tests.support import folder_s3

SCRIPT = Path(str(resources.files("shoal.image") / "context" / "shoal-job"))
PIPE = subprocess.PIPE

type Job = subprocess.Popen[str]


@dataclass
class Container:
    """Where a job starts."""

    home: Path
    programs: Path
    bucket: Path
    started: list[Job] = field(default_factory=list)

    def program(self, name: str, text: str) -> None:
        """Put a program on the container's PATH."""
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def python(self, name: str, source: Path) -> None:
        """Put a Python module on the container's PATH as a program."""
        self.program(name, f'#!/bin/sh\nexec {sys.executable} {source} "$@"\n')

    def put(self, key: str, text: str) -> None:
        """Write an object to the bucket."""
        path = self.bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def start(self, *command: str, **variables: str) -> Job:
        """Start the entry point as the image does."""
        return self.launch((str(SCRIPT), *command), variables)

    def launch(self, command: tuple[str, ...], variables: Mapping[str, str]) -> Job:
        """Start a program with the container's variables and these."""
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "FOLDER_S3": str(self.bucket.parent),
            **variables,
        }
        process = subprocess.Popen(command, env=environment, stdout=PIPE, stderr=PIPE, text=True)
        self.started.append(process)
        return process

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a job to its end."""
        process = self.start(*command, **variables)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    made = Container(tmp_path / "home", tmp_path / "programs", tmp_path / "s3" / "bucket")
    for folder in (made.home, made.programs, made.bucket):
        folder.mkdir(parents=True)
    made.program("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    made.python("aws", Path(folder_s3.__file__))
    yield made
    for process in made.started:
        process.terminate()  # and it ends what it has started
        process.communicate(timeout=30)
