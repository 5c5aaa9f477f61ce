"""Does waiting for a job end with it, and with the exit code that tells how it went?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import typer

from shoal_cli.answers import Format
from shoal_cli.application import Account
from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs import watching
from shoal_cli.jobs.cluster import Cluster

JOB_ID = "01234567-89ab-cdef-0123-456789abcdef"
CLUSTER = Cluster("genomics", "arn:stack", "CREATE_COMPLETE", "us-east-1", "bucket", "jobs", "/jobs", (), {})


class Batch:
    """Batch, in which a job has one state after the other, and then stays in its last; or is forgotten."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        if not self.states:
            return {"jobs": []}
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state.get("raised"), BaseException):
            raise state["raised"]
        return {"jobs": [{"jobId": job_id, **state} for job_id in jobs]}


@dataclass(frozen=True)
class Embedded(Account):
    """An account with that Batch; looked at often, as the embedded AWS is."""

    batch: Batch

    def client(self, service: str) -> Any:
        return {"batch": self.batch, "logs": None}[service]


def account(batch: Batch) -> Embedded:
    return Embedded(boto3.Session(region_name="us-east-1"), "http://127.0.0.1:1", batch)


def watched(batch: Batch, output: Format = Format.TEXT, *, show: bool = False) -> int:
    with pytest.raises(typer.Exit) as ended:
        watching.watch(account(batch), CLUSTER, JOB_ID, show=show, output=output)
    return int(ended.value.exit_code)


FAILED = {"status": "FAILED", "statusReason": "Host EC2 terminated", "container": {"exitCode": 7, "reason": "gone"}}


def test_a_job_that_fails_fails_the_command_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert watched(Batch({"status": "RUNNABLE"}, {"status": "RUNNING"}, FAILED)) == Exit.FAILED
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"{JOB_ID} FAILED, exit code 7: Host EC2 terminated; gone\n"


def test_a_job_that_succeeds_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert watched(Batch({"status": "SUCCEEDED", "container": {"exitCode": 0}}), show=True) == Exit.DONE
    assert capsys.readouterr().err == f"{JOB_ID} SUCCEEDED, exit code 0\n"


def test_a_program_gets_the_end_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert watched(Batch(FAILED), Format.JSON) == Exit.FAILED
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"jobId": JOB_ID, "status": "FAILED", "reason": "Host EC2 terminated; gone", "exitCode": 7}


def test_ctrl_c_leaves_the_job_running_and_says_how_to_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert watched(Batch({"status": "RUNNING"}, {"raised": KeyboardInterrupt()})) == Exit.INTERRUPTED
    back = f"shoal job output --follow --cluster genomics --local {JOB_ID}"
    assert capsys.readouterr().err.strip() == f"the job goes on; come back with: {back}"


def test_a_job_that_batch_has_forgotten_ends_the_waiting() -> None:
    with pytest.raises(CommandError, match=f"there is no job {JOB_ID}; Batch forgets jobs a week after their end"):
        watching.watch(account(Batch()), CLUSTER, JOB_ID, show=False, output=Format.TEXT)
