"""Looks up everything that a configuration names, each kind in as few calls as its API allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shoal.aws import ec2, efs, iam, kms, s3, ssm
from shoal.cluster.materials import Materials
from shoal.cluster.surroundings import (
    PARAMETER_OF_SYSTEM,
    Named,
    Surroundings,
    architecture_of,
    custom_ami,
    named,
    queue_ami,
)
from shoal.settings import Settings

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster


def look_up(cluster: Cluster, materials: Materials, ami: str | None = None) -> Surroundings:
    """What AWS says of everything that a configuration names.

    Args:
        cluster: the configuration.
        materials: what its images are made of.
        ami: the head node's AMI when it is settled already, as it is for a cluster that runs.
    """
    wanted = named(cluster)
    types = ec2.instance_types(wanted.instance_types)
    subnets = ec2.subnets(wanted.subnets)
    vpcs = {subnet["VpcId"] for subnet in subnets.values()}
    official = _official(cluster, types)
    image_id = ami or custom_ami(cluster) or official.get(_architecture(cluster.head_node.instance_type, types))
    images = ec2.images({*wanted.images, *official.values(), *([image_id] if image_id else ())})
    bucket = cluster.custom_s3_bucket
    bucket_region = s3.bucket_region(bucket) if bucket else None
    elastic_ip = cluster.head_node.networking.elastic_ip
    return Surroundings(
        region=Settings.from_environment().region,
        subnets=subnets,
        vpc_cidrs=ec2.vpc_cidrs(vpcs),
        route_tables=ec2.route_tables(vpcs),
        endpoints=ec2.vpc_endpoints(vpcs),
        instance_types=types,
        offered=frozenset(ec2.offered(types, {subnet["AvailabilityZone"] for subnet in subnets.values()})),
        **_storage(wanted),
        security_groups=ec2.security_groups(wanted.security_groups),
        policies=frozenset(arn for arn in wanted.policies if iam.policy_exists(arn)),
        roles=frozenset(arn for arn in wanted.roles if iam.role_exists(_last(arn))),
        instance_profiles=frozenset(arn for arn in wanted.instance_profiles if iam.instance_profile_exists(_last(arn))),
        placement_groups=frozenset(ec2.placement_groups(wanted.placement_groups)),
        elastic_ip=ec2.allocation_id(elastic_ip) if isinstance(elastic_ip, str) else None,
        key_pair_type=ec2.key_pair_type(cluster.head_node.ssh.key_name) if cluster.head_node.ssh.key_name else None,
        image_id=image_id,
        image=images.get(image_id or ""),
        official_images=official,
        images=images,
        bucket_region=bucket_region,
        bucket_versioning=s3.versioning(bucket) if bucket and bucket_region else None,
        materials=materials,
    )


def _storage(wanted: Named) -> dict[str, Any]:
    systems = {system_id: efs.file_system(system_id) for system_id in wanted.file_systems}
    keys = {key: kms.key_state(key) for key in wanted.kms_keys}
    return {
        "snapshots": ec2.snapshots(wanted.snapshots),
        "volumes": ec2.volumes(wanted.volumes),
        "file_systems": {system_id: system for system_id, system in systems.items() if system},
        "kms_keys": {key: state for key, state in keys.items() if state},
    }


def _official(cluster: Cluster, types: Mapping[str, Any]) -> dict[str, str]:
    """The newest official AMI for each architecture of nodes for which the configuration names none."""
    named_none = [] if custom_ami(cluster) else [cluster.head_node.instance_type]
    for queue in cluster.scheduling.slurm_queues:
        if not queue_ami(cluster, queue):
            named_none.append(queue.compute_resources[0].instance_type)
    keys = {(cluster.image.os, architecture) for name in named_none if (architecture := _architecture(name, types))}
    parameters = {PARAMETER_OF_SYSTEM[key]: key[1] for key in keys if key in PARAMETER_OF_SYSTEM}
    found = ssm.public_parameters(list(parameters)) if parameters else {}
    return {parameters[parameter]: image_id for parameter, image_id in found.items()}


def _architecture(name: str, types: Mapping[str, Any]) -> str:
    return architecture_of(types[name]) if name in types else ""


def _last(arn: str) -> str:
    """The name at the end of an ARN, after its path."""
    return arn.rsplit("/", 1)[-1]
