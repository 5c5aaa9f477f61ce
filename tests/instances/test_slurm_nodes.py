"""From power-on to a finished job: the nodes of a Slurm cluster, set up by the user data of its own stack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.instances import booted
from tests.support.front_door import FrontDoor
from tests.support.polling import until

SCRIPTS = "scripts-of-the-cluster"
CREATION_SECONDS = 240.0
JOB_SECONDS = 180.0
USER = "admin"


@dataclass(frozen=True)
class Cluster:
    """A created cluster."""

    name: str
    shoal: FrontDoor
    head: str

    def on_head(self, command: str, user: str = USER) -> str:
        """What a command on the head node writes."""
        return booted.shell(self.shoal.server, self.head, command, user=user)

    def describe(self) -> dict[str, Any]:
        """What `describe` answers."""
        return self.shoal.operate("describe", self.name).answer

    def run_job(self, options: str, command: str) -> str:
        """Run a job to its end; what it wrote."""
        number = self.on_head(f"sbatch --parsable --output=job-%j.out {options} --wrap '{command}'").strip()
        ended = lambda: "JobState=COMPLETED" in self.on_head(f"scontrol show job {number}")  # noqa: E731 - one use
        until(ended, JOB_SECONDS, f"the end of job {number}")
        return self.on_head(f"cat job-{number}.out")


def _queue(shoal: FrontDoor, name: str, script: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Networking": {"SubnetIds": [shoal.subnet]},
        "ComputeResources": [{"Name": "small", "InstanceType": "c6i.large", "MaxCount": 2}],
        "CustomActions": {"OnNodeConfigured": {"Script": f"s3://{SCRIPTS}/{script}", "Args": [name, "two words"]}},
        "Iam": {"S3Access": [{"BucketName": SCRIPTS}]},
    }


def _configuration(shoal: FrontDoor) -> dict[str, Any]:
    return {
        "Region": "us-east-1",
        "Image": {"Os": "debian12"},
        "HeadNode": {
            "InstanceType": "t3.medium",
            "Networking": {"SubnetId": shoal.subnet},
            "CustomActions": {"OnNodeStart": {"Script": f"s3://{SCRIPTS}/mark.sh", "Args": ["head", "two words"]}},
            "Iam": {"S3Access": [{"BucketName": SCRIPTS}]},
        },
        "Scheduling": {
            "Scheduler": "slurm",
            "SlurmQueues": [_queue(shoal, "main", "mark.sh"), _queue(shoal, "broken", "fail.sh")],
        },
        "SharedStorage": [{"MountDir": "/shared", "Name": "shared", "StorageType": "Ebs"}],
    }


@pytest.fixture(scope="module")
def cluster(shoal: FrontDoor) -> Iterator[Cluster]:
    """A cluster with a queue that works and one whose nodes fail."""
    s3 = shoal.client("s3")
    s3.create_bucket(Bucket=SCRIPTS)
    s3.put_object(Bucket=SCRIPTS, Key="mark.sh", Body=b'#!/bin/sh\necho "$1, $2" > /var/marked\n')
    s3.put_object(Bucket=SCRIPTS, Key="fail.sh", Body=b"#!/bin/sh\necho the licence server is away\nexit 3\n")
    ended = shoal.wait(shoal.begin("create", "booted", _configuration(shoal)), CREATION_SECONDS)
    assert ended.status == "SUCCEEDED", f"{ended.error}: {ended.cause}"
    described = shoal.operate("describe", "booted").answer
    yield Cluster("booted", shoal, described["headNode"]["instanceId"])
    assert shoal.wait(shoal.begin("delete", "booted"), CREATION_SECONDS).status == "SUCCEEDED"
    assert booted.shown(shoal.server) == {}


def test_a_user_runs_a_job_on_two_nodes_that_come_for_it(cluster: Cluster) -> None:
    output = cluster.run_job("--nodes=2 --partition=main", 'srun --label sh -c "hostname; cat /var/marked"')
    assert sorted(re.findall(r"(\d): main, two words", output)) == ["0", "1"]
    assert len(set(re.findall(r"\d: (ip-\S+)", output))) == 2
    assert {node["queue"] for node in cluster.describe()["nodes"]} >= {"main"}


def test_custom_actions_ran_on_the_head_node(cluster: Cluster) -> None:
    assert cluster.on_head("cat /var/marked") == "head, two words\n"


def test_what_a_job_writes_to_shared_storage_is_there_on_the_head_node(cluster: Cluster) -> None:
    cluster.run_job("--nodes=1 --partition=main", "hostname > /shared/written")
    assert cluster.on_head("cat /shared/written").startswith("ip-")


def test_a_head_node_that_was_rebooted_has_its_queue_and_runs_jobs(cluster: Cluster) -> None:
    held = cluster.on_head("sbatch --parsable --hold --partition=main --wrap true").strip()
    server, before = cluster.shoal.server, booted.leader(cluster.shoal.server, cluster.head)
    cluster.shoal.client("ec2").reboot_instances(InstanceIds=[cluster.head])
    until(lambda: booted.shown(server)[cluster.head]["leader"] not in (None, before), 60, "the reboot")
    up = "scontrol ping | grep -q UP && mountpoint -q /shared && systemctl is-active shoal-sqswatcher shoal-jobwatcher"
    until(lambda: booted.succeeds(server, cluster.head, up), 60, "Slurm on the rebooted head node")
    assert "JobState=PENDING" in cluster.on_head(f"scontrol show job {held}")
    cluster.on_head(f"scancel {held}")
    assert cluster.run_job("--nodes=1 --partition=main", "hostname").startswith("ip-")


def test_the_last_lines_of_a_compute_node_that_fails_are_told(cluster: Cluster) -> None:
    number = cluster.on_head("sbatch --parsable --partition=broken --wrap true").strip()
    failure = until(lambda: cluster.describe()["nodeFailures"], JOB_SECONDS, "the failure of a node")[0]
    cluster.on_head(f"scancel {number}")
    assert (failure["queue"], failure["computeResource"]) == ("broken", "small")
    assert "the licence server is away" in str(failure)
