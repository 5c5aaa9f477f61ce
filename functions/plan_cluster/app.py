"""Plan a cluster: validate its configuration against AWS, render it, and store what the machines need of it.

Nothing of the cluster is made or changed here; the service-linked roles of an account are, before its first cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal import plan, planning
from shoal.aws import cloudformation, dynamodb, iam, plans
from shoal.aws.materials import look_up_materials
from shoal.aws.surroundings import look_up
from shoal.cluster.blueprint import blueprint
from shoal.cluster.changes import key_changes
from shoal.cluster.configuration import Cluster
from shoal.cluster.image_validators import of_images
from shoal.cluster.problems import ConfigurationError
from shoal.cluster.site import Site
from shoal.cluster.siting import grown_site, keeps_image, new_site, renewed_site
from shoal.cluster.surroundings import Surroundings
from shoal.cluster.validators import validate
from shoal.errors import ErrorCode, OperationError
from shoal.observability import logger
from shoal.operation.admission import invalid_configuration
from shoal.operation.description import images
from shoal.operation.fleet_status import STOPPED
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer the plan of a `create`, an `update` or a `rebuild` (`purpose`); see the machines that call it.

    Raises:
        OperationError: with every problem of the configuration, or why the cluster is not in a state for it.
    """
    settings, work = Settings.from_environment(), {"create": _create, "update": _update, "rebuild": _rebuild}
    try:
        return work[event["purpose"]](event, settings)
    except ConfigurationError as error:  # of the document, or of what only its site can tell
        raise invalid_configuration(error.problems) from error


def _create(event: dict[str, Any], settings: Settings) -> dict[str, Any]:
    name, only_plan = event["clusterName"], _only_plan(event)
    planning.admit_create(name, cloudformation.describe_stack(event["stackName"]))
    cluster = plans.read_configuration(settings, event["configuration"])
    around = look_up(cluster, look_up_materials(settings, cluster))
    findings = planning.judged(event, validate(cluster, around))
    site = new_site(name, event["generation"], cluster, around, settings, plans.stored_node_package(settings))
    planned = blueprint(cluster, site)
    if not only_plan:
        for service in planning.services(cluster, settings.url_suffix):
            iam.make_service_linked_role(service)
        plans.keep_schema(settings)
    answer = planning.creation(planned, findings, site, done=not only_plan)
    rendered = plans.store(settings, event, cluster, site, planned)
    foundations = planning.foundations(rendered["images"])
    sized = plans.sized(settings, name, event["operationId"], answer, "resources")
    return {**rendered, "foundations": foundations, "answer": sized}


def _update(event: dict[str, Any], settings: Settings) -> dict[str, Any]:
    known, stack_id = _admitted(event)
    old, old_site = plans.read_cluster(known["configuration"], known["site"])
    new = plans.read_configuration(settings, event["configuration"])
    keys = key_changes(old, new)
    refused = plan.refused_keys(keys)
    if refused and not _only_plan(event):
        raise OperationError(ErrorCode.UPDATE_REFUSED, plan.told(refused))
    ami = old_site.head_node_ami if keeps_image(old, new) else None
    around = look_up(new, look_up_materials(settings, new, before=old), ami)
    findings = planning.judged(event, planning.changed_since(validate(new, around), validate(old, around)))
    site = grown_site(old_site, old, new, around)
    answer = planning.unchanged(event["clusterName"], keys, findings)
    return _change(event, settings, known, (old, old_site), (new, site), answer) | {"stackId": stack_id}


def _rebuild(event: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """The configuration as it is, made of the base images and build contexts of today."""
    known, stack_id = _admitted(event)
    cluster, old_site = plans.read_cluster(known["configuration"], known["site"])
    materials = look_up_materials(settings, cluster)
    findings = planning.judged(event, of_images(cluster, Surroundings(settings.region, materials=materials)))
    site = renewed_site(old_site, materials, event["operationId"] if event.get("force") else None)
    answer = planning.unchanged(event["clusterName"], (), findings)
    asked = event | {"configuration": known["configuration"]}
    return _change(asked, settings, known, (cluster, old_site), (cluster, site), answer) | {"stackId": stack_id}


def _admitted(event: dict[str, Any]) -> tuple[Mapping[str, Any], str]:
    """What the ledger knows of a cluster that can be updated, and the id of its stack."""
    stack = cloudformation.describe_stack(event["stackName"])
    known = planning.admit_update(event["clusterName"], dynamodb.read_cluster(event["clusterName"]), stack)
    return known, (stack or {})["StackId"]


def _change(
    event: dict[str, Any],
    settings: Settings,
    known: Mapping[str, Any],
    old: tuple[Cluster, Site],
    new: tuple[Cluster, Site],
    answer: dict[str, Any],
) -> dict[str, Any]:
    before, after = blueprint(*old), blueprint(*new)
    stopped = known.get("fleetStatus") == STOPPED
    rendered = plans.store(settings, event, *new, planning.while_stopped(after) if stopped else after)
    facts = {} if _only_plan(event) else {"cluster": rendered["cluster"]}
    changed = plan.template_digest(before) != plan.template_digest(after) or _failed_last(event["clusterName"], known)
    changes = planning.image_changes(images(known), after)
    told = answer | {"images": changes}
    return {
        **rendered,
        "changeSetName": event["operationId"],
        "changed": changed,
        "imagesChanged": changed and planning.images_changed(images(known), after),
        "stored": {
            "before": {"configuration": known["configuration"], "site": known["site"]},
            "after": rendered["cluster"],
            "images": changes,
        },
        "answer": plans.sized(settings, event["clusterName"], event["operationId"], told, "changeSet") | facts,
    }


def _failed_last(name: str, known: Mapping[str, Any]) -> bool:
    """Whether the last operation failed: then the stack may be what that one wanted, and only a change set can tell."""
    last = dynamodb.read_operation(name, known["lastOperationId"]) if "lastOperationId" in known else None
    return (last or {}).get("status") == "FAILED"


def _only_plan(event: dict[str, Any]) -> bool:
    return bool(event["dryrun"]) or event["operation"] == "plan"
