"""Jobs in real containers, submitted by `shoal job` and by AWS's released client, and read by `shoal job output`.

Both clients take the same options, so that each test submits its job once through each.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.process import ROOT, Server, without_aws
from tests.containers.conftest import Cluster
from tests.support.polling import until

SHOAL = Path(sys.executable).with_name("shoal")
CLIENT = ROOT / ".tools/awsbatch/bin"
JOB_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SECONDS = 120.0
"""For a job, its image's first start included, on a busy machine."""
MPI_JOB = "echo rank $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE on $(cat /proc/sys/kernel/hostname)"


@dataclass(frozen=True)
class User:
    """Somebody at a machine of theirs; `shoal` and AWS's client know the cluster."""

    cluster: str
    environment: dict[str, str]
    home: Path

    def run(self, *command: str | Path, text: str | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program at a terminal, or with a text as its standard input."""
        with _terminal() as terminal:
            return subprocess.run(
                [str(word) for word in command],
                env={**self.environment, **variables},
                cwd=self.home,
                capture_output=True,
                text=True,
                check=False,
                **({"stdin": terminal} if text is None else {"input": text}),
            )

    def shoal(self, *arguments: str) -> str:
        """What `shoal job` prints; it must succeed."""
        done = self.run(SHOAL, "job", arguments[0], "--local", *arguments[1:])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def show(self, job_id: str) -> dict[str, Any]:
        """All about a job."""
        (shown,) = json.loads(self.shoal("show", job_id, "--output", "json"))
        assert isinstance(shown, dict)
        return shown

    def reaches(self, job_id: str, *statuses: str) -> dict[str, Any]:
        """The job, once it has one of these statuses."""

        def found() -> dict[str, Any] | None:
            shown = self.show(job_id)
            return shown if shown["status"] in statuses else None

        shown = until(found, SECONDS, f"{job_id} becoming {' or '.join(statuses)}")
        assert shown is not None
        return shown

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job, once it has ended."""
        return self.reaches(job_id, "SUCCEEDED", "FAILED")

    def output(self, job_id: str, *options: str) -> list[str]:
        """The lines that a job wrote."""
        return self.shoal("output", *options, job_id).splitlines()


@contextmanager
def _terminal() -> Iterator[int]:
    """One end of a terminal: AWS's client takes what it reads from anything else for the job's script."""
    ours, theirs = pty.openpty()
    yield theirs
    os.close(theirs)
    os.close(ours)


@pytest.fixture(scope="module")
def user(server: Server, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> User:
    """A user with a cluster."""
    home = tmp_path_factory.mktemp("jobs")
    (home / "build").mkdir()
    (home / "build/embedded-aws").symlink_to(tmp_path_factory.getbasetemp() / "containers0")
    variables = {"HOME": str(home), "SHOAL_CLUSTER": cluster.name, "COLUMNS": "200"}
    made = User(cluster.name, {**without_aws(dict(os.environ)), **server.environment(), **variables}, home)
    made.shoal("configure", cluster.name)
    return made


type Submit = Callable[..., str]
"""Submits a job by options that both clients have; its id."""


@pytest.fixture(params=["shoal job", "awsbsub"])
def submit(request: pytest.FixtureRequest, user: User) -> Submit:
    """Each of the two clients."""
    by_shoal: list[str | Path] = [SHOAL, "job", "submit", "--local"]
    command = by_shoal if request.param == "shoal job" else [CLIENT / "awsbsub", "-c", user.cluster]

    def submitted(*arguments: str, text: str | None = None, **variables: str) -> str:
        done = user.run(*command, *arguments, text=text, **variables)
        found = JOB_ID.search(done.stdout)
        assert done.returncode == 0, done.stderr
        assert found, done.stdout
        return found[0]

    return submitted


def script(user: User, name: str, text: str) -> str:
    (user.home / name).write_text(f"#!/bin/bash\n{text}\n")
    return name


def test_an_inline_command_runs_and_its_output_is_read(user: User, submit: Submit) -> None:
    job_id = submit("-jn", "inline", "echo", "hello from the job")
    job = user.ended(job_id)
    assert (job["status"], job["exitCode"]) == ("SUCCEEDED", 0)
    assert user.output(job_id) == ["hello from the job"]


def test_a_script_gets_its_arguments_its_environment_and_its_input_files(user: User, submit: Submit) -> None:
    name = script(user, "work.sh", 'printf "<%s>\\n" "$@"\necho "$LEVEL"\ncat data.csv\nid -un\nexit 7')
    (user.home / "data.csv").write_text("1,2,3\n")
    job_id = submit("-jn", "work", "-e", "LEVEL", "-if", "data.csv", "-cf", name, "a b", "it's", LEVEL='"deep" $x')
    job = user.ended(job_id)
    assert (job["status"], job["exitCode"]) == ("FAILED", 7)
    assert user.output(job_id) == ["<a b>", "<it's>", '"deep" $x', "1,2,3", "job"]


def test_a_script_comes_by_standard_input(user: User, submit: Submit) -> None:
    job_id = submit("-jn", "piped", text="#!/bin/bash\necho piped $((6 * 7))\n")
    assert user.ended(job_id)["status"] == "SUCCEEDED"
    assert user.output(job_id) == ["piped 42"]


def test_each_child_of_an_array_has_its_index_and_its_output(user: User, submit: Submit) -> None:
    name = script(user, "child.sh", 'echo "child $AWS_BATCH_JOB_ARRAY_INDEX"')
    job_id = submit("-jn", "array", "-a", "3", "-cf", name)
    job = user.ended(job_id)
    assert job["childrenByStatus"]["SUCCEEDED"] == 3
    assert [user.output(f"{job_id}:{index}") for index in range(3)] == [[f"child {index}"] for index in range(3)]


def test_a_job_starts_when_the_one_before_has_succeeded_and_says_so_until_then(user: User, submit: Submit) -> None:
    name = script(user, "patient.sh", "trap 'echo told; exit 0' TERM\necho waiting\nsleep infinity &\nwait")
    first = submit("-jn", "first", "-cf", name)
    second = submit("-jn", "second", "-d", f"jobId={first}", "echo", "second")
    user.reaches(first, "RUNNING")
    waiting = user.show(second)
    assert waiting["status"] == "PENDING"
    assert any(reason.startswith(f"it waits for the job {first}, which is ") for reason in waiting["why"])
    user.shoal("kill", first)
    assert user.ended(second)["status"] == "FAILED"

    done = submit("-jn", "done", "true")
    after = submit("-jn", "after", "-d", f"jobId={done}", "echo", "after")
    assert user.ended(after)["status"] == "SUCCEEDED"
    assert user.show(done)["status"] == "SUCCEEDED"


def test_a_job_that_is_killed_gets_the_signal_and_keeps_the_reason(user: User, submit: Submit) -> None:
    name = script(user, "endless.sh", "trap 'echo told; exit 3' TERM\necho ready\nsleep infinity &\nwait")
    job_id = submit("-jn", "endless", "-cf", name)
    user.reaches(job_id, "RUNNING")
    until(lambda: user.output(job_id) == ["ready"], SECONDS, "the job's first line")
    user.shoal("kill", "-r", "enough of it", job_id)
    job = user.ended(job_id)
    assert (job["status"], job["exitCode"]) == ("FAILED", 3)
    assert "enough of it" in job["reason"]
    assert user.output(job_id, "--tail", "1") == ["told"]


def test_awss_client_kills_a_job_as_well(user: User, submit: Submit) -> None:
    job_id = submit("-jn", "endless", "sleep", "infinity")
    user.reaches(job_id, "RUNNING")
    user.run(CLIENT / "awsbkill", "-c", user.cluster, "-r", "enough", job_id)
    assert "enough" in user.ended(job_id)["reason"]


def test_a_job_that_takes_more_memory_than_it_has_is_ended_and_says_why(user: User, submit: Submit) -> None:
    job = user.ended(submit("-jn", "greedy", "-m", "64", "tail", "/dev/zero"))
    assert (job["status"], job["exitCode"]) == ("FAILED", 137)
    assert "OutOfMemoryError" in job["reason"]


def test_a_job_that_takes_too_long_is_ended_and_says_why(user: User, submit: Submit) -> None:
    job = user.ended(submit("-jn", "slow", "-t", "60", "-r", "2", "sleep", "infinity"))
    assert job["status"] == "FAILED"
    assert "exceeded timeout" in job["reason"]
    assert len(job["attempts"]) == 1


def test_a_job_is_started_again_and_each_attempt_has_its_output(user: User, submit: Submit) -> None:
    name = script(user, "flaky.sh", 'echo "attempt $AWS_BATCH_JOB_ATTEMPT"\ntest "$AWS_BATCH_JOB_ATTEMPT" = 2')
    job_id = submit("-jn", "flaky", "-r", "3", "-cf", name)
    job = user.ended(job_id)
    assert job["status"] == "SUCCEEDED"
    assert [attempt["exitCode"] for attempt in job["attempts"]] == [1, 0]
    assert user.output(job_id) == ["attempt 2"]
    assert user.output(job_id, "--attempt", "1") == ["attempt 1"]


def test_the_ranks_of_a_job_on_three_nodes_run_on_three_hosts(user: User, submit: Submit) -> None:
    name = script(user, "ranks.sh", f"mpirun -np 3 sh -c '{MPI_JOB}'\ncat ~/hostfile")
    job_id = submit("-jn", "ranks", "-n", "3", "-cf", name)
    job = user.ended(job_id)
    lines = user.output(job_id)
    assert job["status"] == "SUCCEEDED", lines
    ranks = dict(re.findall(r"rank (\d) of 3 on (\S+)", "\n".join(lines)))
    assert sorted(ranks) == ["0", "1", "2"]
    assert len(set(ranks.values())) == 3
    assert len([line for line in lines if line.endswith(" slots=1")]) == 3
    assert [child.get("main") for child in job["children"]] == ["main", None, None]
    assert any("serves the main node" in line for line in user.output(f"{job_id}#1"))


def test_following_shows_the_output_and_ends_with_the_jobs_failure(user: User) -> None:
    name = script(user, "failing.sh", "for line in one two three; do echo $line; sleep 0.2; done; exit 9")
    done = user.run(SHOAL, "job", "submit", "--local", "--follow", "-cf", name)
    assert done.stdout.splitlines() == ["one", "two", "three"]
    assert done.returncode == 1
    assert "exit code 9" in done.stderr


def test_a_job_runs_in_any_queue_of_the_cluster(user: User) -> None:
    done = user.run(SHOAL, "job", "submit", "--local", "--queue", "spot", "--follow", "echo", "on spot")
    assert (done.returncode, done.stdout) == (0, "on spot\n")
    assert "shoal-jobs_spot" in user.run(SHOAL, "queues", "--local", "--output", "json").stdout


def test_a_working_directory_of_ones_own_has_the_input_files(user: User) -> None:
    (user.home / "input.txt").write_text("input\n")
    options = ["-w", "/tmp/a b", "-if", "input.txt"]
    done = user.run(SHOAL, "job", "submit", "--local", "--follow", *options, "sh", "-c", "pwd; cat input.txt")
    assert done.stdout.splitlines() == ["/tmp/a b", "input"], done.stderr


def test_a_job_that_no_instance_of_the_queue_can_hold_says_so_while_it_waits(user: User) -> None:
    (job_id,) = JOB_ID.findall(user.shoal("submit", "-m", "99999", "true"))
    waiting = user.reaches(job_id, "RUNNABLE")
    reasons = until(lambda: [line for line in user.show(job_id)["why"] if "Batch says" in line], SECONDS)
    assert "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT" in reasons[0]
    assert any(line.startswith("it asks for 99999 MiB of memory for jobs, and no") for line in waiting["why"])
    user.shoal("kill", job_id)
    assert user.ended(job_id)["status"] == "FAILED"
