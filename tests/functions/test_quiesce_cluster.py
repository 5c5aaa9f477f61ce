"""Does everything that writes to a cluster's bucket and repository stop before they are emptied?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.quiesce_cluster.app import REASON, handler
from shoal.aws.batch import UNFINISHED
from shoal.errors import ErrorCode, OperationError, RetryableError
from tests.functions.conftest import ENVIRONMENT
from tests.support.slurm_stack import STACK as SLURM_STACK
from tests.support.slurm_stack import SlurmStack
from tests.support.stubs import Stubs, stubs

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shoal-cluster-genomics/1"
QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/shoal-genomics_main"
EVENT: dict[str, Any] = {
    "clusterName": "genomics",
    "stackId": STACK,
    "deadline": "2126-11-24T12:15:30Z",
    "lap": 1,
    "detachedPolicies": [],
}


@pytest.fixture
def aws(deployed: None, context: LambdaContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubs]:
    monkeypatch.setattr(context, "get_remaining_time_in_millis", lambda: 300_000)
    with stubs() as stubbed:
        yield stubbed


def resources(aws: Stubs, *found: tuple[str, str, str]) -> None:
    """What the stack consists of: type, physical id, status."""
    summaries = [
        {
            "LogicalResourceId": "Any",
            "ResourceType": kind,
            "PhysicalResourceId": physical_id,
            "ResourceStatus": status,
            "LastUpdatedTimestamp": "2026-11-24T10:15:30Z",
        }
        for kind, physical_id, status in found
    ]
    aws.expect("cloudformation", "list_stack_resources", {"StackResourceSummaries": summaries}, StackName=STACK)


def queue(aws: Stubs, state: str) -> None:
    resources(aws, ("AWS::Batch::JobQueue", QUEUE, "CREATE_COMPLETE"))
    described = {
        "jobQueueName": "main",
        "jobQueueArn": QUEUE,
        "state": state,
        "priority": 1,
        "computeEnvironmentOrder": [],
    }
    aws.expect("batch", "describe_job_queues", {"jobQueues": [described]}, jobQueues=[QUEUE])


def jobs(aws: Stubs, **by_status: list[str]) -> None:
    """The unfinished jobs of the queue, which are ended as they are found."""
    for status in UNFINISHED:
        found = by_status.get(status, [])
        summaries = [{"jobId": job, "jobName": job} for job in found]
        aws.expect("batch", "list_jobs", {"jobSummaryList": summaries}, jobQueue=QUEUE, jobStatus=status)
        for job in found:
            aws.expect("batch", "terminate_job", {}, jobId=job, reason=REASON)


def test_a_queue_is_disabled_before_its_jobs_are_ended(aws: Stubs, context: LambdaContext) -> None:
    queue(aws, "ENABLED")
    aws.expect("batch", "update_job_queue", {}, jobQueue=QUEUE, state="DISABLED")
    jobs(aws, RUNNABLE=["a"], RUNNING=["b", "c"])
    told = handler(EVENT, context)
    assert (told["quiet"], told["jobs"]) == (False, 3)


def test_a_queue_without_jobs_is_quiet(aws: Stubs, context: LambdaContext) -> None:
    queue(aws, "DISABLED")
    jobs(aws)
    assert handler(EVENT, context)["quiet"]


def test_every_page_of_jobs_is_ended(aws: Stubs, context: LambdaContext) -> None:
    queue(aws, "DISABLED")
    first = {"jobSummaryList": [{"jobId": "a", "jobName": "a"}], "nextToken": "more"}
    aws.expect("batch", "list_jobs", first, jobQueue=QUEUE, jobStatus="SUBMITTED")
    aws.expect("batch", "terminate_job", {}, jobId="a", reason=REASON)
    second = {"jobSummaryList": [{"jobId": "b", "jobName": "b"}]}
    aws.expect("batch", "list_jobs", second, jobQueue=QUEUE, jobStatus="SUBMITTED", nextToken="more")
    aws.expect("batch", "terminate_job", {}, jobId="b", reason=REASON)
    for status in UNFINISHED[1:]:
        aws.expect("batch", "list_jobs", {"jobSummaryList": []}, jobQueue=QUEUE, jobStatus=status)
    assert handler(EVENT, context)["jobs"] == 2


def test_a_queue_that_is_being_changed_is_waited_for(aws: Stubs, context: LambdaContext) -> None:
    queue(aws, "ENABLED")
    message = "Cannot update, resource is being modified."
    aws.fail("batch", "update_job_queue", "ClientException", message, jobQueue=QUEUE, state="DISABLED")
    with pytest.raises(RetryableError):
        handler(EVENT, context)


def test_running_builds_are_stopped(aws: Stubs, context: LambdaContext) -> None:
    resources(aws, ("AWS::CodeBuild::Project", "shoal-genomics-build", "CREATE_COMPLETE"))
    newest_first = {"projectName": "shoal-genomics-build", "sortOrder": "DESCENDING"}
    aws.expect("codebuild", "list_builds_for_project", {"ids": ["b:2", "b:1"], "nextToken": "more"}, **newest_first)
    described = [{"id": "b:2", "buildStatus": "IN_PROGRESS"}, {"id": "b:1", "buildStatus": "FAILED"}]
    aws.expect("codebuild", "batch_get_builds", {"builds": described}, ids=["b:2", "b:1"])
    aws.expect("codebuild", "list_builds_for_project", {"ids": ["b:0"]}, nextToken="more", **newest_first)
    aws.expect("codebuild", "batch_get_builds", {"builds": [{"id": "b:0", "buildStatus": "SUCCEEDED"}]}, ids=["b:0"])
    aws.expect("codebuild", "stop_build", {}, id="b:2")
    told = handler(EVENT, context)
    assert (told["quiet"], told["builds"]) == (False, 1)


def test_a_cluster_without_queues_and_builds_is_quiet(aws: Stubs, context: LambdaContext) -> None:
    resources(aws, ("AWS::S3::Bucket", "shoal-genomics", "CREATE_COMPLETE"))
    assert handler(EVENT, context)["quiet"]


def test_what_still_runs_at_the_deadline_fails_the_deletion(aws: Stubs, context: LambdaContext) -> None:
    queue(aws, "DISABLED")
    jobs(aws, RUNNING=["a"])
    with pytest.raises(OperationError, match="1 jobs") as error:
        handler(EVENT | {"deadline": "2026-11-24T10:00:00Z"}, context)
    assert error.value.code is ErrorCode.DEADLINE_EXCEEDED


def test_in_the_second_lap_foreign_policies_are_taken_off_the_roles_that_failed(
    aws: Stubs, context: LambdaContext
) -> None:
    resources(
        aws,
        ("AWS::IAM::Role", "shoal-genomics-1a2b3c4d-head", "DELETE_FAILED"),
        ("AWS::IAM::Role", "shoal-genomics-1a2b3c4d-build", "DELETE_COMPLETE"),
    )
    role = {"RoleName": "shoal-genomics-1a2b3c4d-head"}
    foreign = {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess", "PolicyName": "ReadOnlyAccess"}
    aws.expect("iam", "list_attached_role_policies", {"AttachedPolicies": [foreign], "IsTruncated": False}, **role)
    aws.expect("iam", "list_role_policies", {"PolicyNames": ["by-hand"], "IsTruncated": False}, **role)
    aws.expect("iam", "detach_role_policy", {}, PolicyArn=foreign["PolicyArn"], **role)
    aws.expect("iam", "delete_role_policy", {}, PolicyName="by-hand", **role)
    told = handler(EVENT | {"lap": 2}, context)
    assert told["detachedPolicies"] == [
        "shoal-genomics-1a2b3c4d-head: arn:aws:iam::aws:policy/ReadOnlyAccess",
        "shoal-genomics-1a2b3c4d-head: by-hand",
    ]


def test_in_the_first_lap_no_policy_is_touched(aws: Stubs, context: LambdaContext) -> None:
    resources(aws, ("AWS::IAM::Role", "shoal-genomics-1a2b3c4d-head", "DELETE_FAILED"))
    assert handler(EVENT, context)["detachedPolicies"] == []


def test_what_was_taken_off_before_is_still_told(aws: Stubs, context: LambdaContext) -> None:
    resources(aws)
    assert handler(EVENT | {"lap": 2, "detachedPolicies": ["a: b"]}, context)["detachedPolicies"] == ["a: b"]


@pytest.fixture
def slurm(aws: Stubs) -> SlurmStack:
    return SlurmStack(aws, ENVIRONMENT["LEDGER_TABLE_NAME"])


SLURM_EVENT = EVENT | {"stackId": SLURM_STACK}


def test_nodes_end_though_jobs_protect_them_and_are_waited_for(slurm: SlurmStack, context: LambdaContext) -> None:
    slurm.group(desired=3, protected=True)
    slurm.resources()
    told = handler(SLURM_EVENT, context)
    assert (told["quiet"], told["instances"]) == (False, 3)
    group = slurm.described()
    assert (group["MinSize"], group["DesiredCapacity"]) == (0, 0)
    assert not any(instance["ProtectedFromScaleIn"] for instance in group["Instances"])


def test_the_head_node_is_told_to_start_no_more_nodes(slurm: SlurmStack, context: LambdaContext) -> None:
    slurm.group()
    slurm.resources()
    handler(SLURM_EVENT, context)
    assert slurm.item("fleet")["status"] == "STOPPED"


def test_a_cluster_whose_nodes_have_ended_is_quiet(slurm: SlurmStack, context: LambdaContext) -> None:
    slurm.group(desired=0, minimum=0)
    slurm.resources()
    assert handler(SLURM_EVENT, context)["quiet"]


def test_a_group_that_the_stack_has_deleted_already_is_quiet(slurm: SlurmStack, context: LambdaContext) -> None:
    slurm.resources()
    assert handler(SLURM_EVENT, context)["quiet"]


def test_nodes_that_run_at_the_deadline_fail_the_deletion(slurm: SlurmStack, context: LambdaContext) -> None:
    slurm.group()
    slurm.resources()
    with pytest.raises(OperationError, match="2 instances were asked to end"):
        handler(SLURM_EVENT | {"deadline": "2026-11-24T10:00:00Z"}, context)
