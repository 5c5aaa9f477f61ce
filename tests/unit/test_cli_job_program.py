"""Does a job's launcher run what was submitted, with its environment, where it was asked to? Real bash runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from shoal_cli.jobs.program import FETCH, LAUNCHER, Program, command

JOB_ID = "01234567-89ab-cdef-0123-456789abcdef"
SCRIPT = b'#!/bin/sh\npwd\nprintf "%s\\n" "$@"\nenv\nexit 7\n'


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    """The folder that a job's files were fetched to."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    return folder


def launch(program: Program, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the image's entry point does."""
    (folder / LAUNCHER).write_text(program.launcher())
    if program.script is not None:
        (folder / program.script_name).write_bytes(program.script)
    for path in program.inputs:
        (folder / path.name).write_bytes(path.read_bytes())
    variables = {"PATH": os.environ["PATH"], "AWS_BATCH_JOB_ID": JOB_ID}
    return subprocess.run(
        ["/bin/bash", LAUNCHER], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_a_script_gets_its_arguments_as_they_were_written_and_gives_its_exit_code(fetched: Path) -> None:
    words = ("a b", "", "$HOME", "it's", '"q"', "-n", "*")
    done = launch(Program(words, SCRIPT, "run me.sh"), fetched)
    assert done.stdout.splitlines()[: 1 + len(words)] == [str(fetched), *words]
    assert done.returncode == 7


def test_a_script_gets_the_submitted_environment_whatever_is_in_it(fetched: Path) -> None:
    values = {"A": "it's $HOME `x`", "B": "two\nlines", "C": ""}
    out = launch(Program((), SCRIPT, "s", environment=values), fetched).stdout
    assert all(f"{name}={value}\n" in out for name, value in values.items())


def test_a_script_without_a_first_line_is_one_of_bash(fetched: Path) -> None:
    assert launch(Program(("x",), b'echo "$BASH_VERSION$1"\n', "s"), fetched).stdout.endswith("x\n")


def test_a_plain_command_runs_with_its_arguments(fetched: Path) -> None:
    assert launch(Program(("printf", "<%s>", "", "a b")), fetched).stdout == "<><a b>"


def test_a_working_directory_is_made_and_has_the_input_files(fetched: Path, tmp_path: Path) -> None:
    data = tmp_path / "in put.txt"
    data.write_text("data")
    target = tmp_path / "it's" / "deep"
    done = launch(Program(("cat", "in put.txt"), inputs=(data,), working_dir=str(target)), fetched)
    assert done.stdout == "data"
    assert [path.name for path in target.iterdir()] == ["in put.txt"]


def test_a_parent_working_directory_gets_a_folder_for_the_job(fetched: Path, tmp_path: Path) -> None:
    done = launch(Program(("pwd",), parent_working_dir=str(tmp_path / "jobs of mine")), fetched)
    assert done.stdout == f"{tmp_path}/jobs of mine/job-{JOB_ID}\n"


def test_a_script_runs_in_another_working_directory(fetched: Path, tmp_path: Path) -> None:
    done = launch(Program((), b"#!/bin/sh\npwd\n", "s.sh", working_dir=str(tmp_path)), fetched)
    assert done.stdout == f"{tmp_path}\n"


def test_a_working_directory_that_cannot_be_made_ends_the_job(fetched: Path) -> None:
    done = launch(Program(("echo", "ran"), working_dir="/dev/null/x"), fetched)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (Program(("echo", "hello")), False),
        (Program(("echo", "")), True),
        (Program((), SCRIPT, "s"), True),
        (Program(("x",), inputs=(Path("a"),)), True),
        (Program(("x",), environment={"A": "1"}), True),
        (Program(("x",), working_dir="/x"), True),
        (Program(("x",), parent_working_dir="/x"), True),
    ],
)
def test_only_a_plain_command_needs_no_files(program: Program, expected: bool) -> None:
    assert program.needs_files is expected


def test_an_image_without_the_entry_point_fetches_the_files_by_itself(tmp_path: Path) -> None:
    aws = tmp_path / "bin" / "aws"
    aws.parent.mkdir()
    aws.write_text('#!/bin/sh\necho "$@"\necho "pwd; exit 5" > launch.sh\n')
    aws.chmod(0o755)
    variables = {
        "PATH": f"{aws.parent}:{os.environ['PATH']}",
        "AWS_BATCH_JOB_ID": "a:1",
        "SHOAL_JOB_S3_URL": "s3://b/jobs/job-x/",
    }
    words = command(Program((), SCRIPT, "s"), uploaded=True)
    assert words[2] == FETCH
    done = subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["s3 sync --only-show-errors s3://b/jobs/job-x/ .", f"{tmp_path}/job-a:1"]
    assert done.returncode == 5
