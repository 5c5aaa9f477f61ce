"""The CloudFormation template that a configuration means, as a value, before anything is created."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.cluster import bucket, image, monitoring, network, repository
from shoal.cluster.site import Site, names
from shoal.cluster.template import KIND, SCHEDULER, Resource, ref, tag_map
from shoal.image.job_image import JobImage

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

__all__ = ["PARTS", "Blueprint", "blueprint", "names", "resource_summary"]

type Part = Callable[["Cluster", Site], Iterator[tuple[str, Resource]]]

PARTS: tuple[Part, ...] = (
    bucket.resources,
    repository.resources,
    network.resources,
    monitoring.resources,
    image.resources,
)
"""What a cluster's stack is made of; each part yields logical ids and resources."""


@dataclass(frozen=True)
class Blueprint:
    """What is to be created."""

    template: dict[str, Any]
    parameters: dict[str, str]
    """The stack's parameters and their values; AWS's Batch client reads them."""
    tags: dict[str, str]
    """The stack's tags."""
    image: JobImage | None
    """The image that must be in the repository; none when every queue names a ready one."""

    def body(self) -> str:
        """The template as it is stored: JSON without a needless byte, since CloudFormation takes 1 MB."""
        return json.dumps(self.template, separators=(",", ":"))


def blueprint(cluster: Cluster, site: Site) -> Blueprint:
    """The template, parameters, tags and image that a configuration means."""
    parameters = {SCHEDULER: KIND} | bucket.parameters(cluster, site)
    resources = dict(entry for part in PARTS for entry in part(cluster, site))
    template: dict[str, Any] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Shoal cluster {site.cluster_name} ({KIND})",
        "Metadata": {"Shoal": {"TemplateVersion": site.template_version}},
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": resources,
        "Outputs": {SCHEDULER: {"Value": ref(SCHEDULER)}},
    }
    return Blueprint(
        template=template, parameters=parameters, tags=tag_map(cluster, site), image=image.built_image(cluster, site)
    )


def resource_summary(blueprint: Blueprint) -> dict[str, int]:
    """How many resources of each type will be created, in the order of the types' names."""
    types = Counter(resource["Type"] for resource in blueprint.template["Resources"].values())
    return dict(sorted(types.items()))
