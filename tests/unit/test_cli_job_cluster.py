"""Is a cluster read right from its stack, and is what takes no jobs refused?"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shoal.cluster.statuses import STATUSES
from shoal_cli.application import refusal
from shoal_cli.exits import CommandError, Exit
from shoal_cli.jobs.cluster import USABLE, Cluster, read_cluster
from shoal_cli.jobs.options import chosen_queue, chosen_queues

BATCH = "arn:aws-cn:batch:cn-north-1:111111111111"
STACK: dict[str, Any] = {
    "StackId": "arn:aws-cn:cloudformation:cn-north-1:111111111111:stack/shoal-cluster-genomics/1",
    "StackName": "shoal-cluster-genomics",
    "StackStatus": "CREATE_COMPLETE",
    "Parameters": [
        {"ParameterKey": "Scheduler", "ParameterValue": "awsbatch"},
        {"ParameterKey": "ResourcesS3Bucket", "ParameterValue": "mine"},
        {"ParameterKey": "ArtifactS3RootDirectory", "ParameterValue": "shoal/genomics/jobs"},
    ],
    "Outputs": [{"OutputKey": "BatchJobQueueArn", "OutputValue": f"{BATCH}:job-queue/shoal-genomics_main"}],
}


def resource(kind: str, logical_id: str, physical_id: str | None) -> dict[str, Any]:
    made = {"ResourceType": kind, "LogicalResourceId": logical_id}
    return made | ({"PhysicalResourceId": physical_id} if physical_id else {})


def definitions(queue: str, revision: int = 1) -> list[dict[str, Any]]:
    """The resources of one queue, as they stand in the stack."""
    return [
        resource("AWS::Batch::JobQueue", f"Queue{queue}", f"{BATCH}:job-queue/shoal-genomics_{queue}"),
        *(
            resource(
                "AWS::Batch::JobDefinition",
                f"{kind}{queue}",
                f"{BATCH}:job-definition/shoal-genomics_{kind}_{queue}:{revision}",
            )
            for kind in ("single", "multinode")
        ),
    ]


RESOURCES = [
    *definitions("a_queue"),
    *definitions("main", 7),
    resource("AWS::Batch::JobQueue", "QueueInTheMaking", None),
    resource("AWS::Logs::LogGroup", "BuildLogGroup", "/shoal/genomics-1/builds"),
    resource("AWS::Logs::LogGroup", "JobLogGroup", "/shoal/genomics-1/jobs"),
]


@pytest.fixture
def cluster() -> Cluster:
    return read_cluster("genomics", STACK, RESOURCES)


def test_the_stacks_first_queue_comes_first_and_each_has_its_definitions(cluster: Cluster) -> None:
    assert [queue.name for queue in cluster.queues] == ["main", "a_queue"]
    assert cluster.queues[0].definition == f"{BATCH}:job-definition/shoal-genomics_single_main:7"
    assert cluster.queues[1].multinode_definition == f"{BATCH}:job-definition/shoal-genomics_multinode_a_queue:1"


def test_a_queue_is_found_by_name_by_arn_and_by_default(cluster: Cluster) -> None:
    main, other = cluster.queues
    assert (cluster.queue(None), cluster.queue("a_queue"), cluster.queue("none")) == (main, other, None)
    assert (cluster.queue_of(other.arn), cluster.queue_of("arn:another")) == (other, None)
    assert (chosen_queues(cluster, None), chosen_queues(cluster, "main")) == ((main, other), (main,))
    with pytest.raises(CommandError, match="--queue x is not a queue of genomics; write one of main, a_queue"):
        chosen_queue(cluster, "x")


def test_bucket_folder_region_and_log_group_are_the_stacks(cluster: Cluster) -> None:
    found = (cluster.bucket, cluster.root, cluster.region, cluster.log_group)
    assert found == ("mine", "shoal/genomics/jobs", "cn-north-1", "/shoal/genomics-1/jobs")


@pytest.mark.parametrize(("kind", "named"), [("slurm", "slurm"), (None, "unknown")])
def test_a_stack_that_is_no_batch_clusters_is_refused(kind: str | None, named: str) -> None:
    parameters = [] if kind is None else [{"ParameterKey": "Scheduler", "ParameterValue": kind}]
    with pytest.raises(CommandError, match=f"the cluster genomics is of kind {named}: ") as refused:
        read_cluster("genomics", {**STACK, "Parameters": parameters}, [])
    assert refused.value.code == Exit.BAD_INPUT


@pytest.mark.parametrize("status", sorted(set(STATUSES) - USABLE))
def test_a_cluster_that_is_being_made_or_deleted_or_could_not_be_takes_no_jobs(cluster: Cluster, status: str) -> None:
    with pytest.raises(CommandError, match=f"the cluster genomics takes no jobs, its stack is {status}; see"):
        dataclasses.replace(cluster, status=status).require_usable()


@pytest.mark.parametrize("status", sorted(USABLE))
def test_a_cluster_that_works_takes_jobs_while_it_is_updated_too(cluster: Cluster, status: str) -> None:
    assert status in set(STATUSES)
    dataclasses.replace(cluster, status=status).require_usable()


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "two\nlines"}}, "SubmitJob")


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (error("AccessDeniedException"), Exit.NOT_REACHABLE, "AWS refuses: An error occurred (AccessDeniedException)"),
        (error("ExpiredToken"), Exit.NOT_REACHABLE, "AWS refuses: "),
        (error("ClientException"), Exit.FAILED, "AWS refuses: "),
        (EndpointConnectionError(endpoint_url="https://batch.example"), Exit.NOT_REACHABLE, "AWS cannot be reached: "),
    ],
)
def test_an_error_of_aws_is_one_line_and_an_exit_code(raised: Any, code: Exit, told: str) -> None:
    refused = refusal(raised)
    assert (refused.code, str(refused).startswith(told), "\n" in str(refused)) == (code, True, False)
