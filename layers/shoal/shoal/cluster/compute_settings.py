"""What the nodes of a compute resource are told, and their user data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cluster.custom_actions import actions
from shoal.cluster.file_systems import file_systems
from shoal.cluster.fleet_queue import QUEUE
from shoal.cluster.head_node import INTERFACE
from shoal.cluster.head_node import settings as head_node_settings
from shoal.cluster.monitoring import node_log_group
from shoal.cluster.node_rights import node_package
from shoal.cluster.node_table import NODE_TABLE
from shoal.cluster.problems import Problem
from shoal.cluster.site import Site, names
from shoal.cluster.template import Value, get_att, ref
from shoal.cluster.user_data import node_script, too_large
from shoal_node.contract import Actions, ComputeSettings

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.slurm_queues import SlurmComputeResource, SlurmQueue


def compute_settings(
    cluster: Cluster, site: Site, queue: SlurmQueue, resource: SlurmComputeResource
) -> ComputeSettings:
    """What they are told; a change reaches the nodes that start after it."""
    scripts = queue.custom_actions
    return ComputeSettings(
        cluster_name=site.cluster_name,
        stack_name=names(site).stack,
        region=site.region,
        url_suffix=site.url_suffix,
        node_package=node_package(site),
        table=ref(NODE_TABLE),
        queue_url=ref(QUEUE),
        queue=queue.name,
        compute_resource=resource.name,
        group=names(site).group(queue.name, resource.name),
        head_address=get_att(INTERFACE, "PrimaryPrivateIpAddress"),
        mounts=head_node_settings(cluster, site).exported_directories,
        file_systems=file_systems(cluster),
        scratch_dir=f"/{queue.compute_settings.local_storage.ephemeral_volume.mount_dir.strip('/')}",
        log_group=node_log_group(cluster, site, "compute"),
        rotate_logs=cluster.monitoring.logs.rotation.enabled,
        gpus=site.instance_types[resource.instance_type].gpus,
        efa=resource.efa.enabled,
        actions=Actions(
            on_node_start=actions(scripts.on_node_start), on_node_configured=actions(scripts.on_node_configured)
        ),
    )


def user_data(cluster: Cluster, site: Site, queue: SlurmQueue, resource: SlurmComputeResource) -> Value:
    """The script that they run when they first start."""
    return node_script(compute_settings(cluster, site, queue, resource))


def problems(cluster: Cluster, site: Site) -> Iterator[Problem]:
    """The queues whose user data are larger than EC2 takes."""
    for number, queue in enumerate(cluster.scheduling.slurm_queues):
        at = ("Scheduling", "SlurmQueues", number, "CustomActions")
        scripts = (user_data(cluster, site, queue, resource) for resource in queue.compute_resources)
        yield from itertools.islice((problem for script in scripts for problem in too_large(at, script)), 1)
