"""Configurations of Slurm clusters that the tests share."""

from __future__ import annotations

from typing import Any

from tests.support.clusters import COMPUTE_SUBNETS, configuration


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
