"""Stop what works in a cluster: queues, jobs and builds of a Batch cluster, the nodes of a Slurm cluster.

It deletes nothing but those nodes' instances, which their groups end: a group with an instance that is protected from
scale-in, since a job runs there, would never be deleted.

In a second lap, after CloudFormation failed, it also takes off what others attached to the cluster's own roles.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import autoscaling, batch, cloudformation, codebuild, iam, node_table
from shoal.cleanup.quiet import Quiet, judge, seconds_left
from shoal.cleanup.removal import physical_ids
from shoal.cluster.slurm_health import GROUP, TABLE
from shoal.observability import logger
from shoal.operation.fleet_status import STOPPED

REASON = "the cluster is being deleted"


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"quiet", "waitSeconds", "detachedPolicies"}` and what still runs; see the machine `delete_cluster`.

    Raises:
        OperationError: `DeadlineExceeded`, with what still runs.
    """
    resources = cloudformation.stack_resources(event["stackId"])
    time_left = partial(seconds_left, context.get_remaining_time_in_millis)
    found = Quiet(
        jobs=_end_jobs(physical_ids(resources, "AWS::Batch::JobQueue"), time_left),
        builds=_stop_builds(physical_ids(resources, "AWS::CodeBuild::Project")),
        instances=_end_nodes(physical_ids(resources, TABLE), physical_ids(resources, GROUP)),
        detached=(*event["detachedPolicies"], *(_release_roles(resources) if event["lap"] > 1 else ())),
    )
    logger.info("cluster quiesced", cluster_name=event["clusterName"], found=found)
    return judge(found, now=datetime.now(UTC), deadline=datetime.fromisoformat(event["deadline"]))


def _end_jobs(arns: list[str], time_left: Callable[[], float]) -> int:
    """Disable the queues, then end their jobs, as many as there is time for; how many had not ended yet."""
    queues = list(batch.describe_queues(arns))
    for queue in queues:
        if queue["state"] == "ENABLED":
            batch.disable_queue(queue["jobQueueArn"])
    jobs = 0
    for queue in queues:
        for job in takewhile(lambda _: time_left() > 0, batch.unfinished_jobs(queue["jobQueueArn"])):
            batch.terminate_job(job, REASON)
            jobs += 1
    return jobs


def _stop_builds(projects: list[str]) -> int:
    running = [build for project in projects for build in codebuild.running_builds(project)]
    for build in running:
        codebuild.stop_build(build)
    return len(running)


def _end_nodes(tables: list[str], names: list[str]) -> int:
    """Tell the head node to start no more nodes, and the groups to end those they have; how many had not ended yet."""
    for table in tables:
        node_table.set_fleet_status(table, STOPPED, datetime.now(UTC))
    groups = list(autoscaling.describe_groups(names))
    for group in groups:
        autoscaling.close(group)
    return sum(len(group["Instances"]) for group in groups)


def _release_roles(resources: list[dict[str, Any]]) -> list[str]:
    """IAM does not delete a role with policies; CloudFormation has detached its own, so the rest is from outside."""
    failed = [resource for resource in resources if resource["ResourceStatus"] == "DELETE_FAILED"]
    return [f"{role}: {policy}" for role in physical_ids(failed, "AWS::IAM::Role") for policy in iam.strip_role(role)]
