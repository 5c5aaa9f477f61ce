"""What Shoal accepts and ParallelCluster refuses: each row of the grammar's table, asked of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shoal.cluster.configuration import load
from shoal.cluster.grammar import ADDITIONS, Addition
from tests.support.configurations import SUBNET, base
from tests.support.parallelcluster import ParallelCluster

OTHER_SUBNET = "subnet-0fedcba9876543210"


def queue(configuration: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = configuration["Scheduling"]["AwsBatchQueues"][0]
    return first


def several_queues(configuration: dict[str, Any]) -> None:
    configuration["Scheduling"]["AwsBatchQueues"] = [queue(configuration) | {"Name": f"queue-{n}"} for n in range(10)]


def several_resources(configuration: dict[str, Any]) -> None:
    (first,) = queue(configuration)["ComputeResources"]
    queue(configuration)["ComputeResources"] = [first | {"Name": f"resource-{n}"} for n in range(3)]


def several_subnets(configuration: dict[str, Any]) -> None:
    queue(configuration)["Networking"]["SubnetIds"] = [SUBNET, OTHER_SUBNET]


def queue_with_capitals(configuration: dict[str, Any]) -> None:
    queue(configuration)["Name"] = "Night_jobs"


def resource_with_capitals(configuration: dict[str, Any]) -> None:
    queue(configuration)["ComputeResources"][0]["Name"] = "Compute_Resource1"


def debian(configuration: dict[str, Any]) -> None:
    configuration["Image"]["Os"] = "debian12"


def many_volumes(configuration: dict[str, Any]) -> None:
    configuration["SharedStorage"] = [
        {"MountDir": f"/shared{n}", "Name": f"shared{n}", "StorageType": "Ebs"} for n in range(20)
    ]


def no_word_on_metadata(configuration: dict[str, Any]) -> None:
    del configuration["HeadNode"]["Imds"]


def ready_image(configuration: dict[str, Any]) -> None:
    configuration["ContainerImage"] = {"Uri": "public.ecr.aws/debian/debian:12-slim"}


def ready_image_of_a_queue(configuration: dict[str, Any]) -> None:
    queue(configuration)["ContainerImage"] = {"Uri": f"111111111111.dkr.ecr.eu-west-1.example/a@sha256:{'0' * 64}"}


def protection(configuration: dict[str, Any]) -> None:
    configuration["Lifecycle"] = {"Protect": True}


EXAMPLES: dict[str, Callable[[dict[str, Any]], None]] = {
    "Scheduling.AwsBatchQueues": several_queues,
    "Scheduling.AwsBatchQueues[].ComputeResources": several_resources,
    "Scheduling.AwsBatchQueues[].Networking.SubnetIds": several_subnets,
    "Scheduling.AwsBatchQueues[].Name": queue_with_capitals,
    "Scheduling.AwsBatchQueues[].ComputeResources[].Name": resource_with_capitals,
    "Image.Os": debian,
    "SharedStorage": many_volumes,
    "HeadNode.Imds.Secured": no_word_on_metadata,
    "ContainerImage": ready_image,
    "Scheduling.AwsBatchQueues[].ContainerImage": ready_image_of_a_queue,
    "Lifecycle": protection,
}


@pytest.fixture(scope="module")
def parallelcluster() -> Iterator[ParallelCluster]:
    with ParallelCluster() as process:
        yield process


@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda addition: addition.path)
def test_an_addition_is_accepted_here_and_refused_there(addition: Addition, parallelcluster: ParallelCluster) -> None:
    configuration = base()
    assert parallelcluster.load(configuration).values
    EXAMPLES[addition.path](configuration)
    assert load(configuration)
    theirs = parallelcluster.load(configuration)
    assert theirs.values is None
    assert not theirs.stumbles


def test_every_addition_has_an_example() -> None:
    assert set(EXAMPLES) == {addition.path for addition in ADDITIONS}
