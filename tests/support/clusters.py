"""Configurations and sites that the tests share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from shoal.cluster.configuration import Cluster, load
from shoal.cluster.materials import default_base_image
from shoal.cluster.site import InstanceType, LaunchImage, Site, Subnet
from shoal.cluster.surroundings import custom_ami, named
from shoal.image.content import ResolvedContext
from shoal.image.job_image import BASE_IMAGES, base_image

SYSTEMS = ("alinux2023", "debian12", "ubuntu2404", "rhel9", "rocky9")
EXAMPLES = Path(__file__).parents[2] / "examples"
ACCOUNT_ID = "111111111111"
REGION = "us-east-1"
HEAD_SUBNET = "subnet-0aaaaaaaaaaaaaaa1"
COMPUTE_SUBNETS = ("subnet-0bbbbbbbbbbbbbbb1", "subnet-0bbbbbbbbbbbbbbb2")


def configuration(**sections: Any) -> dict[str, Any]:
    """A small and complete configuration of a Batch cluster, its top-level sections replaced by `sections`."""
    return {
        "Region": REGION,
        "Image": {"Os": "debian12"},
        "HeadNode": {"InstanceType": "t3.micro", "Networking": {"SubnetId": HEAD_SUBNET}},
        "Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main")]},
        "SharedStorage": [{"MountDir": "/shared", "Name": "shared", "StorageType": "Ebs"}],
    } | sections


def queue(name: str, *resources: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A queue; with one On-Demand compute resource unless `resources` are given."""
    return {
        "Name": name,
        "Networking": {"SubnetIds": [COMPUTE_SUBNETS[0]]},
        "ComputeResources": list(resources) or [compute_resource("ondemand")],
    } | keys


def compute_resource(name: str, **keys: Any) -> dict[str, Any]:
    """A compute resource of at most 10 vCPUs."""
    return {"Name": name, "InstanceTypes": ["c6i.large"], "MinvCpus": 0, "MaxvCpus": 10} | keys


def largest_configuration() -> dict[str, Any]:
    """Ten queues of three compute resources, forty tags, and as much storage as is allowed: 20 volumes, arrays, EFS."""
    resources = [compute_resource(f"resource-{number}") for number in range(3)]
    array = {"Raid": {"Type": 0, "NumberOfVolumes": 5}}
    return configuration(
        Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue(f"queue-{n}", *resources) for n in range(10)]},
        SharedStorage=[
            *(storage(f"volume-{number}") for number in range(20)),
            storage("array", EbsSettings=array),
            storage("efs", StorageType="Efs"),
            *(storage(f"old-{n}", StorageType="Efs", EfsSettings={"FileSystemId": f"fs-{n:08}"}) for n in range(13)),
        ],
        Tags=[
            {"Key": f"key-of-tag-number-{n:02}", "Value": f"a value of quite usual length {n:02}"} for n in range(40)
        ],
    )


def storage(name: str, **keys: Any) -> dict[str, Any]:
    """A shared storage of the type Ebs, mounted where its name says."""
    return {"Name": name, "MountDir": f"/{name}", "StorageType": "Ebs"} | keys


def examples() -> list[Cluster]:
    """The configurations in `examples/`, by the names of their files."""
    return [load(path.read_text()) for path in sorted(EXAMPLES.glob("*.yaml"))]


def site(**overrides: Any) -> Site:
    """The site of the cluster `genomics`, its fields replaced by `overrides`."""
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:shoal"
    fields: dict[str, Any] = {
        "cluster_name": "genomics",
        "region": REGION,
        "account_id": ACCOUNT_ID,
        "partition": "aws",
        "url_suffix": "amazonaws.com",
        "name_prefix": "shoal",
        "iam_path": "/shoal/",
        "permissions_boundary": f"arn:aws:iam::{ACCOUNT_ID}:policy/shoal/shoal-cluster-boundary",
        "bucket": f"shoal-control-{ACCOUNT_ID}-{REGION}",
        "empty_bucket_function": f"{function}-serve-custom-resource",
        "empty_repository_function": f"{function}-serve-custom-resource",
        "generation": "20261124T101530",
        "head_node_ami": "ami-0123456789abcdef0",
        "node_package": "node-packages/shoal_node-0.1.0.zip?versionId=3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH",
        "base_image": base_image("debian12"),
        "base_images": {base_image("debian12"): f"public.ecr.aws/docker/library/debian@sha256:{'0' * 64}"},
        "subnets": {
            subnet_id: Subnet(
                vpc_id="vpc-0ccccccccccccccc1", vpc_cidr="10.0.0.0/16", availability_zone=f"{REGION}{zone}"
            )
            for subnet_id, zone in zip((HEAD_SUBNET, *COMPUTE_SUBNETS), "aab", strict=True)
        },
        "instance_types": {
            "t3.micro": InstanceType(vcpus=2, cores=1, memory_mib=1024, architecture="x86_64"),
            "c6i.large": InstanceType(vcpus=2, cores=1, memory_mib=4096, architecture="x86_64"),
            "c6gd.large": InstanceType(vcpus=2, cores=2, memory_mib=4096, architecture="arm64", instance_store=True),
        },
    }
    return Site(**(fields | overrides))


def context(uri: str) -> ResolvedContext:
    """A context as it was found at a URI; what it holds differs from URI to URI."""
    digest = hashlib.sha256(uri.encode()).hexdigest()
    return ResolvedContext(f"shoal-control-{ACCOUNT_ID}-{REGION}", f"contexts/{digest}.zip", "1", digest)


def site_for(cluster: Cluster, **overrides: Any) -> Site:
    """A site where everything that a configuration names is there; Graviton by its name, subnets in zones by turns."""
    found = named(cluster)
    arm = {name for name in found.instance_types if "g" in name.split(".")[0][2:]}
    fields: dict[str, Any] = {
        "head_node_ami": custom_ami(cluster) or f"ami-{0:09}{SYSTEMS.index(cluster.image.os):08}",
        "base_image": default_base_image(cluster),
        "base_images": {name: f"{name.rpartition(':')[0]}@sha256:{'0' * 64}" for name in map(base_image, BASE_IMAGES)},
        "contexts": {uri: context(uri) for uri in found.contexts},
        "subnets": {
            subnet_id: Subnet(
                vpc_id="vpc-0ccccccccccccccc1", vpc_cidr="10.0.0.0/16", availability_zone=f"{REGION}{'abc'[number % 3]}"
            )
            for number, subnet_id in enumerate(found.subnets)
        },
        "instance_types": {
            name: InstanceType(vcpus=4, cores=2, memory_mib=8192, architecture="arm64" if name in arm else "x86_64")
            for name in found.instance_types
        },
        "queue_images": {
            queue.name: LaunchImage(ami=queue.image.custom_ami or cluster.image.custom_ami or "ami-0fedcba9876543210")
            for queue in cluster.scheduling.slurm_queues
        },
    }
    return site(**(fields | overrides))
