"""What was looked up once for a cluster; stored with it, so that an update changes only what the user changed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from shoal.cluster.names import Names
from shoal.image.content import ResolvedContext


class Frozen(BaseModel):
    """A value: immutable, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Subnet(Frozen):
    """A subnet that the configuration names."""

    vpc_id: str
    vpc_cidr: str
    availability_zone: str
    maps_public_ips: bool = False


class InstanceType(Frozen):
    """What EC2 says of an instance type that the configuration names."""

    vcpus: int
    cores: int
    memory_mib: int
    architecture: str
    """`x86_64` or `arm64`."""
    instance_store: bool = False
    """Whether it has local disks."""
    gpus: int = 0
    """NVIDIA's."""
    network_cards: int = 1
    efa_interfaces: int = 0
    """Elastic Fabric Adapters that it may have; 0 where it supports none."""


class LaunchImage(Frozen):
    """The AMI of a queue's nodes."""

    ami: str
    root_device: str = ""
    """Its root device name, `/dev/xvda`; empty for the one of the system's official AMIs."""


class Site(Frozen):
    """The facts outside the configuration that a blueprint depends on."""

    cluster_name: str
    region: str
    account_id: str
    partition: str
    url_suffix: str
    name_prefix: str
    iam_path: str
    permissions_boundary: str
    """ARN; bounds every role of the cluster."""
    bucket: str
    """The Region's bucket, where the node package lies."""
    empty_bucket_function: str
    """ARN; the ServiceToken of `Custom::EmptyBucket`."""
    empty_repository_function: str
    """ARN; the ServiceToken of `Custom::EmptyRepository`."""
    generation: str
    """When the cluster was created, `20261123T101530`."""
    head_node_ami: str
    head_node_root_device: str = ""
    """Root device name of that AMI, `/dev/xvda`; empty for the one of the system's official AMIs."""
    queue_images: dict[str, LaunchImage] = {}
    """By the name of a Slurm queue, the AMI of its nodes."""
    node_package: str
    """`<key>?versionId=<id>` of the reproducible zip of `shoal_node` in the Region's bucket."""
    base_image: str
    """Base image where the configuration names none: `public.ecr.aws/docker/library/debian:12-slim`."""
    base_images: dict[str, str] = {}
    """Base images as they are named to what they were pinned to, `public.ecr.aws/docker/library/debian@sha256:...`;
    one whose registry gave no digest stands for itself."""
    contexts: dict[str, ResolvedContext] = {}
    """The build contexts that the configuration names, as they were found."""
    salt: str = ""
    """Part of every image's tag: the id of the last operation that built images whether or not they were there."""
    subnets: dict[str, Subnet]
    instance_types: dict[str, InstanceType]
    elastic_ips: dict[str, str] = {}
    """Allocation ids of the Elastic IPs that the configuration names by their address."""
    template_version: int = 1


def names(site: Site) -> Names:
    """The names of the cluster's resources."""
    return Names(
        cluster=site.cluster_name,
        prefix=site.name_prefix,
        account_id=site.account_id,
        region=site.region,
        generation=site.generation,
    )
