"""One embedded AWS with a container engine and Shoal deployed into it: images are built and jobs run for real.

Where there is no engine these tests are skipped and say so; in continuous integration (`CI` is set) they must not be.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from embedded_aws.containers.engine import Engine, engine
from embedded_aws.process import EmbeddedAws, Server
from tests.support import front_door
from tests.support.front_door import FrontDoor

NO_ENGINE = "no container engine of this machine builds images and runs containers (docs/images.md says which would)"
COLD_BUILD_SECONDS = 900.0
"""How long a creation may take whose image nothing of is cached."""


@dataclass(frozen=True)
class Cluster:
    """A created cluster."""

    name: str
    subnet: str
    queues: tuple[str, ...]


@pytest.fixture(scope="session", autouse=True)
def container_engine() -> Engine:
    """The engine of this machine; it runs for the whole session."""
    found = engine()
    if not found.runs_jobs:
        if os.environ.get("CI"):
            pytest.exit(f"tests/containers cannot run: {NO_ENGINE}", returncode=1)
        pytest.skip(NO_ENGINE)
    return found


@pytest.fixture(scope="session")
def server(container_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded AWS."""
    state_dir = tmp_path_factory.mktemp("containers")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHOAL_INSTANCES", "none")
        with EmbeddedAws(state_dir, wait_scale=0.02) as running:
            environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
            yield running


@pytest.fixture(scope="session")
def shoal(server: Server, tmp_path_factory: pytest.TempPathFactory) -> FrontDoor:
    """Shoal, built and deployed by the SAM CLI, and a network for clusters."""
    return front_door.deployed(server, tmp_path_factory.getbasetemp() / "containers0")


@pytest.fixture(scope="session")
def cluster(shoal: FrontDoor) -> Cluster:
    """A cluster with an On-Demand and a Spot queue, whose jobs use the image that Shoal builds."""
    environment = {"Name": "small", "InstanceTypes": ["c6i.large"], "MaxvCpus": 16}
    queues = [
        front_door.queue(shoal.subnet, "main", ComputeResources=[environment]),
        front_door.queue(shoal.subnet, "spot", ComputeResources=[environment], CapacityType="SPOT"),
    ]
    configuration = front_door.configuration(
        shoal.subnet, ContainerImage=None, Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": queues}
    )
    ended = shoal.wait(shoal.begin("create", "jobs", configuration), COLD_BUILD_SECONDS)
    assert ended.status == "SUCCEEDED", f"{ended.error}: {ended.cause}"
    return Cluster("jobs", shoal.subnet, ("main", "spot"))
