"""Check that what a cluster's stack made really works; waits for nothing and mends nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal import links
from shoal.aws import batch, cloudformation, dynamodb, ec2, ecr, node_table
from shoal.cleanup.removal import physical_ids
from shoal.cluster import health, slurm_health
from shoal.observability import logger
from shoal.operation.fleet_status import STOPPED


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"ready", "problems", "links"}` for `{clusterName, stackId, images, fleet, since}`.

    Raises:
        OperationError: `ClusterUnhealthy` for what waiting does not heal.
    """
    name, resources = event["clusterName"], cloudformation.stack_resources(event["stackId"])
    stopped = (dynamodb.read_cluster(name) or {}).get("fleetStatus") == STOPPED
    found = (_slurm if event["fleet"] else _batch)(event, resources, stopped)
    logger.info("cluster checked", cluster_name=name, problems=found)
    return {"ready": not found, "problems": list(found), "links": {"stack": links.stack(event["stackId"], "resources")}}


def _batch(event: dict[str, Any], resources: list[dict[str, Any]], stopped: bool) -> tuple[str, ...]:
    observed = health.Observed(
        environments=list(batch.describe_environments(physical_ids(resources, health.ENVIRONMENT))),
        queues=list(batch.describe_queues(physical_ids(resources, health.QUEUE))),
        head_nodes=ec2.instance_states(physical_ids(resources, health.HEAD_NODE)),
        missing_images=[
            image["imageTag"]
            for image in event["images"]
            if ecr.describe_image(image["repositoryName"], image["imageTag"]) is None
        ],
        stopped=stopped,
    )
    return health.problems(resources, observed)


def _slurm(event: dict[str, Any], resources: list[dict[str, Any]], stopped: bool) -> tuple[str, ...]:
    fleet, (table,) = slurm_health.Fleet.from_event(event["fleet"]), physical_ids(resources, slurm_health.TABLE)
    observed = slurm_health.Observed(
        head_nodes=ec2.instance_states(physical_ids(resources, health.HEAD_NODE)),
        configuration=node_table.configuration(table, fleet.version),
        status=node_table.head_status(table),
        stopped=stopped,
    )
    return slurm_health.problems(fleet, observed, since=datetime.fromisoformat(event["since"]), now=datetime.now(UTC))
