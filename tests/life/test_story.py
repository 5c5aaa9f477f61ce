"""What `make run` shows, and what it is judged by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from shoal_cli.life import grants, leftovers, story
from shoal_cli.life.report import Report, Step
from tests.support.front_door import BUCKET, FrontDoor


@pytest.fixture
def report(shoal: FrontDoor) -> Report:
    told = story.Story(shoal.server, shoal.application, Console(quiet=True))
    story.tell(told, shoal.subnet)
    return told.report


def test_the_story_of_make_run_ends_as_expected(report: Report, tmp_path: Path) -> None:
    assert [step for step in report.steps if not step.as_expected] == []
    assert (report.leftovers, report.denied, report.unused, report.stale) == ([], [], [], [])
    report.write(tmp_path / "report.json")
    written = json.loads((tmp_path / "report.json").read_text())
    assert [step["operation"].split(":")[0] for step in written["steps"]] == [
        "help",
        "plan",
        "create",
        "describe",
        "store a job script",
        "build-image",
        "update",
        "update that would lose data",
        "list",
        "delete",
        "delete again",
        "create (Slurm)",
        "update (Slurm)",
        "stop (Slurm)",
        "delete (Slurm)",
    ]
    assert written["slurm"] == {"jobs": 0, "nodes_joined": 1, "nodes_left": 1, "submit_to_start_seconds": None}
    assert written["asExpected"] is True
    assert {"operation", "ended", "seconds"} <= set(written["steps"][0])
    assert written["iam"] == {"denied": [], "unused": [], "stale": []}
    assert written["leftovers"] == []
    assert written["engine"].startswith("stand-in; ")


def test_what_is_planted_is_reported_as_left_behind(shoal: FrontDoor) -> None:
    before = shoal.state()
    shoal.client("s3").put_object(Bucket=BUCKET, Key="configurations/planted.yaml", Body=b"")
    topic = shoal.client("sns").create_topic(Name="planted")["TopicArn"]
    shoal.client("s3").create_bucket(Bucket="planted")
    shoal.client("s3").put_object(Bucket="planted", Key="object", Body=b"")
    try:
        found = leftovers.left_behind(before, shoal.state(), BUCKET)
    finally:
        shoal.client("s3").delete_object(Bucket="planted", Key="object")
        shoal.client("s3").delete_bucket(Bucket="planted")
        shoal.client("sns").delete_topic(TopicArn=topic)
    assert found == ["AWS::S3::Bucket planted", "AWS::S3::Object planted/object", f"AWS::SNS::Topic {topic}"]
    assert shoal.left_since(before) == []


def test_a_report_with_something_left_or_refused_is_not_as_expected() -> None:
    step = Step("help", "done", "done", 0.1, "")
    assert Report(steps=[step]).as_expected
    assert not Report().as_expected
    for wrong in ("leftovers", "denied", "unused", "stale"):
        report = Report(steps=[step])
        setattr(report, wrong, ["something"])
        assert not report.as_expected
    assert not Report(steps=[Step("help", "done", "InternalError", 0.1, "")]).as_expected


def test_a_grant_that_nothing_used_is_found_and_named_by_its_holder() -> None:
    bare = grants.Granted(
        {grants.Grant("plan-cluster", "ec2:Describe*"), grants.Grant("plan-cluster", "kms:DescribeKey")},
        {"plan-cluster": {"plan-cluster"}},
    )
    decisions = [{"role": "shoal-plan-cluster", "action": "ec2:DescribeVpcs", "decision": "ALLOW"}]
    assert grants.by_holder(grants.unused(bare.grants, bare.used(decisions, "shoal"))) == [
        "plan-cluster: kms:DescribeKey"
    ]


@pytest.mark.parametrize(
    ("role", "holder"),
    [
        ("shoal-plan-cluster", "plan-cluster"),
        ("shoal-my-cluster-0a1b2c3d-head-node", "cluster/head-node"),
        ("shoal-my-cluster-0a1b2c3d-n-4e5f6a7b", "cluster/compute-node"),
    ],
)
def test_a_role_is_named_without_what_differs_from_run_to_run(role: str, holder: str) -> None:
    assert grants.name_of(role, "shoal") == holder
