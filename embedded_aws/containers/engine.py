"""What builds images and runs jobs: a container engine of this machine, or the stand-in that only checks and records.

In this order: a Docker that answers, the private Docker of Debian's packages, Podman, Buildah (it builds, it runs no
jobs), the stand-in. A program on PATH proves nothing: each is taken only when it has really built an image and run it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO

from embedded_aws.containers import daemon, packages, trial

STAND_IN = "stand-in"
_PATIENCE = 10
"""Seconds that an engine has to say which version it is."""


@dataclass(frozen=True)
class Engine:
    """The engine of every build and every job of this process."""

    name: str
    """What a report says: `docker 20.10`, `podman 4.3`, `buildah 1.28`, `stand-in`."""
    client: tuple[str, ...] = ()
    """How a command for the engine begins; empty for the stand-in."""
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What its client needs in its environment, beside what is there."""
    runs_jobs: bool = False
    """Whether it runs containers with limits and network namespaces, as a job needs them."""

    @property
    def plain_http(self) -> tuple[str, ...]:
        """What `pull` and `push` need for a registry on 127.0.0.1 without TLS; Docker trusts it as it is."""
        return () if self.name.startswith("docker") else ("--tls-verify=false",)

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment of a command of the client's.

        Args:
            inherited: a process's variables; `DOCKER_HOST` is left out, the server points it away from any engine.
        """
        return {name: value for name, value in inherited.items() if name != "DOCKER_HOST"} | dict(self.variables)


_found: list[tuple[Engine, IO[str] | None]] = []
"""The engine of this process, and what keeps the private daemon running."""
_finding = threading.Lock()


def engine() -> Engine:
    """The engine of this process, found or started on first use and kept until the process ends."""
    with _finding:
        if not _found:
            _found.append(find(dict(os.environ)))
        return _found[0][0]


def find(environment: Mapping[str, str]) -> tuple[Engine, IO[str] | None]:
    """Try the engines in order.

    Args:
        environment: a process's variables. `SHOAL_ENGINE=stand-in` tries none at all.

    Returns:
        The first engine that builds, and the hold on the private daemon if it is that one.
    """
    if environment.get("SHOAL_ENGINE") == STAND_IN:
        return Engine(STAND_IN), None
    if docker := _installed_docker(environment):
        return docker, None
    hold = _hold(environment)
    if hold is not None:
        if docker := _private_docker(environment):
            return docker, hold
        hold.close()
    return Engine(STAND_IN), None


def _installed_docker(environment: Mapping[str, str]) -> Engine | None:
    program = shutil.which("docker", path=environment.get("PATH"))
    return _tried("docker", (program,), {}, environment) if program else None


def _hold(environment: Mapping[str, str]) -> IO[str] | None:
    if not daemon.can_run():
        return None
    try:
        return daemon.hold()
    except daemon.DaemonError as error:
        sys.stderr.write(f"embedded_aws: {error}\n")
        return None


def _private_docker(environment: Mapping[str, str]) -> Engine | None:
    client = str(packages.UNPACKED / "usr" / "bin" / "docker")
    variables = {"DOCKER_HOST": daemon.ADDRESS, "DOCKER_CONFIG": str(daemon.RUN / "client")}
    return _tried("docker", (client,), variables, environment)


def _tried(
    kind: str, client: tuple[str, ...], variables: dict[str, str], environment: Mapping[str, str]
) -> Engine | None:
    candidate = Engine(kind, client, variables, runs_jobs=True)
    version = _answer([*client, "info", "--format", "{{.ServerVersion}}"], candidate.environment(environment))
    if not version or not trial.passes(client, candidate.environment(environment)):
        return None
    return Engine(f"{kind} {'.'.join(version.split('.')[:2])}", client, MappingProxyType(variables), runs_jobs=True)


def _answer(command: list[str], variables: Mapping[str, str]) -> str | None:
    try:
        answer = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
