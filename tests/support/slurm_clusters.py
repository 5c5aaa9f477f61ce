"""Configurations of Slurm clusters that the tests share."""

from __future__ import annotations

from typing import Any

from shoal.cluster.blueprint import blueprint
from shoal.cluster.configuration import load
from tests.support.clusters import COMPUTE_SUBNETS, configuration, site_for, storage


def slurm_configuration(*queues: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A small and complete configuration of a Slurm cluster, with one queue unless `queues` are given."""
    scheduling = {"Scheduler": "slurm", "SlurmQueues": list(queues) or [slurm_queue("main")]}
    return configuration(Scheduling=scheduling) | sections


def slurm_queue(name: str, *resources: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """A queue; with one compute resource unless `resources` are given."""
    return {
        "Name": name,
        "Networking": {"SubnetIds": [COMPUTE_SUBNETS[0]]},
        "ComputeResources": list(resources) or [slurm_resource("work")],
    } | keys


def slurm_resource(name: str, **keys: Any) -> dict[str, Any]:
    """A compute resource of at most ten nodes."""
    return {"Name": name, "InstanceType": "c6i.large", "MinCount": 0, "MaxCount": 10} | keys


def largest_slurm_configuration() -> dict[str, Any]:
    """Ten queues of five compute resources, seventeen tags, arrays and EFS, placement groups, scripts, buckets."""
    resources = [slurm_resource(f"resource-{number:012}", Tags=_tags(5)) for number in range(5)]
    networking = {"SubnetIds": [COMPUTE_SUBNETS[0]], "PlacementGroup": {"Enabled": True}}
    buckets = {"S3Access": [{"BucketName": f"bucket-{number}", "EnableWriteAccess": True} for number in range(10)]}
    scripts = {"OnNodeStart": {"Script": "s3://mine/start.sh", "Args": ["x" * 100] * 5}}
    queues = [
        slurm_queue(f"queue-{number:015}", *resources, Networking=networking, Iam=buckets, CustomActions=scripts)
        for number in range(10)
    ]
    array = {"Raid": {"Type": 0, "NumberOfVolumes": 5}}
    return slurm_configuration(
        *queues,
        SharedStorage=[
            *(storage(f"volume-{number}") for number in range(20)),
            storage("array", EbsSettings=array),
            storage("efs", StorageType="Efs"),
        ],
        Tags=_tags(12),
    )


def _tags(number: int) -> list[dict[str, str]]:
    return [
        {"Key": f"key-of-tag-number-{n:02}", "Value": f"a value of quite usual length {n:02}"} for n in range(number)
    ]


def rendered(*queues: dict[str, Any], facts: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """The resources of a cluster; `facts` are what EC2 says of its compute nodes' instance type."""
    cluster = load(slurm_configuration(*queues, **sections))
    site = site_for(cluster)
    known = site.instance_types["c6i.large"].model_copy(update=facts or {})
    site = site.model_copy(update={"instance_types": site.instance_types | {"c6i.large": known}})
    resources: dict[str, Any] = blueprint(cluster, site).template["Resources"]
    return resources
