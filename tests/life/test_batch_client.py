"""AWS's own client for Batch clusters, as released, against a cluster of Shoal's: with the head node's rights."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from embedded_aws.process import ROOT
from tests.support.front_door import FrontDoor, configuration
from tests.support.polling import until
from tests.support.role_session import client, session

CLIENT = ROOT / ".tools/awsbatch/bin"
JOB = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class HeadNode:
    """A shell on the head node, as far as the client can tell: its role's session, and a home of its own."""

    stack: str
    environment: dict[str, str]
    home: Path

    def run(self, program: str, *arguments: str, text: str = "") -> str:
        """Run one of the client's programs; what it printed. It must succeed.

        Standard input is never a terminal here: what it holds is the job's script, unless `-cf` names one.
        """
        done = subprocess.run(
            [CLIENT / program, "-c", self.stack, *arguments],
            env=self.environment,
            cwd=self.home,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stdout}"
        return done.stdout

    def submit(self, *arguments: str, text: str = "") -> str:
        """Submit a job; its id."""
        found = JOB.search(told := self.run("awsbsub", *arguments, text=text))
        assert found, told
        return found[0]


@pytest.fixture(scope="module")
def head_node(shoal: FrontDoor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadNode]:
    """A cluster's head node; every test has jobs of its own there."""
    name, home = "batch-client", tmp_path_factory.mktemp("head-node")
    before = shoal.state()
    shoal.succeed("create", name, configuration(shoal.subnet))
    role = shoal.resources(name)["HeadNodeRole"]["PhysicalResourceId"]
    yield HeadNode(f"shoal-cluster-{name}", {**session(shoal, role), "HOME": str(home)}, home)
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def test_the_batch_client_works_on_a_cluster_with_the_head_nodes_rights(shoal: FrontDoor, head_node: HeadNode) -> None:
    cluster = head_node.stack.removeprefix("shoal-cluster-")
    assert f"shoal-{cluster}_main" in head_node.run("awsbqueues")
    script = head_node.home / "hello.sh"
    script.write_text("#!/bin/sh\necho hello\n")

    job = head_node.submit("-jn", "hello", "-cf", str(script))
    assert "hello" in head_node.run("awsbstat", "-s", "ALL")
    assert "SUCCEEDED" in head_node.run("awsbstat", job)
    head_node.run("awsbhosts")

    shoal.server.call("POST", "/_shoal/batch-jobs", {"status": "RUNNING"})
    try:
        endless = head_node.submit("-jn", "endless", "-cf", str(script))
    finally:
        shoal.server.call("POST", "/_shoal/batch-jobs", {"status": "SUCCEEDED"})
    head_node.run("awsbkill", endless)
    until(lambda: "FAILED" in head_node.run("awsbstat", endless))


def test_the_batch_client_submits_every_kind_of_job(shoal: FrontDoor, head_node: HeadNode) -> None:
    script = head_node.home / "hello.sh"
    script.write_text("#!/bin/sh\necho hello\n")
    jobs = {
        "piped": head_node.submit("-jn", "piped", text="echo hello\n"),
        "array": head_node.submit("-jn", "array", "-a", "3", "-cf", str(script)),
        "nodes": head_node.submit("-jn", "nodes", "-n", "2", "-cf", str(script)),
    }
    jobs["after"] = head_node.submit("-jn", "after", "-d", f"jobId={jobs['piped']}", "-cf", str(script))
    found = shoal.client("batch").describe_jobs(jobs=list(jobs.values()))["jobs"]
    described = {job["jobName"]: job for job in found}
    assert described["array"]["arrayProperties"]["size"] == 3
    assert described["nodes"]["nodeProperties"]["numNodes"] == 2
    assert described["after"]["dependsOn"] == [{"jobId": jobs["piped"]}]
    until(lambda: all(job in head_node.run("awsbstat", "-s", "SUCCEEDED") for job in jobs.values()))
    assert f"{jobs['array']}:2" in head_node.run("awsbstat", "-s", "ALL", "-e")


def test_a_job_reads_its_files_and_the_head_node_its_results_and_logs(shoal: FrontDoor, head_node: HeadNode) -> None:
    cluster = head_node.stack.removeprefix("shoal-cluster-")
    resources = shoal.resources(cluster)
    script = head_node.home / "hello.sh"
    script.write_text("#!/bin/sh\necho hello\n")
    head_node.run("awsbsub", "-jn", "hello", "-cf", str(script))
    stack = shoal.stack(cluster)
    assert stack is not None
    bucket = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}["ResourcesS3Bucket"]

    job = client("s3", session(shoal, resources["JobRole"]["PhysicalResourceId"]))
    found = job.list_objects_v2(Bucket=bucket, Prefix="jobs/batch/")["Contents"]
    key = next(item["Key"] for item in found if item["Key"].endswith("hello.sh"))
    assert job.get_object(Bucket=bucket, Key=key)["Body"].read() == script.read_bytes()

    user = client("s3", head_node.environment)
    user.put_object(Bucket=bucket, Key="jobs/results/one", Body=b"42")
    assert [item["Key"] for item in user.list_objects_v2(Bucket=bucket, Prefix="jobs/results/")["Contents"]]
    assert user.get_object(Bucket=bucket, Key="jobs/results/one")["Body"].read() == b"42"

    group, logs = resources["JobLogGroup"]["PhysicalResourceId"], shoal.client("logs")
    logs.create_log_stream(logGroupName=group, logStreamName="job")
    event = {"timestamp": int(time.time() * 1000), "message": "hello"}
    logs.put_log_events(logGroupName=group, logStreamName="job", logEvents=[event])
    reading = client("logs", head_node.environment)
    assert reading.get_log_events(logGroupName=group, logStreamName="job")["events"]
    assert reading.filter_log_events(logGroupName=group, logStreamNames=["job"])["events"]
