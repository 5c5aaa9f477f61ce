"""Does the API of jobs answer as AWS's, on the embedded AWS with the stand-in, which runs no container?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from embedded_aws.batch import credentials
from tests.support.embedded import Account
from tests.support.jobs import CONTAINER, multinode
from tests.support.polling import until

Submit = Callable[..., str]


@pytest.fixture
def batch(account: Account) -> Any:
    """The API, with an environment and a queue `main`."""
    api = account.client("batch")
    resources = {"type": "EC2", "maxvCpus": 8, "instanceTypes": ["c5.large"], "subnets": ["s"]}
    arn = api.create_compute_environment(computeEnvironmentName="work", type="MANAGED", computeResources=resources)[
        "computeEnvironmentArn"
    ]
    until(lambda: api.describe_compute_environments()["computeEnvironments"][0]["status"] == "VALID")
    order = [{"order": 1, "computeEnvironment": arn}]
    api.create_job_queue(jobQueueName="main", priority=1, computeEnvironmentOrder=order)
    until(lambda: api.describe_job_queues()["jobQueues"][0]["status"] == "VALID")
    api.register_job_definition(jobDefinitionName="job", type="container", containerProperties=CONTAINER)
    nodes = multinode(2)["nodeProperties"]
    api.register_job_definition(jobDefinitionName="nodes", type="multinode", nodeProperties=nodes)
    return api


@pytest.fixture
def submit(batch: Any) -> Submit:
    """Submit a job; its id."""

    def submitted(definition: str = "job", **options: Any) -> str:
        given = {"jobName": "one", "jobQueue": "main", "jobDefinition": definition} | options
        return str(batch.submit_job(**given)["jobId"])

    return submitted


@pytest.fixture
def endless(account: Account) -> Iterator[None]:
    """Jobs that run until somebody ends them."""
    account.server.call("POST", "/_shoal/batch-jobs", {"status": "RUNNING"})
    yield
    account.server.call("POST", "/_shoal/batch-jobs", {"status": "SUCCEEDED"})


def described(batch: Any, *identifiers: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = batch.describe_jobs(jobs=list(identifiers))["jobs"]
    return found


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    return str(refusal.value.response["Error"]["Message"])


def test_a_job_is_described_with_everything_that_it_was_submitted_with(batch: Any, submit: Submit) -> None:
    identifier = submit(
        parameters={"a": "b"},
        tags={"team": "x"},
        timeout={"attemptDurationSeconds": 90},
        retryStrategy={"attempts": 2, "evaluateOnExit": [{"onExitCode": "1", "action": "EXIT"}]},
        containerOverrides={"command": ["echo", "Ref::a"], "environment": [{"name": "A", "value": "1"}]},
    )
    job = described(batch, identifier)[0]
    assert (job["status"], job["statusReason"]) == ("SUCCEEDED", "Essential container in task exited")
    assert (job["parameters"], job["tags"], job["timeout"]) == (
        {"a": "b"}, {"team": "x"}, {"attemptDurationSeconds": 90},
    )  # fmt: skip
    assert job["retryStrategy"]["attempts"] == 2
    assert job["container"]["command"] == ["echo", "b"]
    assert job["container"]["environment"] == [{"name": "A", "value": "1"}]
    assert (job["container"]["vcpus"], job["container"]["memory"], job["container"]["exitCode"]) == (1, 128, 0)
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]
    assert len(job["attempts"]) == 1


@pytest.mark.parametrize("reference", ["job", "job:1", "arn"])
def test_a_definition_is_named_with_or_without_its_revision_or_by_its_arn(
    batch: Any, submit: Submit, reference: str
) -> None:
    arn = batch.describe_job_definitions(jobDefinitionName="job")["jobDefinitions"][0]["jobDefinitionArn"]
    assert described(batch, submit(arn if reference == "arn" else reference))[0]["jobDefinition"] == arn


def test_a_definition_that_is_retired_is_refused(batch: Any) -> None:
    batch.deregister_job_definition(jobDefinition="job:1")
    message = refused(batch.submit_job, jobName="one", jobQueue="main", jobDefinition="job")
    assert message == "JobDefinition job not found or is not ACTIVE"


def test_a_queue_that_does_not_exist_is_refused(batch: Any) -> None:
    message = refused(batch.submit_job, jobName="one", jobQueue="other", jobDefinition="job")
    assert message == "JobQueue other not found or is not ENABLED"


def test_a_submission_that_aws_does_not_take_is_refused(batch: Any) -> None:
    message = refused(batch.submit_job, jobName="a b", jobQueue="main", jobDefinition="job")
    assert message == "Error executing request, Exception : Job name should match valid pattern"


def test_overrides_that_are_too_long_fail_the_job(batch: Any, submit: Submit) -> None:
    job = described(batch, submit(containerOverrides={"command": ["x" * 9000]}))[0]
    assert (job["status"], job["statusReason"]) == ("FAILED", "Container Overrides length must be at most 8192")


def test_an_array_is_described_with_the_statuses_of_its_children(batch: Any, submit: Submit, endless: None) -> None:
    identifier = submit(arrayProperties={"size": 3})
    parent, child = described(batch, identifier, f"{identifier}:2")
    assert (parent["status"], parent["arrayProperties"]["size"]) == ("PENDING", 3)
    assert parent["arrayProperties"]["statusSummary"]["RUNNING"] == 3
    assert (child["jobId"], child["status"], child["arrayProperties"]) == (f"{identifier}:2", "RUNNING", {"index": 2})


def test_children_of_an_array_are_listed_by_its_id_and_not_with_their_queue(
    batch: Any, submit: Submit, endless: None
) -> None:
    identifier = submit(arrayProperties={"size": 2})
    children = batch.list_jobs(arrayJobId=identifier)["jobSummaryList"]
    assert [child["jobId"] for child in children] == [f"{identifier}:0", f"{identifier}:1"]
    assert not batch.list_jobs(jobQueue="main")["jobSummaryList"]
    assert [job["jobId"] for job in batch.list_jobs(jobQueue="main", jobStatus="PENDING")["jobSummaryList"]] == [
        identifier
    ]


def test_a_multi_node_job_is_described_with_its_nodes(batch: Any, submit: Submit, endless: None) -> None:
    identifier = submit("nodes", nodeOverrides={"numNodes": 3})
    parent, node = described(batch, identifier, f"{identifier}#1")
    assert (parent["status"], parent["nodeProperties"]["numNodes"]) == ("RUNNING", 3)
    assert parent["nodeProperties"]["nodeRangeProperties"][0]["container"]["command"] == ["true"]
    assert (node["status"], node["nodeDetails"]) == ("RUNNING", {"nodeIndex": 1, "isMainNode": False})
    nodes = batch.list_jobs(multiNodeJobId=identifier)["jobSummaryList"]
    assert [found["nodeProperties"]["isMainNode"] for found in nodes] == [True, False, False]


def test_the_end_of_a_multi_node_job_is_that_of_its_nodes(batch: Any, submit: Submit, endless: None) -> None:
    identifier = submit("nodes")
    batch.terminate_job(jobId=f"{identifier}#1", reason="not needed")
    found = described(batch, identifier, f"{identifier}#0")
    assert [(job["status"], job["statusReason"]) for job in found] == [("FAILED", "not needed")] * 2


def test_ending_an_array_ends_its_children_and_ending_a_child_no_other(
    batch: Any, submit: Submit, endless: None
) -> None:
    identifier = submit(arrayProperties={"size": 2})
    batch.terminate_job(jobId=f"{identifier}:0", reason="not this one")
    assert [job["status"] for job in described(batch, f"{identifier}:0", f"{identifier}:1")] == ["FAILED", "RUNNING"]
    batch.terminate_job(jobId=identifier, reason="none of them")
    parent, first, second = described(batch, identifier, f"{identifier}:0", f"{identifier}:1")
    assert (parent["status"], first["statusReason"], second["statusReason"]) == (
        "FAILED", "not this one", "none of them",
    )  # fmt: skip


def test_cancelling_ends_a_job_that_waits_and_not_one_that_runs(batch: Any, submit: Submit, endless: None) -> None:
    runs = submit()
    waits = submit(dependsOn=[{"jobId": runs}])
    for identifier in (runs, waits):
        batch.cancel_job(jobId=identifier, reason="not needed")
    running, cancelled = described(batch, runs, waits)
    assert running["status"] == "RUNNING"
    assert (cancelled["status"], cancelled["statusReason"], cancelled["isCancelled"]) == ("FAILED", "not needed", True)


def test_a_job_that_asks_for_a_gpu_stays_runnable_and_says_why(batch: Any, submit: Submit) -> None:
    needs = [{"type": "GPU", "value": "1"}]
    identifier = submit(containerOverrides={"resourceRequirements": needs})
    job = described(batch, identifier)[0]
    assert job["status"] == "RUNNABLE"
    assert job["statusReason"].startswith("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - ")
    listed = batch.list_jobs(jobQueue="main", jobStatus="RUNNABLE")["jobSummaryList"]
    assert [(found["jobId"], found["statusReason"]) for found in listed] == [(identifier, job["statusReason"])]


def test_a_job_with_more_processors_than_its_environments_stays_runnable_and_says_why(
    batch: Any, submit: Submit
) -> None:
    job = described(batch, submit("nodes", nodeOverrides={"numNodes": 9}))[0]
    assert job["status"] == "RUNNABLE"
    assert job["statusReason"].startswith("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - ")


def test_a_hundred_jobs_are_described_at_once_and_not_more(batch: Any) -> None:
    assert described(batch, *["a"] * 100) == []
    assert "at most 100" in refused(batch.describe_jobs, jobs=["a"] * 101)


def test_jobs_are_listed_by_name_page_by_page(batch: Any, submit: Submit) -> None:
    submitted = {submit(jobName=f"align-{number}") for number in range(3)} | {submit(jobName="sort")}
    pages = batch.get_paginator("list_jobs").paginate(
        jobQueue="main", filters=[{"name": "JOB_NAME", "values": ["align*"]}], PaginationConfig={"PageSize": 2}
    )
    sizes = [len(page["jobSummaryList"]) for page in pages]
    assert (sizes, len(submitted)) == ([2, 1], 4)


def test_jobs_of_another_account_are_not_seen(account: Account, batch: Any, submit: Submit) -> None:
    identifier = submit()
    other = Account(account.server, "222222222222")
    assert described(other.client("batch"), identifier) == []
    other.close()


def test_each_change_of_a_jobs_status_is_an_event(account: Account, batch: Any, submit: Submit) -> None:
    sqs, events = account.client("sqs"), account.client("events")
    queue = sqs.create_queue(QueueName="seen")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="jobs", EventPattern=json.dumps({"source": ["aws.batch"]}))
    events.put_targets(Rule="jobs", Targets=[{"Id": "seen", "Arn": arn}])
    identifier = submit()
    seen: list[dict[str, Any]] = []

    def ended() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            seen.append(json.loads(message["Body"]))
        return len(seen) == 4

    until(ended, what="four events")
    assert {event["detail-type"] for event in seen} == {"Batch Job State Change"}
    assert {event["detail"]["jobId"] for event in seen} == {identifier}
    assert sorted(event["detail"]["status"] for event in seen) == ["RUNNABLE", "RUNNING", "STARTING", "SUCCEEDED"]


def test_credentials_are_served_to_who_knows_the_secret_only(account: Account) -> None:
    with pytest.raises(HTTPError, match="404"):
        account.server.call("GET", f"{credentials.PATH}/guessed")


def test_the_switch_takes_statuses_in_which_a_job_can_stay(account: Account) -> None:
    answer: Any = account.server.call("POST", "/_shoal/batch-jobs", {"status": "DONE"})
    assert answer == {"message": "status is DONE; name one of STARTING, RUNNING, SUCCEEDED, FAILED"}


def test_jobs_of_a_queue_that_is_deleted_are_ended(batch: Any, submit: Submit, endless: None) -> None:
    identifier = submit()
    batch.update_job_queue(jobQueue="main", state="DISABLED")
    until(lambda: batch.describe_job_queues(jobQueues=["main"])["jobQueues"][0]["status"] == "VALID")
    batch.delete_job_queue(jobQueue="main")
    until(lambda: described(batch, identifier)[0]["status"] == "FAILED", what="the end of the job")
