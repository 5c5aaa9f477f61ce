"""Plan a cluster: validate its configuration against AWS, render it, and store what the machines need of it.

Nothing of the cluster is made or changed here; the service-linked roles of an account are, before its first cluster.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal import plan, planning
from shoal.aws import cloudformation, dynamodb, iam, plans
from shoal.aws.surroundings import look_up
from shoal.cluster.blueprint import blueprint
from shoal.cluster.changes import key_changes
from shoal.cluster.problems import ConfigurationError
from shoal.cluster.siting import grown_site, keeps_image, new_site
from shoal.cluster.validators import validate
from shoal.errors import ErrorCode, OperationError
from shoal.observability import logger
from shoal.operation.admission import invalid_configuration
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer the plan of a `create` or an `update` (`purpose`); see the machines of these names.

    Raises:
        OperationError: with every problem of the configuration, or why the cluster is not in a state for it.
    """
    settings = Settings.from_environment()
    try:
        return _create(event, settings) if event["purpose"] == "create" else _update(event, settings)
    except ConfigurationError as error:  # of the document, or of what only its site can tell
        raise invalid_configuration(error.problems) from error


def _create(event: dict[str, Any], settings: Settings) -> dict[str, Any]:
    name, only_plan = event["clusterName"], _only_plan(event)
    planning.admit_create(name, cloudformation.describe_stack(event["stackName"]))
    cluster = plans.read_configuration(settings, event["configuration"])
    around = look_up(cluster)
    findings = planning.judged(event, validate(cluster, around))
    site = new_site(name, event["generation"], cluster, around, settings, plans.stored_node_package(settings))
    planned = blueprint(cluster, site)
    if not only_plan:
        for service in planning.services(cluster, settings.url_suffix):
            iam.make_service_linked_role(service)
        plans.keep_schema(settings)
    answer = planning.creation(planned, findings, settings.name_prefix, name, done=not only_plan)
    rendered = plans.store(settings, event, cluster, site, planned)
    foundations = planning.foundations(rendered["images"])
    sized = plans.sized(settings, name, event["operationId"], answer, "resources")
    return {**rendered, "foundations": foundations, "answer": sized}


def _update(event: dict[str, Any], settings: Settings) -> dict[str, Any]:
    name, only_plan = event["clusterName"], _only_plan(event)
    stack = cloudformation.describe_stack(event["stackName"])
    known = planning.admit_update(name, dynamodb.read_cluster(name), stack)
    old, old_site = plans.read_cluster(known["configuration"], known["site"])
    new = plans.read_configuration(settings, event["configuration"])
    keys = key_changes(old, new)
    refused = plan.refused_keys(keys)
    if refused and not only_plan:
        raise OperationError(ErrorCode.UPDATE_REFUSED, plan.told(refused))
    around = look_up(new, old_site.head_node_ami if keeps_image(old, new) else None)
    findings = planning.judged(event, planning.changed_since(validate(new, around), validate(old, around)))
    site = grown_site(old_site, old, new, around)
    before, after = blueprint(old, old_site), blueprint(new, site)
    rendered = plans.store(settings, event, new, site, after)
    facts = {} if only_plan else {"cluster": rendered["cluster"]}
    answer = planning.unchanged(name, keys, findings)
    return {
        **rendered,
        "stackId": (stack or {})["StackId"],
        "changeSetName": event["operationId"],
        "changed": plan.template_digest(before) != plan.template_digest(after),
        "imagesChanged": planning.images_changed(before, after),
        "stored": {
            "before": {"configuration": known["configuration"], "site": known["site"]},
            "after": rendered["cluster"],
        },
        "answer": plans.sized(settings, name, event["operationId"], answer, "changeSet") | facts,
    }


def _only_plan(event: dict[str, Any]) -> bool:
    return bool(event["dryrun"]) or event["operation"] == "plan"
