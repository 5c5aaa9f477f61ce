"""What `plan_cluster` and `read_change_set` answer, put together by the functions that they call."""

from __future__ import annotations

from typing import Any

from shoal import planning
from shoal.change_set import ResourceChange
from shoal.cluster.blueprint import blueprint
from shoal.cluster.changes import key_changes
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.image import build_orders
from shoal.cluster.slurm_health import fleet_of
from shoal.image.order import image_facts
from shoal.plan import Plan, causes, refused_keys, refused_resources, template_digest, told
from tests.support.clusters import site_for

NAME, STACK_NAME = "genomics", "shoal-cluster-genomics"
STACK_ID = f"arn:aws:cloudformation:us-east-1:111111111111:stack/{STACK_NAME}/5f6a7b8c-9d0e-1f2a-3b4c-5d6e7f8a9b0c"
OPERATION_ID = "op-20261124T101530-1a2b3c4d"
CONTROL = "shoal-control-111111111111-us-east-1"
STORED = {"bucket": CONTROL, "key": f"configurations/{NAME}.yaml", "versionId": "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH"}
SITE = {"bucket": CONTROL, "key": f"sites/{NAME}.json", "versionId": "9kL2mqtJlcpXroDTDmQ.rmSpXd3dIbrH"}


def creation(configuration: dict[str, Any], *, done: bool = True) -> dict[str, Any]:
    """The plan of a create."""
    cluster = load(configuration)
    site = site_for(cluster)
    rendered = _rendered(cluster)
    answer = planning.creation(blueprint(cluster, site), (), site, done=done)
    return {**rendered, "foundations": planning.foundations(rendered["images"]), "answer": _sized(answer, "resources")}


def update(before: dict[str, Any], after: dict[str, Any], *, only_plan: bool = False) -> dict[str, Any]:
    """The plan of an update."""
    old, new = load(before), load(after)
    rendered = _rendered(new)
    facts = {} if only_plan else {"cluster": rendered["cluster"]}
    images = _image_changes(old, new)
    answer = planning.unchanged(NAME, key_changes(old, new), ()) | {"images": images}
    return {
        **rendered,
        "stackId": STACK_ID,
        "changeSetName": OPERATION_ID,
        "changed": before != after,
        "imagesChanged": planning.images_changed(_rendered(old)["cluster"]["images"], blueprint(new, site_for(new))),
        "stored": {
            "before": {"configuration": STORED, "site": SITE},
            "after": rendered["cluster"],
            "images": images,
        },
        "answer": _sized(answer, "changeSet") | facts,
    }


def read_change_set(
    before: dict[str, Any], after: dict[str, Any], changes: tuple[ResourceChange, ...], verdict: str
) -> dict[str, Any]:
    """What `read_change_set` answers."""
    old, new = load(before), load(after)
    keys = key_changes(old, new)
    causing = causes(changes, keys, old, new, site_for(new))
    refused = (*refused_keys(keys), *refused_resources(changes, causing))
    plan = Plan(keys, changes, template_digest(blueprint(new, site_for(new))))
    whole = plan.answer(NAME, refused, applied=verdict == "apply") | {"images": _image_changes(old, new)}
    answer = _sized(whole, "changeSet", "resources", "refused")
    facts = {} if verdict == "planned" else {"cluster": _rendered(new)["cluster"]}
    return {"verdict": verdict, "refusal": told(refused), "answer": answer | facts, "removed": []}


def _image_changes(old: Cluster, new: Cluster) -> list[dict[str, Any]]:
    return planning.image_changes(_rendered(old)["cluster"]["images"], blueprint(new, site_for(new)))


def _rendered(cluster: Cluster) -> dict[str, Any]:
    site = site_for(cluster)
    planned, orders = blueprint(cluster, site), build_orders(cluster, site)
    host = "https://s3.us-east-1.amazonaws.com"
    registry = "111111111111.dkr.ecr.us-east-1.amazonaws.com"
    return {
        "stackName": STACK_NAME,
        "templateUrl": f"{host}/{CONTROL}/templates/{NAME}/{OPERATION_ID}.json?versionId={STORED['versionId']}",
        **planning.stack_arguments(planned),
        "images": [order.to_state() for order in orders],
        "fleet": fleet_of(planned.template["Resources"][HEAD_NODE].get("Metadata", {})),
        "cluster": {
            "kind": cluster.kind,
            "site": SITE,
            "configuration": STORED,
            "templateVersion": site.template_version,
            "images": [image_facts(order, f"{registry}/{order.repository_name}") for order in orders],
        },
    }


def _sized(answer: dict[str, Any], *parts: str) -> dict[str, Any]:
    if planning.is_small(answer):
        return answer
    left = {name: value for name, value in answer.items() if name not in parts}
    return {**left, "planUri": f"s3://{CONTROL}/plans/{NAME}/{OPERATION_ID}.json"}
