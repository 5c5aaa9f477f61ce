"""What `make run` shows where there is a container engine: the whole life of a cluster, and jobs that ran in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from shoal_cli.life import story
from shoal_cli.life.jobs import RanJob
from shoal_cli.life.report import Report, Step
from tests.support.front_door import FrontDoor


@pytest.fixture
def report(shoal: FrontDoor) -> Report:
    told = story.Story(shoal.server, shoal.application, Console(quiet=True))
    story.tell(told, shoal.subnet)
    return told.report


def test_the_story_runs_a_job_and_one_of_two_nodes_and_leaves_nothing(report: Report, tmp_path: Path) -> None:
    assert [step for step in report.steps if not step.as_expected] == []
    assert (report.leftovers, report.denied, report.unused, report.stale) == ([], [], [], [])
    report.write(tmp_path / "report.json")
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["asExpected"] is True
    assert [(job["name"], job["status"], job["exitCode"]) for job in written["jobs"]] == [
        ("hello", "SUCCEEDED", 0),
        ("mpi", "SUCCEEDED", 0),
    ]
    assert written["jobs"][0]["lastLine"].startswith("hello from job in ")
    ranks = sorted(line.rpartition(" on ")[0] for line in report.jobs[1].lines if line.startswith("mpi"))
    assert ranks == ["mpi rank 0 of 2", "mpi rank 1 of 2"]
    assert not written["engine"].startswith("stand-in")


@pytest.mark.parametrize(
    "job",
    [
        RanJob("mpi", "FAILED", 1, ("mpi rank 0 on a", "mpi rank 1 on b"), 2),
        RanJob("mpi", "SUCCEEDED", 0, ("mpi rank 0 on a", "mpi rank 1 on a"), 2),
        RanJob("hello", "SUCCEEDED", 0, ("a warning of mpirun",), 1),
    ],
)
def test_a_report_of_a_job_that_failed_or_said_too_little_is_not_as_expected(job: RanJob) -> None:
    step = Step("help", "done", "done", 0.1, "")
    assert Report(steps=[step], jobs=[RanJob("hello", "SUCCEEDED", 0, ("hello, and good wishes",), 1)]).as_expected
    assert not Report(steps=[step], jobs=[job]).as_expected
