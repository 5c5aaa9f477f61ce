"""Read a change set: what an update would do, and whether it may. It changes nothing and deletes nothing."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import cloudformation, plans
from shoal.change_set import NO_CHANGES, resource_changes
from shoal.cluster.blueprint import blueprint
from shoal.cluster.changes import key_changes
from shoal.cluster.slurm_health import GROUP
from shoal.errors import ErrorCode, OperationError
from shoal.observability import logger
from shoal.plan import Plan, causes, refused_keys, refused_resources, template_digest, told, verdict
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer `{"verdict": "apply" | "planned" | "refused" | "nothing", "refusal", "answer", "removed"}`.

    Raises:
        OperationError: `StackFailed` when CloudFormation could not work the change set out.
    """
    name, after = event["clusterName"], event["plan"]["after"]
    change_set = cloudformation.describe_change_set(event["stackName"], event["changeSetName"]) or {}
    reason = change_set.get("StatusReason", "the change set is gone")
    if change_set.get("Status") != "CREATE_COMPLETE" and not NO_CHANGES.search(reason):
        raise OperationError(ErrorCode.STACK_FAILED, f"the change set of cluster {name} failed: {reason}")
    old, _ = plans.read_cluster(**event["plan"]["before"])
    new, site = plans.read_cluster(after["configuration"], after["site"])
    keys, resources = key_changes(old, new), resource_changes(change_set.get("Changes", []))
    refused = (*refused_keys(keys), *refused_resources(resources, causes(resources, keys, old, new, site)))
    only_plan = event["dryrun"] or event["operation"] == "plan"
    found = verdict(resources, refused, only_plan=only_plan)
    plan = Plan(keys, resources, template_digest(blueprint(new, site)))
    answer = plan.answer(name, refused, applied=found == "apply") | {"images": event["plan"]["images"]}
    facts = {} if only_plan else {"cluster": after}
    sized = plans.sized(
        Settings.from_environment(), name, event["operationId"], answer, "changeSet", "resources", "refused"
    )
    logger.info("change set read", cluster_name=name, verdict=found, plan_hash=plan.hash, refused=refused)
    removed = [change.logical_id for change in resources if (change.type, change.action) == (GROUP, "Remove")]
    return {"verdict": found, "refusal": told(refused), "answer": sized | facts, "removed": removed}
