"""Do Batch's environments, queues, definitions and jobs follow AWS's rules?"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded import Account
from tests.support.polling import until

CONTAINER = {"image": "public.ecr.aws/debian/debian:12", "resourceRequirements": [{"type": "VCPU", "value": "1"}]}


@pytest.fixture
def batch(account: Account) -> Any:
    return account.client("batch")


def environment(batch: Any, name: str = "work", **resources: Any) -> str:
    """A new environment that has settled; its ARN."""
    wanted = {"type": "EC2", "minvCpus": 0, "maxvCpus": 4, "instanceTypes": ["c5.large"], "subnets": ["s"]} | resources
    arn = batch.create_compute_environment(
        computeEnvironmentName=name, type="MANAGED", state="ENABLED", computeResources=wanted
    )["computeEnvironmentArn"]
    until(lambda: described(batch, arn)["status"] in ("VALID", "INVALID"))
    return str(arn)


def described(batch: Any, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = batch.describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"][0]
    return found


def queue(batch: Any, *environments: str, name: str = "jobs") -> str:
    """A new queue that has settled; its ARN."""
    order = [{"order": number, "computeEnvironment": arn} for number, arn in enumerate(environments)]
    arn = batch.create_job_queue(jobQueueName=name, state="ENABLED", priority=1, computeEnvironmentOrder=order)
    until(lambda: batch.describe_job_queues(jobQueues=[name])["jobQueues"][0]["status"] == "VALID")
    return str(arn["jobQueueArn"])


def definition(batch: Any, **options: Any) -> str:
    """A new revision of a job definition; its ARN."""
    made = batch.register_job_definition(
        jobDefinitionName="job", type="container", containerProperties=CONTAINER, **options
    )
    return str(made["jobDefinitionArn"])


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    return str(refusal.value.response["Error"]["Message"])


def test_an_environment_passes_through_creating_and_has_a_cluster(batch: Any) -> None:
    batch.create_compute_environment(
        computeEnvironmentName="work",
        type="MANAGED",
        computeResources={"type": "EC2", "maxvCpus": 4, "subnets": ["s"]},
    )
    found = batch.describe_compute_environments(computeEnvironments=["work"])["computeEnvironments"][0]
    assert found["status"] == "CREATING"
    assert ":cluster/AWSBatch-work-" in found["ecsClusterArn"]


def test_an_environment_of_a_profile_that_does_not_exist_becomes_invalid(batch: Any) -> None:
    found = described(batch, environment(batch, instanceRole="nobody"))
    assert (found["status"], "nobody" in found["statusReason"]) == ("INVALID", True)


def test_an_environment_of_a_role_that_does_not_exist_becomes_invalid(batch: Any) -> None:
    found = described(batch, environment(batch, spotIamFleetRole="arn:aws:iam::111111111111:role/nobody"))
    assert (found["status"], "nobody" in found["statusReason"]) == ("INVALID", True)


def test_an_invalid_environment_is_not_taken_into_a_queue(batch: Any) -> None:
    arn = environment(batch, instanceRole="nobody")
    order = [{"order": 1, "computeEnvironment": arn}]
    message = refused(batch.create_job_queue, jobQueueName="jobs", priority=1, computeEnvironmentOrder=order)
    assert "is not valid" in message


def test_an_environment_with_a_queue_cannot_be_deleted(batch: Any) -> None:
    arn = environment(batch)
    queue(batch, arn)
    batch.update_compute_environment(computeEnvironment=arn, state="DISABLED")
    message = refused(batch.delete_compute_environment, computeEnvironment=arn)
    assert message == "Cannot delete, found existing JobQueue relationship"


def test_an_enabled_environment_cannot_be_deleted(batch: Any) -> None:
    arn = environment(batch)
    assert "must be DISABLED" in refused(batch.delete_compute_environment, computeEnvironment=arn)


def test_a_disabled_environment_is_deleted(batch: Any) -> None:
    arn = environment(batch)
    batch.update_compute_environment(computeEnvironment=arn, state="DISABLED")
    until(lambda: described(batch, arn)["status"] == "VALID")
    batch.delete_compute_environment(computeEnvironment=arn)
    assert described(batch, arn)["status"] == "DELETING"
    until(lambda: not batch.describe_compute_environments()["computeEnvironments"])


def test_an_environment_that_changes_cannot_be_changed(batch: Any) -> None:
    arn = environment(batch)
    batch.update_compute_environment(computeEnvironment=arn, state="DISABLED")
    assert "being modified" in refused(batch.update_compute_environment, computeEnvironment=arn, state="ENABLED")


def test_a_queue_takes_three_environments_and_not_four(batch: Any) -> None:
    arns = [environment(batch, f"work-{number}") for number in range(4)]
    order = [{"order": number, "computeEnvironment": arn} for number, arn in enumerate(arns)]
    message = refused(batch.create_job_queue, jobQueueName="jobs", priority=1, computeEnvironmentOrder=order)
    assert "at most 3" in message
    assert queue(batch, *arns[:3])


def test_an_enabled_queue_cannot_be_deleted(batch: Any) -> None:
    arn = queue(batch, environment(batch))
    assert "must be DISABLED" in refused(batch.delete_job_queue, jobQueue=arn)


def test_a_disabled_queue_is_deleted(batch: Any) -> None:
    arn = queue(batch, environment(batch))
    batch.update_job_queue(jobQueue=arn, state="DISABLED")
    until(lambda: batch.describe_job_queues(jobQueues=[arn])["jobQueues"][0]["status"] == "VALID")
    batch.delete_job_queue(jobQueue=arn)
    until(lambda: not batch.describe_job_queues()["jobQueues"])


def test_registering_again_makes_a_revision_and_deregistering_retires_one(batch: Any) -> None:
    first, second = definition(batch), definition(batch, timeout={"attemptDurationSeconds": 90})
    batch.deregister_job_definition(jobDefinition=first)
    active = batch.describe_job_definitions(jobDefinitionName="job", status="ACTIVE")["jobDefinitions"]
    assert [(found["jobDefinitionArn"], found["timeout"]) for found in active] == [
        (second, {"attemptDurationSeconds": 90})
    ]


def test_a_definition_of_a_multi_node_job_keeps_its_nodes(batch: Any) -> None:
    nodes = {
        "numNodes": 2, "mainNode": 0, "nodeRangeProperties": [{"targetNodes": "0:1", "container": CONTAINER}],
    }  # fmt: skip
    batch.register_job_definition(jobDefinitionName="wide", type="multinode", nodeProperties=nodes)
    assert batch.describe_job_definitions(jobDefinitionName="wide")["jobDefinitions"][0]["nodeProperties"] == nodes


def test_a_running_job_is_listed_and_can_be_ended(account: Account, batch: Any) -> None:
    arn = queue(batch, environment(batch))
    account.server.call("POST", "/_shoal/batch-jobs", {"status": "RUNNING"})
    try:
        job = batch.submit_job(jobName="one", jobQueue=arn, jobDefinition=definition(batch))["jobId"]
    finally:
        account.server.call("POST", "/_shoal/batch-jobs", {"status": "SUCCEEDED"})
    assert [found["jobId"] for found in batch.list_jobs(jobQueue=arn)["jobSummaryList"]] == [job]
    batch.terminate_job(jobId=job, reason="the cluster is deleted")
    assert not batch.list_jobs(jobQueue=arn)["jobSummaryList"]
    ended = batch.describe_jobs(jobs=[job])["jobs"][0]
    assert (ended["status"], ended["statusReason"]) == ("FAILED", "the cluster is deleted")


def test_a_job_for_a_disabled_queue_is_refused(batch: Any) -> None:
    arn = queue(batch, environment(batch))
    batch.update_job_queue(jobQueue=arn, state="DISABLED")
    message = refused(batch.submit_job, jobName="one", jobQueue=arn, jobDefinition=definition(batch))
    assert "not ENABLED" in message
