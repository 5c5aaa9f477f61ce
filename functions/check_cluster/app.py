"""Check that what a cluster's stack made really works; waits for nothing and mends nothing."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal import links
from shoal.aws import batch, cloudformation, ec2, ecr
from shoal.cluster.health import ENVIRONMENT, HEAD_NODE, QUEUE, Observed, problems
from shoal.observability import logger


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"ready", "problems", "links"}` for `{clusterName, stackId, images}`.

    Raises:
        OperationError: `ClusterUnhealthy` for what waiting does not heal.
    """
    resources = cloudformation.stack_resources(event["stackId"])
    found = problems(
        resources,
        Observed(
            environments=list(batch.describe_environments(_ids(resources, ENVIRONMENT))),
            queues=list(batch.describe_queues(_ids(resources, QUEUE))),
            head_nodes=ec2.instance_states(_ids(resources, HEAD_NODE)),
            missing_images=[
                image["imageTag"]
                for image in event["images"]
                if ecr.describe_image(image["repositoryName"], image["imageTag"]) is None
            ],
        ),
    )
    logger.info("cluster checked", cluster_name=event["clusterName"], problems=found)
    return {"ready": not found, "problems": list(found), "links": {"stack": links.stack(event["stackId"], "resources")}}


def _ids(resources: list[dict[str, Any]], kind: str) -> list[str]:
    return [item["PhysicalResourceId"] for item in resources if item["ResourceType"] == kind]
