"""Start or stop a cluster's fleet, or make it fit for an update; each call does what is left, and never waits.

What is wanted is written down first, so that it holds even when the operation fails half-way.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import autoscaling, batch, cloudformation, dynamodb, node_table
from shoal.cleanup.removal import Resources, physical_ids
from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.health import ENVIRONMENT
from shoal.cluster.slurm_health import GROUP, TABLE, fleet_of
from shoal.cluster.statuses import meaning
from shoal.observability import logger
from shoal.operation import scaling
from shoal.operation.fleet_status import RUNNING, STOPPED


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"done", "stackId", "fleet", "answer"}`; see the machines `scale_cluster` and `update_cluster`.

    Raises:
        OperationError: the cluster is not in a state for it, or `DeadlineExceeded`.
    """
    name, operation = event["clusterName"], event["operation"]
    stack = cloudformation.describe_stack(event["stackName"]) or {}
    known = scaling.admit_scaling(name, operation, dynamodb.read_cluster(name), stack)
    wanted, stack_id = scaling.wanted_status(operation, known), stack["StackId"]
    resources = cloudformation.stack_resources(stack_id)
    _release([item for item in resources if item["LogicalResourceId"] in event.get("removed", ())])
    if operation not in scaling.OPERATIONS and wanted == RUNNING:
        return {"done": True, "stackId": stack_id, "fleet": None, "answer": {}}
    fleet, minimum, waiting = None, 0, [f"the stack is {stack['StackStatus']}"]
    if meaning(stack["StackStatus"]).settled:
        dynamodb.set_fleet_status(name, wanted)
        if known.get("kind") == "slurm":
            fleet, waiting = _scale_groups(stack_id, resources, wanted)
        else:
            minimum, waiting = _scale_environments(resources, "DISABLED" if wanted == STOPPED else "ENABLED")
    logger.info("fleet scaled", cluster_name=name, wanted=wanted, waiting=waiting)
    deadline = datetime.fromisoformat(event["deadline"])
    return {
        "done": scaling.judge(name, wanted, waiting, now=datetime.now(UTC), deadline=deadline),
        "stackId": stack_id,
        "fleet": fleet,
        "answer": scaling.answer(known, wanted, resources, minimum),
    }


def _release(removed: list[dict[str, Any]]) -> None:
    """Let CloudFormation delete the groups that an update removes, whatever runs there."""
    for group in autoscaling.describe_groups(physical_ids(removed, GROUP)):
        autoscaling.release(group)


def _scale_groups(stack_id: str, resources: Resources, wanted: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The head node is told first: it raises no group that is being closed."""
    for table in physical_ids(resources, TABLE):
        node_table.set_fleet_status(table, wanted, datetime.now(UTC))
    metadata = cloudformation.resource_metadata(stack_id, HEAD_NODE)
    minimum = {row["group"]: int(row["min_count"]) for row in metadata["Shoal"]["Fleet"]["resources"]}
    groups = list(autoscaling.describe_groups(physical_ids(resources, GROUP)))
    for group in groups:
        if wanted == STOPPED:
            autoscaling.close(group)
        else:
            autoscaling.open_again(group, minimum[group["AutoScalingGroupName"]])
    return fleet_of(metadata), scaling.groups_waiting(groups, wanted)


def _scale_environments(resources: Resources, state: str) -> tuple[int, list[str]]:
    """The vCPUs that Batch keeps in disabled environments, and the environments that are not in their state yet."""
    environments = list(batch.describe_environments(physical_ids(resources, ENVIRONMENT)))
    for environment in environments:
        if environment["state"] != state:
            batch.set_environment_state(environment["computeEnvironmentArn"], state)
    minimum = sum(environment["computeResources"].get("minvCpus", 0) for environment in environments)
    return minimum, scaling.environments_waiting(environments, state)
