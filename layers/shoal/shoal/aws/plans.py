"""The Region's bucket as the place of plans: templates, sites, node packages, and plans too large to travel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from shoal import __version__
from shoal.aws import s3
from shoal.cluster.blueprint import Blueprint
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.image import build_orders
from shoal.cluster.node_package import node_package
from shoal.cluster.schema import json_schema
from shoal.cluster.site import Site
from shoal.cluster.slurm_health import fleet_of
from shoal.image.order import image_facts
from shoal.planning import is_small, stack_arguments
from shoal.settings import Settings


def stored_node_package(settings: Settings) -> str:
    """Where the node package lies, `<key>?versionId=<id>`; stored once for each content."""
    key, content = node_package()
    version = s3.newest_version(settings.bucket, key) or s3.put_object(settings.bucket, key, content)["versionId"]
    return f"{key}?versionId={version}"


def keep_schema(settings: Settings) -> None:
    """Keep the schema of configurations beside what it describes, once for each version of Shoal."""
    key = f"schemas/cluster-configuration-{__version__}.json"
    if s3.newest_version(settings.bucket, key) is None:
        s3.put_text(settings.bucket, key, json.dumps(json_schema()))


def store_template(settings: Settings, cluster_name: str, operation_id: str, planned: Blueprint) -> str:
    """Store a template; the URL by which CloudFormation reads this very version of it."""
    stored = s3.put_text(settings.bucket, f"templates/{cluster_name}/{operation_id}.json", planned.body())
    host = f"s3.{settings.region}.{settings.url_suffix}"
    return f"https://{host}/{stored['bucket']}/{quote(stored['key'])}?versionId={quote(stored['versionId'])}"


def store_site(settings: Settings, site: Site) -> dict[str, str]:
    """Store the effective site of a cluster; `{"bucket", "key", "versionId"}`."""
    return s3.put_text(settings.bucket, f"sites/{site.cluster_name}.json", site.model_dump_json())


def read_cluster(configuration: Mapping[str, str], site: Mapping[str, str]) -> tuple[Cluster, Site]:
    """A stored configuration with its site, each given by `bucket`, `key` and `versionId`."""
    return load(s3.read_stored(configuration)), Site.model_validate_json(s3.read_stored(site))


def read_configuration(settings: Settings, at: Mapping[str, str]) -> Cluster:
    """The configuration that the front door stored at `bucket`, `key` and `versionId`.

    Raises:
        ConfigurationError: it is wrong; every problem is told.
    """
    return load(s3.read_stored(at), region=settings.region, name_prefix=settings.name_prefix)


def store(
    settings: Settings, event: Mapping[str, Any], cluster: Cluster, site: Site, planned: Blueprint
) -> dict[str, Any]:
    """What the machines need of a plan; template and site are stored, since they are large.

    Args:
        settings: the control plane's.
        event: what the machine told `plan_cluster`.
        cluster: the configuration.
        site: what was looked up for it.
        planned: its blueprint.
    """
    orders = build_orders(cluster, site)
    return {
        "stackName": event["stackName"],
        "templateUrl": store_template(settings, event["clusterName"], event["operationId"], planned),
        **stack_arguments(planned),
        "images": [order.to_state() for order in orders],
        "fleet": fleet_of(planned.template["Resources"][HEAD_NODE].get("Metadata", {})),
        "cluster": {
            "kind": cluster.kind,
            "site": store_site(settings, site),
            "configuration": event["configuration"],
            "templateVersion": site.template_version,
            "images": [image_facts(order, settings.repository_uri(order.repository_name)) for order in orders],
        },
    }


def sized(
    settings: Settings, cluster_name: str, operation_id: str, answer: dict[str, Any], *parts: str
) -> dict[str, Any]:
    """An answer that can travel: a large one goes without `parts`, and `planUri` says where the whole lies."""
    if is_small(answer):
        return answer
    stored = s3.put_text(settings.bucket, f"plans/{cluster_name}/{operation_id}.json", json.dumps(answer))
    left = {name: value for name, value in answer.items() if name not in parts}
    return {**left, "planUri": f"s3://{stored['bucket']}/{stored['key']}"}
