"""What a configuration names that is already there: ids to look up, and what AWS said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shoal.cluster.materials import Materials

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.slurm_queues import SlurmQueue

PARAMETER_OF_SYSTEM = {
    ("alinux2023", "x86_64"): "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
    ("alinux2023", "arm64"): "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
    ("ubuntu2404", "x86_64"): "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
    ("ubuntu2404", "arm64"): "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
    ("debian12", "x86_64"): "/aws/service/debian/release/12/latest/amd64",
    ("debian12", "arm64"): "/aws/service/debian/release/12/latest/arm64",
}
"""Operating system and architecture to the public parameter that names its newest AMI. Sources:
https://docs.aws.amazon.com/linux/al2023/ug/ec2.html, https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/,
https://wiki.debian.org/Cloud/AmazonEC2Image/Bookworm
"""


@dataclass(frozen=True)
class Named:
    """The ids and names in a configuration that must exist, each kind in the order of the document."""

    subnets: tuple[str, ...]
    instance_types: tuple[str, ...]
    """Without families and `optimal`, which Batch reads itself."""
    security_groups: tuple[str, ...]
    snapshots: tuple[str, ...]
    volumes: tuple[str, ...]
    file_systems: tuple[str, ...]
    kms_keys: tuple[str, ...]
    policies: tuple[str, ...]
    roles: tuple[str, ...]
    """ARNs, as those of the policies and the profiles."""
    instance_profiles: tuple[str, ...]
    images: tuple[str, ...]
    """AMIs."""
    placement_groups: tuple[str, ...]
    contexts: tuple[str, ...]
    """URIs of build contexts."""


def named(cluster: Cluster) -> Named:
    """Everything that a configuration names."""
    head, queues = cluster.head_node, cluster.scheduling.queues
    groups = [*head.networking.security_groups, *head.networking.additional_security_groups]
    for queue in queues:
        groups += [*queue.networking.security_groups, *queue.networking.additional_security_groups]
    ebs = [storage.ebs_settings for storage in cluster.shared_storage if storage.ebs_settings]
    efs = [storage.efs_settings for storage in cluster.shared_storage if storage.efs_settings]
    of_queues = (queue.container_image for queue in cluster.scheduling.aws_batch_queues)
    images = [image for image in (cluster.container_image, *of_queues) if image]
    iams = [head.iam, *(queue.iam for queue in cluster.scheduling.slurm_queues)]
    return Named(
        subnets=_each(head.networking.subnet_id, *(id_ for queue in queues for id_ in queue.networking.subnet_ids)),
        instance_types=_each(head.instance_type, *filter(is_instance_type, _compute_types(cluster))),
        security_groups=_each(*groups),
        snapshots=_each(*(settings.snapshot_id for settings in ebs)),
        volumes=_each(*(settings.volume_id for settings in ebs)),
        file_systems=_each(*(settings.file_system_id for settings in efs)),
        kms_keys=_each(*(settings.kms_key_id for settings in ebs), *(settings.kms_key_id for settings in efs)),
        policies=_each(*(item.policy for iam in iams for item in iam.additional_iam_policies)),
        roles=_each(*(iam.instance_role for iam in iams)),
        instance_profiles=_each(*(iam.instance_profile for iam in iams)),
        images=_each(custom_ami(cluster), *(queue_ami(cluster, queue) for queue in cluster.scheduling.slurm_queues)),
        placement_groups=_each(*_placement_groups(cluster)),
        contexts=_each(*(image.context for image in images)),
    )


def _compute_types(cluster: Cluster) -> Iterator[str]:
    for queue in cluster.scheduling.aws_batch_queues:
        for resource in queue.compute_resources:
            yield from resource.instance_types
    for slurm_queue in cluster.scheduling.slurm_queues:
        for slurm_resource in slurm_queue.compute_resources:
            yield slurm_resource.instance_type


def _placement_groups(cluster: Cluster) -> Iterator[str | None]:
    for queue in cluster.scheduling.slurm_queues:
        for resource in queue.compute_resources:
            yield queue.placement_group(resource).existing


def _each(*values: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def is_instance_type(name: str) -> bool:
    """Whether a Batch instance type is one type (`c7i.large`), not a family (`c7i`) or `optimal`."""
    return "." in name


def custom_ami(cluster: Cluster) -> str | None:
    """The AMI that the configuration names for the head node."""
    return cluster.head_node.image.custom_ami or cluster.image.custom_ami


def queue_ami(cluster: Cluster, queue: SlurmQueue) -> str | None:
    """The AMI that the configuration names for a queue's nodes."""
    return queue.image.custom_ami or cluster.image.custom_ami


