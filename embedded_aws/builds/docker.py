"""What `docker` is in a build: `embedded_aws/stand_in`, with the engine of this machine behind it where there is one.

The name of a registry on AWS leads out of this machine, so the stand-in takes the part of ECR's registry: it checks the
login, and hands an image over with the build's own role.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from embedded_aws.containers.engine import Engine, engine
from embedded_aws.registry import base_images
from embedded_aws.stand_in.images import Store

PROGRAM_FOLDER = Path(__file__).parents[1] / "stand_in"
"""The folder that stands first on a build's PATH."""


def variables(found: Engine, state: Path) -> dict[str, str]:
    """What `docker` in a build has to know.

    Args:
        found: the engine behind it.
        state: a folder of the build's own.
    """
    known = {
        "SHOAL_DOCKER_PYTHON": sys.executable,
        "SHOAL_DOCKER_STATE": str(state),
        "SHOAL_DOCKER_CALLS": str(calls_file()),
    }
    return known | dict(found.variables) | ({"SHOAL_DOCKER_ENGINE": shlex.join(found.client)} if found.client else {})


def forget(found: Engine, state: Path) -> None:
    """Take away the names of a build that has ended; its layers stay in the engine's cache.

    BuildKit's cache needs no image. Podman's is the images themselves, so they only lose their names.

    Args:
        found: the engine behind `docker`.
        state: the build's own folder.
    """
    made = sorted(Store(state).local.values())
    if made:
        forgetting = ["untag"] if found.name.startswith("podman") else ["rmi", "--force"]
        for name in made:
            command = [*found.client, *forgetting, name]
            subprocess.run(command, env=found.environment(os.environ), capture_output=True, check=False)


def calls_file() -> Path:
    """Where every call of `docker` in a build is recorded, one JSON object a line."""
    return Path(tempfile.gettempdir()) / "docker-calls.jsonl"


def describe(_: object) -> dict[str, Any]:
    """What `GET /_shoal/engine` answers: the engine, the base images that there are, builds' calls of `docker`."""
    calls = calls_file()
    recorded = calls.read_text().splitlines() if calls.exists() else []
    found, served = engine(), base_images.served()
    made = f"; base image {', '.join(served)} made from Debian packages" if found.client and served else ""
    known = {"engine": found.name, "description": f"{found.description}{made}", "runsJobs": found.runs_jobs}
    return known | {"baseImages": served, "calls": [json.loads(line) for line in recorded]}
