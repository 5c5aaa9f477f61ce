"""The CloudFormation template that a configuration means, as a value, before anything is created."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from shoal.cluster import (
    alarms,
    batch,
    bucket,
    build_project,
    compute_role,
    compute_settings,
    dashboard,
    file_systems,
    fleet,
    fleet_queue,
    head_node,
    head_node_role,
    hosts,
    image,
    jobs,
    monitoring,
    network,
    node_table,
    repository,
    storage,
)
from shoal.cluster.grammar import Code
from shoal.cluster.kinds import AWSBATCH, SLURM
from shoal.cluster.problems import ConfigurationError, Problem, make
from shoal.cluster.site import Site, names
from shoal.cluster.template import SCHEDULER, Resource, Value, get_att, ref, tag_map
from shoal.image.job_image import JobImage

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

__all__ = ["PARTS", "Blueprint", "blueprint", "names", "resource_summary"]

LARGEST_TEMPLATE = 1_000_000
MOST_RESOURCES = 500
"""Bytes, and resources; https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""

CLIENT_REQUIREMENT = "aws-parallelcluster-awsbatch-cli>=1.0.0"
"""The requirement that the client checks of itself."""

type Part = Callable[["Cluster", Site], Iterator[tuple[str, Resource]]]

_NODES: tuple[Part, ...] = (
    network.resources,
    monitoring.resources,
    storage.resources,
    file_systems.resources,
    head_node_role.resources,
    head_node.resources,
)
_WATCHED: tuple[Part, ...] = (alarms.resources, dashboard.resources)

PARTS: Mapping[str, tuple[Part, ...]] = MappingProxyType(
    {
        AWSBATCH: (
            bucket.resources,
            repository.resources,
            build_project.resources,
            *_NODES,
            jobs.resources,
            hosts.resources,
            batch.resources,
            *_WATCHED,
        ),
        SLURM: (
            node_table.resources,
            fleet_queue.resources,
            *_NODES,
            compute_role.resources,
            fleet.resources,
            *_WATCHED,
        ),
    }
)
"""What the stack of a cluster of each kind is made of; each part yields logical ids and resources."""


@dataclass(frozen=True)
class Blueprint:
    """What is to be created."""

    template: dict[str, Any]
    parameters: dict[str, str]
    """The stack's parameters and their values; AWS's Batch client reads them."""
    tags: dict[str, str]
    """The stack's tags."""
    images: tuple[JobImage, ...]
    """The images that must be in the repository; none when every queue names a ready one."""
    termination_protection: bool
    """Whether the stack, once it is made, is protected from being deleted."""

    def body(self) -> str:
        """The template as it is stored: JSON without a needless byte, since CloudFormation takes 1 MB."""
        return json.dumps(self.template, separators=(",", ":"))


def blueprint(cluster: Cluster, site: Site) -> Blueprint:
    """The template, parameters, tags and images that a configuration means.

    Raises:
        ConfigurationError: the configuration cannot be had at this site, though it is right by itself.
    """
    if problems := tuple(image.problems(cluster, site)):
        raise ConfigurationError(problems)
    parameters = {SCHEDULER: cluster.kind} | (bucket.parameters(cluster, site) if cluster.kind == AWSBATCH else {})
    resources = dict(entry for part in PARTS[cluster.kind] for entry in part(cluster, site))
    template: dict[str, Any] = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Shoal cluster {site.cluster_name} ({cluster.kind})",
        "Metadata": {"Shoal": {"TemplateVersion": site.template_version}},
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": resources,
        "Outputs": {name: {"Description": why, "Value": value} for name, why, value in _outputs(cluster)},
    }
    result = Blueprint(
        template=template,
        parameters=parameters,
        tags=tag_map(cluster, site),
        images=image.built_images(cluster, site),
        termination_protection=cluster.lifecycle.protect,
    )
    of_nodes = (*head_node.problems(cluster, site), *compute_settings.problems(cluster, site))
    if problems := (*_too_large(result, cluster), *of_nodes):
        raise ConfigurationError(problems)
    return result


def _too_large(result: Blueprint, cluster: Cluster) -> Iterator[Problem]:
    if len(result.body().encode()) > LARGEST_TEMPLATE:
        message = "are too many or too long: with them the template is larger than CloudFormation takes"
        yield make(("Tags",), Code.OUT_OF_RANGE, message, "write fewer or shorter tags, or fewer compute resources")
    if (number := len(result.template["Resources"])) > MOST_RESOURCES:
        message = f"and SharedStorage make {number} resources, and CloudFormation takes {MOST_RESOURCES} in a stack"
        suggestion = "write fewer compute resources or storages"
        yield make(("Scheduling", cluster.scheduling.queues_key), Code.OUT_OF_RANGE, message, suggestion)


def _outputs(cluster: Cluster) -> Iterator[tuple[str, str, Value]]:
    """What a user, the command line and AWS's Batch client look for."""
    yield SCHEDULER, "Kind of the cluster", ref(SCHEDULER)
    yield "HeadNodeInstanceID", "Head node", ref(head_node.HEAD_NODE)
    yield "HeadNodePrivateIP", "Private address of the head node", get_att(head_node.HEAD_NODE, "PrivateIp")
    yield "HeadNodeUser", "User who has the key pair on the head node", head_node.USERS[cluster.image.os]
    yield from _outputs_of_slurm() if cluster.kind == SLURM else _outputs_of_batch(cluster)


def _outputs_of_slurm() -> Iterator[tuple[str, str, Value]]:
    yield "NodeTable", "Table in which the head node keeps the nodes", ref(node_table.NODE_TABLE)
    yield "NodeQueueUrl", "Queue of the notices about nodes", ref(fleet_queue.QUEUE)


def _outputs_of_batch(cluster: Cluster) -> Iterator[tuple[str, str, Value]]:
    """The first queue under the names that AWS's Batch client reads."""
    queue = cluster.scheduling.aws_batch_queues[0]
    environment = batch.environment_id(queue, queue.compute_resources[0])
    multinode = jobs.multinode_definition_id(queue)
    yield "BatchCliRequirements", "AWS's Batch client that fits the cluster", CLIENT_REQUIREMENT
    yield "BatchComputeEnvironmentArn", "First compute environment of the first queue", ref(environment)
    yield "BatchJobQueueArn", "First queue", ref(batch.queue_id(queue))
    yield "BatchJobDefinitionArn", "Jobs of one container in the first queue", ref(jobs.definition_id(queue))
    yield "BatchJobDefinitionMnpArn", "Multi-node parallel jobs in the first queue", ref(multinode)
    yield "ECRRepoName", "Repository of the job image", ref(repository.REPOSITORY)
    yield "CodeBuildDockerImageBuilderProject", "Project that builds the job image", ref(build_project.BUILD_PROJECT)


def resource_summary(blueprint: Blueprint) -> dict[str, int]:
    """How many resources of each type will be created, in the order of the types' names."""
    types = Counter(resource["Type"] for resource in blueprint.template["Resources"].values())
    return dict(sorted(types.items()))