@dataclass(frozen=True)
class Surroundings:
    """What AWS said of what a configuration names; what is missing here does not exist. Values are AWS's own."""

    region: str
    """Where Shoal runs."""
    subnets: Mapping[str, Any] = field(default_factory=dict)
    vpc_cidrs: Mapping[str, str] = field(default_factory=dict)
    route_tables: tuple[Mapping[str, Any], ...] = ()
    """Those of the subnets' VPCs."""
    endpoints: tuple[Mapping[str, Any], ...] = ()
    """The VPC endpoints of the subnets' VPCs."""
    instance_types: Mapping[str, Any] = field(default_factory=dict)
    offered: frozenset[tuple[str, str]] = frozenset()
    """Pairs of instance type and availability zone."""
    security_groups: Mapping[str, Any] = field(default_factory=dict)
    snapshots: Mapping[str, Any] = field(default_factory=dict)
    volumes: Mapping[str, Any] = field(default_factory=dict)
    file_systems: Mapping[str, Any] = field(default_factory=dict)
    kms_keys: Mapping[str, str] = field(default_factory=dict)
    """Key to its state."""
    policies: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    """ARNs, as those of policies and profiles."""
    instance_profiles: frozenset[str] = frozenset()
    placement_groups: frozenset[str] = frozenset()
    elastic_ip: str | None = None
    """Allocation id of the Elastic IP that the configuration names."""
    key_pair_type: str | None = None
    image_id: str | None = None
    """The head node's AMI: the configuration's, or the newest official one; none if there is no such parameter."""
    image: Mapping[str, Any] | None = None
    official_images: Mapping[str, str] = field(default_factory=dict)
    """The newest official AMI of the configuration's system for each architecture, as far as it is asked for."""
    images: Mapping[str, Any] = field(default_factory=dict)
    """AMIs of the Slurm queues' nodes by id."""
    bucket_region: str | None = None
    """Region of `CustomS3Bucket`; none if there is no such bucket in this account."""
    bucket_versioning: str | None = None
    materials: Materials = field(default_factory=Materials)
    """What the images are made of."""

    def queue_image_id(self, cluster: Cluster, queue: SlurmQueue) -> str | None:
        """The AMI of a queue's nodes: the configuration's, or the newest official one; none if there is none."""
        architecture = self.architecture(queue.compute_resources[0].instance_type)
        return queue_ami(cluster, queue) or self.official_images.get(architecture or "")

    def zone(self, subnet_id: str) -> str | None:
        """A subnet's availability zone."""
        subnet = self.subnets.get(subnet_id)
        return str(subnet["AvailabilityZone"]) if subnet else None

    def architecture(self, instance_type: str) -> str | None:
        """`x86_64` or `arm64`, as EC2 says it of an instance type."""
        known = self.instance_types.get(instance_type)
        return architecture_of(known) if known else None


def architecture_of(instance_type: Mapping[str, Any]) -> str:
    """`x86_64` or `arm64` from EC2's description; types of the first years name i386 as well."""
    supported = instance_type["ProcessorInfo"]["SupportedArchitectures"]
    return "arm64" if any(architecture.startswith("arm64") for architecture in supported) else "x86_64"
