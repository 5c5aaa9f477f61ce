"""A folder that the user of munged can read, and the machine's namespaces."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.network import refused

NEEDED = ("slurmctld", "slurmd", "sbatch", "munged", "ip", "nsenter", "setpriv")


@pytest.fixture(autouse=True, scope="session")
def namespaces() -> None:
    if reason := refused():
        pytest.skip(reason)
    if missing := [program for program in NEEDED if not shutil.which(program)]:
        pytest.fail(f"not installed: {', '.join(missing)}; see tools/requirements/debian.txt", pytrace=False)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, because the paths of sockets are; open to munged, as pytest's are not."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as made:
        Path(made).chmod(0o755)
        yield Path(made)
