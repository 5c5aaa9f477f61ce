"""A job user with the policy of docs/jobs.md, and nothing more: every job command, and AWS's client by its file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import process
from embedded_aws.process import ACCOUNT_ID, REGION, ROOT
from tests.support.front_door import FrontDoor, configuration, queue
from tests.support.polling import until

SHOAL = Path(sys.executable).with_name("shoal")
CLIENT = ROOT / ".tools/awsbatch/bin"
ROLE = "job-user"
POLICY = re.compile(r"<!-- policy of a job user -->\n```json\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class User:
    """Somebody at a machine of theirs, with the credentials of that role."""

    cluster: str
    environment: dict[str, str]
    home: Path

    def run(self, *command: str | Path, code: int = 0, text: str = "") -> str:
        """Run a program; what it printed on both streams. It must end with this exit code."""
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=self.home,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{' '.join(map(str, command))}: {done.stdout}"
        return done.stdout

    def shoal(self, *arguments: str, code: int = 0, text: str = "") -> str:
        """Run `shoal`."""
        return self.run(SHOAL, *arguments, code=code, text=text)

    def answer(self, *arguments: str) -> Any:
        """Run `shoal` for its JSON."""
        return json.loads(self.shoal(*arguments, "--output", "json"))

    def submit(self, *arguments: str, text: str = "") -> str:
        """Submit a job; its id."""
        return str(json.loads(self.shoal("job", "submit", "--output", "json", *arguments, text=text))["jobId"])

    def ended(self, job_id: str) -> dict[str, Any]:
        """All about a job, once it has ended."""

        def shown() -> dict[str, Any] | None:
            (job,) = self.answer("job", "show", job_id)
            return job if job["status"] in {"SUCCEEDED", "FAILED"} else None

        found = until(shown, 30.0, f"the end of {job_id}")
        assert found is not None
        return found


@pytest.fixture(scope="module")
def user(shoal: FrontDoor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user of a cluster of two queues; every test has jobs of its own there."""
    name, home = "job-user", tmp_path_factory.mktemp("user")
    before = shoal.state()
    scheduling = {"Scheduler": "awsbatch", "AwsBatchQueues": [queue(shoal.subnet), queue(shoal.subnet, "second")]}
    shoal.succeed("create", name, configuration(shoal.subnet, Scheduling=scheduling))
    bucket = shoal.resources(name)["Bucket"]["PhysicalResourceId"]
    iam = shoal.client("iam")
    trusted = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trusted]}
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    iam.put_role_policy(RoleName=ROLE, PolicyName="jobs", PolicyDocument=policy(name, bucket))
    got = shoal.client("sts").assume_role(RoleArn=role, RoleSessionName="user")["Credentials"]
    environment = {
        **process.without_aws(dict(os.environ)),
        **shoal.server.environment(),
        "AWS_ACCESS_KEY_ID": got["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
        "AWS_SESSION_TOKEN": got["SessionToken"],
        "HOME": str(home),
        "SHOAL_CLUSTER": name,
        "COLUMNS": "200",
    }
    yield User(name, environment, home)
    iam.delete_role_policy(RoleName=ROLE, PolicyName="jobs")
    iam.delete_role(RoleName=ROLE)
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def policy(cluster: str, bucket: str) -> str:
    """The policy of the documentation for a cluster."""
    found = POLICY.search((ROOT / "docs/jobs.md").read_text())
    assert found
    text = found[1]
    for word, value in {"CLUSTER": cluster, "BUCKET": bucket, "REGION": REGION, "ACCOUNT": ACCOUNT_ID}.items():
        text = text.replace(word, value)
    return text


def test_a_job_user_submits_and_sees_jobs_of_every_kind_in_every_queue(shoal: FrontDoor, user: User) -> None:
    (user.home / "run.sh").write_text("#!/bin/sh\necho hello\n")
    (user.home / "data").write_text("1 2 3")
    first = user.submit("echo", "hello")
    jobs = [
        first,
        user.submit("-cf", "-if", "data", "-e", "LEVEL=3", "--queue", "second", "run.sh", "a b"),
        user.submit(text="echo piped\n"),
        user.submit("-a", "2", "-d", first, "-cf", "run.sh"),
        user.submit("-n", "2", "-p", "2", "hostname"),
    ]
    shown = [user.ended(job) for job in jobs]
    assert [job["status"] for job in shown] == ["SUCCEEDED"] * len(jobs)
    assert [job["queue"] for job in shown] == ["main", "second", "main", "main", "main"]
    assert [child["jobId"] for child in shown[3]["children"]] == [f"{jobs[3]}:0", f"{jobs[3]}:1"]
    assert [child.get("main") for child in shown[4]["children"]] == ["main", None]
    listed = user.answer("job", "list", "-s", "ALL", "--expand-children")
    assert {row["jobId"] for row in listed} >= {*jobs, f"{jobs[3]}:1", f"{jobs[4]}#1"}
    assert [record["queue"] for record in user.answer("queues")] == ["main", "second"]
    user.shoal("hosts")


def test_a_job_user_ends_jobs_and_reads_what_they_wrote(shoal: FrontDoor, user: User) -> None:
    shoal.server.call("POST", "/_shoal/batch-jobs", {"status": "RUNNING"})
    try:
        job_id = user.submit("sleep", "infinity")
    finally:
        shoal.server.call("POST", "/_shoal/batch-jobs", {"status": "SUCCEEDED"})
    assert "had ended" not in user.shoal("job", "kill", "-r", "enough", job_id)
    assert user.ended(job_id)["reason"] == "enough"
    assert "had ended before" in user.shoal("job", "kill", job_id)
    assert "has written nothing" in user.shoal("job", "output", job_id)
    assert user.shoal("job", "output", "--follow", job_id) == ""


@pytest.mark.refused("cloudformation:DescribeStacks")
def test_a_job_user_without_rights_on_a_cluster_is_told_so_in_one_line(shoal: FrontDoor, user: User) -> None:
    refused = user.shoal("queues", "-c", "another", code=3)
    assert len(refused.splitlines()) == 1
    assert refused.startswith("AWS refuses: ")
    assert "cloudformation:DescribeStacks" in refused


def test_awss_client_works_by_the_file_that_is_written_for_it(shoal: FrontDoor, user: User) -> None:
    user.shoal("job", "configure", user.cluster)
    (user.home / "run.sh").write_text("#!/bin/sh\necho hello\n")
    submitted = user.run(CLIENT / "awsbsub", "-c", user.cluster, "-jn", "hello", "-cf", "run.sh")
    job_id = submitted.split()[1]
    assert user.ended(job_id)["jobName"] == "hello"
    assert "SUCCEEDED" in user.run(CLIENT / "awsbstat", job_id)
    assert f"shoal-{user.cluster}_main" in user.run(CLIENT / "awsbqueues")
    user.run(CLIENT / "awsbhosts")
    assert "already in (SUCCEEDED)" in user.run(CLIENT / "awsbkill", job_id)

    user.shoal("job", "configure", user.cluster, "--queue", "second")
    assert f"shoal-{user.cluster}_second" in user.run(CLIENT / "awsbqueues")
    assert user.answer("queues")[1]["queue"] == "second"
