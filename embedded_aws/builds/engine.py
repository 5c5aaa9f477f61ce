"""What builds an image: a container engine of this machine that answers, or the recorded stand-in.

A client on PATH proves nothing, a daemon has to answer. Either way `docker` in a build is `embedded_aws/stand_in`,
which takes the part of ECR's registry (the name of a registry on AWS leads out of this machine): it checks the login,
and hands an image over with the build's own role.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STAND_IN = "stand-in"
_PROGRAM_FOLDER = Path(__file__).parents[1] / "stand_in"
_PATIENCE = 10
"""Seconds that an engine has to answer."""
_FORMATS = {"docker": "{{.ServerVersion}}", "podman": "{{.Version.Version}}"}


@dataclass(frozen=True)
class Engine:
    """The engine of every build of this server."""

    name: str
    """What a report says: `docker 20.10`, `podman 4.3`, `stand-in`."""
    program: str | None
    """Path of the engine's client, None for the stand-in."""

    @property
    def path(self) -> Path:
        """The folder that stands first on a build's PATH."""
        return _PROGRAM_FOLDER

    def variables(self, state: Path) -> dict[str, str]:
        """What `docker` in a build has to know.

        Args:
            state: a folder of the build's own.
        """
        known = {
            "SHOAL_DOCKER_PYTHON": sys.executable,
            "SHOAL_DOCKER_STATE": str(state),
            "SHOAL_DOCKER_CALLS": str(calls_file()),
        }
        return known | ({"SHOAL_DOCKER_ENGINE": self.program} if self.program else {})


@functools.cache
def engine() -> Engine:
    """The engine of this machine, found once: Docker, else Podman, else the stand-in."""
    return find(dict(os.environ))


def find(environment: Mapping[str, str]) -> Engine:
    """Ask the engines on the environment's PATH, in order, whether they answer.

    Args:
        environment: a process's variables. `DOCKER_HOST` is left out, the server points it away from any engine;
            `SHOAL_ENGINE=stand-in` asks no engine at all.
    """
    if environment.get("SHOAL_ENGINE") == STAND_IN:
        return Engine(STAND_IN, None)
    variables = {name: value for name, value in environment.items() if name != "DOCKER_HOST"}
    for client, template in _FORMATS.items():
        program = shutil.which(client, path=variables.get("PATH"))
        version = _version([program, "info", "--format", template], variables) if program else None
        if version:
            return Engine(f"{client} {'.'.join(version.split('.')[:2])}", program)
    return Engine(STAND_IN, None)


def calls_file() -> Path:
    """Where every call of `docker` in a build is recorded, one JSON object a line."""
    return Path(tempfile.gettempdir()) / "docker-calls.jsonl"


def describe(_: object) -> dict[str, Any]:
    """What `GET /_shoal/engine` answers: the engine's name and the calls that builds made of it."""
    calls = calls_file()
    recorded = calls.read_text().splitlines() if calls.exists() else []
    return {"engine": engine().name, "calls": [json.loads(line) for line in recorded]}


def _version(command: list[str], variables: Mapping[str, str]) -> str | None:
    try:
        answer = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
