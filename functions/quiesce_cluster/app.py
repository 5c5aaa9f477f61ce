"""Stop what writes to a cluster's bucket and repository: queues, jobs, builds; deletes nothing.

In a second lap, after CloudFormation failed, it also takes off what others attached to the cluster's own roles.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import batch, cloudformation, codebuild, iam
from shoal.cleanup.quiet import Quiet, judge, seconds_left
from shoal.cleanup.removal import physical_ids
from shoal.observability import logger

REASON = "the cluster is being deleted"


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"quiet", "jobs", "builds", "waitSeconds", "detachedPolicies"}`; see the machine `delete_cluster`.

    Raises:
        OperationError: `DeadlineExceeded`, with what still runs.
    """
    resources = cloudformation.stack_resources(event["stackId"])
    time_left = partial(seconds_left, context.get_remaining_time_in_millis)
    found = Quiet(
        jobs=_end_jobs(physical_ids(resources, "AWS::Batch::JobQueue"), time_left),
        builds=_stop_builds(physical_ids(resources, "AWS::CodeBuild::Project")),
        detached=(*event["detachedPolicies"], *(_release_roles(resources) if event["lap"] > 1 else ())),
    )
    logger.info("cluster quiesced", cluster_name=event["clusterName"], jobs=found.jobs, builds=found.builds)
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


def _release_roles(resources: list[dict[str, Any]]) -> list[str]:
    """IAM does not delete a role with policies; CloudFormation has detached its own, so the rest is from outside."""
    failed = [resource for resource in resources if resource["ResourceStatus"] == "DELETE_FAILED"]
    return [f"{role}: {policy}" for role in physical_ids(failed, "AWS::IAM::Role") for policy in iam.strip_role(role)]
