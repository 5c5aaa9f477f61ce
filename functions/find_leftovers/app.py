"""Find what is still there of a cluster whose stack is gone, confirmed by the service that has it; deletes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import cloudformation, sweepers, tagging
from shoal.cleanup.leftovers import Remains, judge, kept, suspects
from shoal.observability import logger


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"next": "done" | "wait" | "delete", "waitSeconds", "report"}`; see the machine `remove_leftovers`.

    Raises:
        OperationError: `LeftoversFound`, 15 minutes after the search began.
    """
    name, stack_id = event["clusterName"], event["stackId"]
    resources = cloudformation.stack_resources(stack_id)
    retained = kept(resources, sweepers.deletion_snapshots(stack_id, resources))
    asked = suspects(resources, tagging.resources_tagged("shoal:cluster", name), stack_id, retained)
    remains = Remains(
        kept=list(sweepers.still_there(retained, unconfirmed=True)),
        left=list(sweepers.still_there(sorted(asked))),
        removed=sum(resource["ResourceStatus"] == "DELETE_COMPLETE" for resource in resources),
    )
    logger.info("leftovers looked for", cluster_name=name, kept=remains.kept, left=remains.left)
    since = datetime.fromisoformat(event["since"])
    return judge(name, remains, discard=event["discard"], since=since, now=datetime.now(UTC))
