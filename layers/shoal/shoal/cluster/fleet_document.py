"""What a Slurm cluster's head node is told of its fleet: all that an update may change, in its resource's metadata.

User data run once; metadata can change while the instance runs, and the head node reads its own ones, as cfn-hup does:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-metadata.html.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shoal.cluster.custom_actions import actions
from shoal.cluster.fleet_queue import QUEUE
from shoal.cluster.node_table import NODE_TABLE
from shoal.cluster.site import Site, names
from shoal.cluster.template import ref
from shoal_node.fleet import FLEET_KEY, METADATA_KEY, ComputeResource, Fleet, Partition

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.slurm_queues import SlurmComputeResource, SlurmQueue

MEMORY_SHARE = 95
"""Percent of an instance type's memory that jobs get, as in ParallelCluster: the system needs the rest."""
VERSION_LENGTH = 12


def fleet_metadata(cluster: Cluster, site: Site) -> dict[str, Any]:
    """The metadata of the head node's resource."""
    return {METADATA_KEY: {FLEET_KEY: fleet(cluster, site).as_dict()}}


def fleet(cluster: Cluster, site: Site) -> Fleet:
    """The fleet; its version tells every change of it."""
    settings = cluster.scheduling.slurm_settings
    without_version = Fleet(
        cluster_name=site.cluster_name,
        region=site.region,
        queue_url=ref(QUEUE),
        table=ref(NODE_TABLE),
        resources=tuple(_resources(cluster, site)),
        idle_seconds=settings.idle_seconds,
        join_seconds=cluster.dev_settings.timeouts.compute_node_bootstrap_timeout,
        memory_is_consumable=settings.enable_memory_based_scheduling,
        queues=tuple(
            Partition(
                name=queue.name,
                is_default=number == 0,
                is_exclusive=queue.job_exclusive_allocation,
                custom_settings=_words(queue.custom_slurm_settings),
            )
            for number, queue in enumerate(cluster.scheduling.slurm_queues)
        ),
        custom_settings=_words(settings.custom),
        on_node_updated=actions(cluster.head_node.custom_actions.on_node_updated),
    )
    canonical = json.dumps(without_version.as_dict(), sort_keys=True, separators=(",", ":"))
    return replace(without_version, version=hashlib.sha256(canonical.encode()).hexdigest()[:VERSION_LENGTH])


def _resources(cluster: Cluster, site: Site) -> Iterator[ComputeResource]:
    for queue in cluster.scheduling.slurm_queues:
        for resource in queue.compute_resources:
            yield _resource(site, queue, resource)


def _resource(site: Site, queue: SlurmQueue, resource: SlurmComputeResource) -> ComputeResource:
    instance_type = site.instance_types[resource.instance_type]
    one_thread = resource.disable_simultaneous_multithreading
    return ComputeResource(
        queue=queue.name,
        name=resource.name,
        group=names(site).group(queue.name, resource.name),
        cpus=instance_type.cores if one_thread else instance_type.vcpus,
        memory=resource.schedulable_memory or instance_type.memory_mib * MEMORY_SHARE // 100,
        max_count=resource.max_count,
        min_count=resource.min_count,
        gpus=instance_type.gpus,
        threads_per_core=1 if one_thread else max(1, instance_type.vcpus // instance_type.cores),
        custom_settings=_words(resource.custom_slurm_settings),
    )


def _words(settings: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in settings.items())
