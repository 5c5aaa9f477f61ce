"""The embedded AWS, a folder that every user of a cluster can read, and the machine's namespaces."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.process import EmbeddedAws, Server
from shoal_node.fleet import ComputeResource
from tests.slurm.computer import refused
from tests.slurm.rig import Rig, cluster

NEEDED = ("slurmctld", "slurmd", "sbatch", "munged", "ip", "nsenter", "setpriv")
MakeCluster = Callable[..., AbstractContextManager[Rig]]


@pytest.fixture(autouse=True, scope="session")
def namespaces() -> None:
    if reason := refused():
        pytest.skip(reason)
    if missing := [program for program in NEEDED if not shutil.which(program)]:
        pytest.fail(f"not installed: {', '.join(missing)}; see tools/requirements/debian.txt", pytrace=False)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, namespaces: None) -> Iterator[Server]:
    """The embedded AWS, whose instances are the tests' own."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHOAL_ENGINE", "stand-in")
        environment.setenv("SHOAL_INSTANCES", "none")
        with EmbeddedAws(tmp_path_factory.mktemp("embedded-aws"), wait_scale=0.02) as running:
            yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, because the paths of sockets are; open to other users, as pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def make(server: Server, folder: Path) -> MakeCluster:
    """Make the test's cluster of these compute resources."""

    def made(*resources: ComputeResource, **options: Any) -> AbstractContextManager[Rig]:
        return cluster(server, folder, *resources, **options)

    return made
