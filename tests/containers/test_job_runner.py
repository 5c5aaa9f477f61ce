"""Do jobs on the embedded AWS run in real containers, with the limits, retries, networks and rights of AWS?"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws import process
from embedded_aws.batch.containers import LABEL
from embedded_aws.containers.engine import engine
from embedded_aws.process import EmbeddedAws, Server
from tests.support.embedded import Account
from tests.support.polling import until

IMAGE = "public.ecr.aws/docker/library/debian:12-slim"
"""The base image that the embedded AWS serves: a shell and the tools of Debian."""
PATIENCE = 90.0
"""Seconds for a job on a busy machine."""


@pytest.fixture
def account(server: Server) -> Iterator[Account]:
    """An account that no other test uses."""
    fresh = Account(server, f"{random.SystemRandom().randrange(10**11, 10**12)}")
    yield fresh
    fresh.close()


class Batch:
    """An environment, a queue and short ways to run something in it."""

    def __init__(self, account: Account) -> None:
        self.account, self.api = account, account.client("batch")
        self.instances = self._instance_role()
        subnet = account.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        self.environment = self.api.create_compute_environment(
            computeEnvironmentName="work",
            type="MANAGED",
            computeResources={
                "type": "EC2", "minvCpus": 0, "maxvCpus": 16, "instanceTypes": ["c5.large", "c5.xlarge"],
                "subnets": [subnet], "instanceRole": self.instances,
            },
        )["computeEnvironmentArn"]  # fmt: skip
        until(lambda: self._status("describe_compute_environments", "computeEnvironments") == "VALID")
        order = [{"order": 1, "computeEnvironment": self.environment}]
        self.api.create_job_queue(jobQueueName="main", priority=1, computeEnvironmentOrder=order)
        until(lambda: self._status("describe_job_queues", "jobQueues") == "VALID")

    def _status(self, operation: str, key: str) -> str:
        return str(getattr(self.api, operation)()[key][0]["status"])

    def _instance_role(self) -> str:
        """What a host may do: write logs."""
        allowed = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
        self.account.role("host", allowed, service="ec2")
        iam = self.account.client("iam")
        made = iam.create_instance_profile(InstanceProfileName="host")["InstanceProfile"]["Arn"]
        iam.add_role_to_instance_profile(InstanceProfileName="host", RoleName="host")
        return str(made)

    def define(self, script: str, name: str = "job", **changed: Any) -> str:
        """A definition of a job that runs a script; its ARN."""
        container = {"image": IMAGE, "vcpus": 1, "memory": 128, "command": ["sh", "-c", script], **changed}
        return str(
            self.api.register_job_definition(jobDefinitionName=name, type="container", containerProperties=container)[
                "jobDefinitionArn"
            ]
        )

    def define_nodes(self, script: str, count: int) -> str:
        """A definition of a multi-node job in which each node runs the same script; its ARN."""
        container = {"image": IMAGE, "vcpus": 1, "memory": 128, "command": ["sh", "-c", script]}
        nodes = {
            "numNodes": count,
            "mainNode": 0,
            "nodeRangeProperties": [{"targetNodes": "0:", "container": container}],
        }
        made = self.api.register_job_definition(jobDefinitionName="nodes", type="multinode", nodeProperties=nodes)
        return str(made["jobDefinitionArn"])

    def submit(self, definition: str, **options: Any) -> str:
        """Submit a job; its id."""
        given = {"jobName": "one", "jobQueue": "main", "jobDefinition": definition} | options
        return str(self.api.submit_job(**given)["jobId"])

    def run(self, script: str, changed: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """Run a script in a container to its end; the job then."""
        return self.ended(self.submit(self.define(script, **(changed or {})), **options))

    def job(self, identifier: str) -> dict[str, Any]:
        """The job as it is now."""
        found: dict[str, Any] = self.api.describe_jobs(jobs=[identifier])["jobs"][0]
        return found

    def reaches(self, identifier: str, *statuses: str) -> dict[str, Any]:
        """The job, once it has one of the statuses."""

        def reached() -> dict[str, Any] | None:
            found = self.job(identifier)
            return found if found["status"] in statuses else None

        found = until(reached, PATIENCE, f"{identifier} becoming {' or '.join(statuses)}")
        assert found is not None
        return found

    def ended(self, identifier: str) -> dict[str, Any]:
        """The job, once it has ended."""
        return self.reaches(identifier, "SUCCEEDED", "FAILED")

    def lines(self, job: dict[str, Any]) -> list[str]:
        """What the job has written so far."""
        stream = job["container"].get("logStreamName")
        if stream is None:
            return []
        events = self.account.client("logs").get_log_events(
            logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=True
        )["events"]
        return [event["message"] for event in events]


@pytest.fixture
def batch(account: Account) -> Iterator[Batch]:
    """Batch in a fresh account; every job has ended when the test has."""
    made = Batch(account)
    yield made
    queues = made.api.list_jobs
    for status in ("PENDING", "RUNNABLE", "STARTING", "RUNNING"):
        for job in queues(jobQueue="main", jobStatus=status)["jobSummaryList"]:
            made.api.terminate_job(jobId=job["jobId"], reason="the test is over")
            made.ended(job["jobId"])


def test_a_job_that_exits_with_nought_has_succeeded_and_its_lines_are_in_its_log(batch: Batch) -> None:
    job = batch.run("echo to-output; echo to-errors >&2")
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)
    assert sorted(batch.lines(job)) == ["to-errors", "to-output"]
    assert job["container"]["logStreamName"].startswith("job/default/")


def test_a_job_that_exits_with_another_code_has_failed_with_it(batch: Batch) -> None:
    job = batch.run("exit 42")
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 42)
    assert (job["statusReason"], len(job["attempts"])) == ("Essential container in task exited", 1)


def test_a_job_that_takes_more_memory_than_it_has_is_killed(batch: Batch) -> None:
    job = batch.run("tail /dev/zero", {"memory": 32})
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 137)
    assert job["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_a_job_that_takes_too_long_is_ended_and_not_retried(batch: Batch) -> None:
    job = batch.run("sleep 3600", timeout={"attemptDurationSeconds": 60}, retryStrategy={"attempts": 3})
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1


def test_a_job_is_retried_until_it_succeeds(batch: Batch) -> None:
    job = batch.run('test "$AWS_BATCH_JOB_ATTEMPT" = 2', retryStrategy={"attempts": 3})
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 0]


def test_a_retry_strategy_tells_which_exit_codes_are_retried(batch: Batch) -> None:
    conditions = [{"onExitCode": "4*", "action": "EXIT"}]
    job = batch.run("exit 42", retryStrategy={"attempts": 3, "evaluateOnExit": conditions})
    assert len(job["attempts"]) == 1


def test_an_array_with_a_failing_child_has_failed_and_says_how_many_did(batch: Batch) -> None:
    job = batch.run('test "$AWS_BATCH_JOB_ARRAY_INDEX" != 1', arrayProperties={"size": 3})
    assert (job["status"], job["statusReason"]) == ("FAILED", "Array Child Job failed")
    assert {key: job["arrayProperties"]["statusSummary"][key] for key in ("SUCCEEDED", "FAILED")} == {
        "SUCCEEDED": 2, "FAILED": 1,
    }  # fmt: skip
    assert batch.job(f"{job['jobId']}:1")["container"]["exitCode"] == 1


def test_children_of_an_array_wait_for_the_child_of_the_same_index(batch: Batch) -> None:
    first = batch.submit(batch.define('test "$AWS_BATCH_JOB_ARRAY_INDEX" != 1'), arrayProperties={"size": 2})
    second = batch.submit(
        batch.define("true", "after"),
        arrayProperties={"size": 2},
        dependsOn=[{"jobId": first, "type": "N_TO_N"}],
    )
    batch.ended(second)
    children = batch.api.describe_jobs(jobs=[f"{second}:0", f"{second}:1"])["jobs"]
    assert [child["status"] for child in children] == ["SUCCEEDED", "FAILED"]
    assert children[1]["statusReason"] == "Dependent Job failed"


def test_a_running_job_is_ended_with_the_reason_given(batch: Batch) -> None:
    identifier = batch.submit(batch.define("trap 'echo told; exit 3' TERM; echo ready; while :; do sleep 0.1; done"))
    until(lambda: "ready" in batch.lines(batch.job(identifier)), PATIENCE, "the job's first line")
    batch.api.terminate_job(jobId=identifier, reason="not needed")
    job = batch.ended(identifier)
    assert (job["status"], job["statusReason"], job["isTerminated"]) == ("FAILED", "not needed", True)
    assert (job["container"]["exitCode"], batch.lines(job)) == (3, ["ready", "told"])


def test_the_lines_of_a_job_are_in_its_log_while_it_runs(batch: Batch) -> None:
    identifier = batch.submit(batch.define("echo now; sleep 3600"))
    until(lambda: batch.lines(batch.job(identifier)) == ["now"], PATIENCE, "the job's line")
    assert batch.job(identifier)["status"] == "RUNNING"


def test_a_job_has_the_rights_of_its_role_and_no_others(batch: Batch) -> None:
    allowed = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::mine-{batch.account.id}"}
    role = batch.account.role("job", allowed, service="ecs-tasks")
    for bucket in ("mine", "other"):
        batch.account.client("s3").create_bucket(Bucket=f"{bucket}-{batch.account.id}")
    script = """
