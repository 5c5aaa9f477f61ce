"""One embedded AWS whose instances boot, with Shoal deployed into it.

Where instances cannot boot these tests are skipped and say so; with `CI` set they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from embedded_aws.instances import engine
from embedded_aws.process import EmbeddedAws, Server
from tests.support import front_door
from tests.support.front_door import FrontDoor


@pytest.fixture(scope="session", autouse=True)
def booting() -> None:
    """Instances boot on this machine."""
    found = engine.find(os.environ)
    if not found.boots:
        if os.environ.get("CI"):
            pytest.exit(f"tests/instances cannot run: {found.why_none}", returncode=1)
        pytest.skip(f"no instance boots: {found.why_none}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded AWS."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHOAL_ENGINE", "stand-in")
        with EmbeddedAws(tmp_path_factory.mktemp("instances"), wait_scale=0.05) as running:
            environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
            yield running


@pytest.fixture(scope="session")
def shoal(server: Server, tmp_path_factory: pytest.TempPathFactory) -> FrontDoor:
    """Shoal, built and deployed by the SAM CLI, and a network for clusters."""
    return front_door.deployed(server, tmp_path_factory.getbasetemp() / "instances0")
