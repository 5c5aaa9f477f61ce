"""Do the scripts of the job image do what the Dockerfile and Batch rely on?"""

from __future__ import annotations

import subprocess
from importlib import resources
from pathlib import Path

import pytest

CONTEXT = Path(str(resources.files("shoal.image") / "context"))


def _job(home: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start a job as the image does."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), **variables}
    script = ["bash", str(CONTEXT / "shoal-job"), *command]
    return subprocess.run(script, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("shell", "script"), [("sh", "install-packages"), ("bash", "shoal-job")])
def test_every_branch_of_a_script_parses(shell: str, script: str) -> None:
    assert subprocess.run([shell, "-n", str(CONTEXT / script)], check=False, capture_output=True).stderr == b""


def test_a_base_image_of_an_unknown_kind_is_refused_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", str(CONTEXT / "install-packages")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "neither apt-get nor dnf" in done.stderr


def test_a_job_starts_in_a_folder_of_its_own(tmp_path: Path) -> None:
    done = _job(tmp_path, "pwd", AWS_BATCH_JOB_ID="6f6d-1:3")
    assert done.stdout == f"{tmp_path}/6f6d-1:3\n"


def test_a_job_may_name_its_folder(tmp_path: Path) -> None:
    assert _job(tmp_path, "pwd", SHOAL_WORKDIR=f"{tmp_path}/a b").stdout == f"{tmp_path}/a b\n"


def test_the_command_that_aws_batch_client_submits_runs(tmp_path: Path) -> None:
    command = "mkdir -p job-$AWS_BATCH_JOB_ID && cd job-$AWS_BATCH_JOB_ID && echo 'a  b' > out && cat out"
    assert _job(tmp_path, "/bin/bash", "-c", command, AWS_BATCH_JOB_ID="1").stdout == "a  b\n"


def test_arguments_arrive_as_they_were_given(tmp_path: Path) -> None:
    assert _job(tmp_path, "printf", "[%s]", "a b", "", "*").stdout == "[a b][][*]"


def test_the_exit_code_of_the_command_is_the_jobs(tmp_path: Path) -> None:
    assert _job(tmp_path, "bash", "-c", "exit 42").returncode == 42


def test_a_job_without_a_command_says_so(tmp_path: Path) -> None:
    done = _job(tmp_path)
    assert done.returncode == 64
    assert "no command" in done.stderr