address=${AWS_CONTAINER_CREDENTIALS_FULL_URI#http://127.0.0.1:}
exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/$0; printf "GET /%s HTTP/1.0\\r\\n\\r\\n" "$1" >&3; cat <&3' \
  "${address%%/*}" "${address#*/}"
"""
    found = json.loads(batch.lines(batch.run(script, {"jobRoleArn": role}))[-1])
    assert found["RoleArn"] == role
    s3 = batch.account.session_client("s3", found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    assert s3.list_objects_v2(Bucket=f"mine-{batch.account.id}")["KeyCount"] == 0
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=f"other-{batch.account.id}")


def test_what_a_job_writes_just_before_its_end_is_in_its_log(batch: Batch) -> None:
    job = batch.run("echo first; printf last", arrayProperties={"size": 8})
    children = batch.api.describe_jobs(jobs=[f"{job['jobId']}:{index}" for index in range(8)])["jobs"]
    assert [batch.lines(child) for child in children] == [["first", "last"]] * 8


def test_the_aws_command_of_an_image_is_led_to_the_embedded_aws(batch: Batch) -> None:
    script = """
printf '#!/bin/sh\\necho own "$@"\\n' > /usr/bin/aws; chmod +x /usr/bin/aws
aws s3 ls 's3://a b'
"""
    assert batch.lines(batch.run(script)) == [f"own --endpoint-url {batch.account.server.url} s3 ls s3://a b"]


def test_a_job_of_a_role_that_does_not_trust_ecs_does_not_start(batch: Batch) -> None:
    job = batch.run("true", {"jobRoleArn": batch.account.role("job", service="lambda")})
    assert job["status"] == "FAILED"
    assert "ECS was unable to assume the role" in job["statusReason"]


def test_a_job_whose_log_group_does_not_exist_says_so(batch: Batch) -> None:
    logs = {"logDriver": "awslogs", "options": {"awslogs-group": "none"}}
    job = batch.run("true", {"logConfiguration": logs})
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert "The specified log group does not exist" in job["container"]["reason"]


def test_a_failing_node_that_is_not_the_main_one_does_not_fail_its_job(batch: Batch) -> None:
    script = 'test "$AWS_BATCH_JOB_NODE_INDEX" = 0 || exit 7; for n in $(seq 100); do sleep 0.05; done'
    job = batch.ended(batch.submit(batch.define_nodes(script, 2), retryStrategy={"attempts": 2}))
    assert (job["status"], len(job["attempts"])) == ("SUCCEEDED", 1)
    node = batch.job(f"{job['jobId']}#1")
    assert (node["status"], node["container"]["exitCode"]) == ("FAILED", 7)


def test_a_multi_node_job_is_retried_when_its_main_node_fails(batch: Batch) -> None:
    script = 'test "$AWS_BATCH_JOB_NODE_INDEX" = 1 || test "$AWS_BATCH_JOB_ATTEMPT" = 2'
    job = batch.ended(batch.submit(batch.define_nodes(script, 2), retryStrategy={"attempts": 3}))
    assert (job["status"], len(job["attempts"])) == ("SUCCEEDED", 2)


def test_a_job_of_an_image_that_does_not_exist_says_so(batch: Batch) -> None:
    job = batch.run("true", {"image": "public.ecr.aws/docker/library/debian:none"})
    assert job["status"] == "FAILED"
    assert job["container"]["reason"].startswith("CannotPullContainerError")


def test_a_job_of_a_program_that_is_not_in_the_image_says_so(batch: Batch) -> None:
    job = batch.run("", {"command": ["no-such-program"]})
    assert job["status"] == "FAILED"
    assert job["container"]["reason"].startswith("CannotStartContainerError")


def test_a_job_has_the_limits_the_user_and_the_memory_that_it_asked_for(batch: Batch) -> None:
    limits = [{"name": "nofile", "softLimit": 512, "hardLimit": 1024}]
    changed = {"ulimits": limits, "user": "1000", "linuxParameters": {"sharedMemorySize": 16}}
    job = batch.run("ulimit -n; id -u; df -m /dev/shm | awk 'NR==2{print $2}'", changed)
    assert batch.lines(job) == ["512", "1000", "16"]


def test_a_job_may_have_a_root_that_cannot_be_written(batch: Batch) -> None:
    job = batch.run("touch /x 2>/dev/null || echo refused", {"readonlyRootFilesystem": True})
    assert batch.lines(job) == ["refused"]


def test_a_job_may_have_an_init_process(batch: Batch) -> None:
    job = batch.run("cat /proc/1/comm", {"linuxParameters": {"initProcessEnabled": True}})
    assert batch.lines(job) == ["docker-init"]


def test_jobs_share_the_directories_of_their_hosts(batch: Batch) -> None:
    volumes = [{"name": "shared", "host": {"sourcePath": "/shared"}}]
    mounts = [{"sourceVolume": "shared", "containerPath": "/data", "readOnly": False}]
    shared: dict[str, Any] = {"volumes": volumes, "mountPoints": mounts, "user": "1000"}
    batch.run("echo 42 > /data/answer", shared)
    read_only = shared | {"mountPoints": [mounts[0] | {"readOnly": True}]}
    job = batch.run("cat /data/answer; touch /data/x 2>/dev/null || echo refused", read_only)
    assert batch.lines(job) == ["42", "refused"]


def test_nodes_of_a_job_reach_each_other_by_address_and_the_main_node_decides(batch: Batch) -> None:
    script = """
echo "node $AWS_BATCH_JOB_NODE_INDEX of $AWS_BATCH_JOB_NUM_NODES at $(hostname)"
if [ "$AWS_BATCH_JOB_NODE_INDEX" = 0 ]; then
  exec perl -MIO::Socket::INET -e '
    $| = 1;
    $l = IO::Socket::INET->new(Listen => 5, LocalPort => 7000, ReuseAddr => 1) or die;
    for (1..2) { $c = $l->accept; print "from ", $c->peerhost, ": ", scalar <$c>; }'
else
  exec perl -MIO::Socket::INET -e '
    for (1..100) {
      $s = IO::Socket::INET->new("$ENV{AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS}:7000");
      last if $s;
      select undef, undef, undef, 0.1;
    }
    print $s "$ENV{AWS_BATCH_JOB_NODE_INDEX}\\n"; close $s; sleep 3600;'
fi
"""
    job = batch.ended(batch.submit(batch.define_nodes(script, 3)))
    nodes = batch.api.describe_jobs(jobs=[f"{job['jobId']}#{index}" for index in range(3)])["jobs"]
    assert job["status"] == "SUCCEEDED", [batch.lines(node) for node in nodes]
    addresses = [node["container"]["networkInterfaces"][0]["privateIpv4Address"] for node in nodes]
    lines = batch.lines(nodes[0])
    assert lines[0].startswith("node 0 of 3 at ip-")
    assert sorted(lines[1:]) == [f"from {addresses[index]}: {index}" for index in (1, 2)]


def test_nothing_reaches_a_node_from_outside_its_network(batch: Batch) -> None:
    listen = "$l = IO::Socket::INET->new(Listen => 5, LocalPort => 7001) or die; print {$l->accept} qq(here\\n) while 1"
    script = f"exec perl -MIO::Socket::INET -e '$| = 1; print qq(listening\\n); {listen}'"
    nodes = batch.submit(batch.define_nodes(script, 2))
    until(lambda: "listening" in batch.lines(batch.job(f"{nodes}#0")), PATIENCE, "the main node's first line")
    address = batch.job(f"{nodes}#0")["container"]["networkInterfaces"][0]["privateIpv4Address"]
    # The network around this machine may answer for any address: what counts is who answers.
    found = batch.run(f"timeout 2 bash -c 'cat </dev/tcp/{address}/7001'; echo done")
    assert "here" not in batch.lines(found)
    assert batch.job(nodes)["status"] == "RUNNING"


def test_a_node_reaches_the_embedded_aws_and_nothing_else_of_this_machine(batch: Batch) -> None:
    script = """
U=${AWS_ENDPOINT_URL#http://127.0.0.1:}
bash -c "</dev/tcp/127.0.0.1/$U" && echo served
ls /sys/class/net | tr '\\n' ' '
"""
    job = batch.ended(batch.submit(batch.define_nodes(script, 1)))
    node = batch.job(f"{job['jobId']}#0")
    assert [line.strip() for line in batch.lines(node)] == ["served", "eth0 lo"]


def test_a_host_is_shown_while_a_job_runs_and_its_end_is_the_jobs(batch: Batch) -> None:
    identifier = batch.submit(
        batch.define("sleep 3600"),
        retryStrategy={"attempts": 2, "evaluateOnExit": [{"onStatusReason": "Host EC2*", "action": "EXIT"}]},
    )
    batch.reaches(identifier, "RUNNING")
    environment = batch.api.describe_compute_environments()["computeEnvironments"][0]
    ecs, cluster = batch.account.client("ecs"), environment["ecsClusterArn"]
    arns = ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]
    host = ecs.describe_container_instances(cluster=cluster, containerInstances=arns)["containerInstances"][0]
    assert host["runningTasksCount"] == 1
    batch.account.client("ec2").terminate_instances(InstanceIds=[host["ec2InstanceId"]])
    job = batch.ended(identifier)
    assert job["statusReason"] == f"Host EC2 (instance {host['ec2InstanceId']}) terminated."
    assert not ecs.list_container_instances(cluster=cluster)["containerInstanceArns"]


def containers(server: Server) -> list[str]:
    """The containers of jobs of a server, ended ones too."""
    found = engine()
    done = subprocess.run(
        [*found.client, "ps", "--all", "--quiet", "--filter", f"label={LABEL}={server.pid}"],
        env=found.environment(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def running(server: Server) -> Account:
    """Start an endless job of two nodes, and wait until it runs."""
    account = Account(server, "222222222222")
    batch = Batch(account)
    batch.reaches(batch.submit(batch.define_nodes("sleep 3600", 2)), "RUNNING")
    return account


def test_a_job_leaves_nothing_behind(batch: Batch) -> None:
    batch.run("true")
    assert containers(batch.account.server) == []


def test_no_job_survives_its_server(tmp_path: Path) -> None:
    with EmbeddedAws(tmp_path, wait_scale=0.02) as server:
        running(server).close()
        assert len(containers(server)) >= 2
    assert containers(server) == []


def test_what_a_killed_server_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    killed = process.start(tmp_path / "first", wait_scale=0.02)
    running(killed).close()
    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: not process.stop(tmp_path / "first") and not Path(f"/proc/{killed.pid}").exists())
    assert containers(killed)
    with EmbeddedAws(tmp_path / "second", wait_scale=0.02) as server:
        running(server).close()
        assert containers(killed) == []
