"""What builds images and runs jobs: a container engine of this machine, or the stand-in that only checks and records.

In this order: a Docker that answers, the private Docker of Debian's packages, Podman, Buildah (it builds, it runs no
jobs), the stand-in. A program on PATH proves nothing: each is taken only when it has really built an image and run it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import IO

from embedded_aws.containers import daemon, packages, podman, trial

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
    def description(self) -> str:
        """The name, and where the engine comes from."""
        if not self.client:
            return f"{self.name}; no container engine is used, nothing is run"
        private = self.variables.get("DOCKER_HOST") == daemon.PRIVATE.address
        return f"{self.name} {'of Debian packages in .tools/engine' if private else 'of this machine'}"

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


@dataclass(frozen=True)
class _Kind:
    """A kind of engine."""

    name: str
    """Of its program too."""
    version: tuple[str, ...]
    """What makes the program tell the version, of the daemon where there is one."""
    variables: Callable[[], Mapping[str, str]]
    """What the program needs in its environment."""
    runs_jobs: bool = True


_KINDS = (
    # BuildKit is what CodeBuild's Docker builds with; a client that lacks it is no engine for us.
    _Kind("docker", ("info", "--format", "{{.ServerVersion}}"), lambda: {"DOCKER_BUILDKIT": "1"}),
    _Kind("podman", ("info", "--format", "{{.Version.Version}}"), podman.variables),
    _Kind("buildah", ("--version",), podman.variables, runs_jobs=False),
)
_VERSION = re.compile(r"\d+\.\d+")

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
        environment: a process's variables. `SHOAL_ENGINE` names the only kind to try: `docker`, `podman`, `buildah`;
            `stand-in` tries none.

    Returns:
        The first engine that passes, and the hold on the private daemon if it is that one.
    """
    wanted = environment.get("SHOAL_ENGINE", "")
    for kind in _KINDS:
        if wanted in ("", kind.name):
            program = shutil.which(kind.name, path=environment.get("PATH"))
            if program and (found := _tried(kind, program, environment)):
                return found, None
            if kind.name == "docker" and (private := _private_docker(kind, environment)):
                return private
    return Engine(STAND_IN), None


def _private_docker(kind: _Kind, environment: Mapping[str, str]) -> tuple[Engine, IO[str]] | None:
    if not daemon.PRIVATE.can_run():
        return None
    try:
        hold = daemon.PRIVATE.hold()
    except daemon.DaemonError as error:
        sys.stderr.write(f"embedded_aws: {error}\n")
        return None
    variables = {"DOCKER_HOST": daemon.PRIVATE.address, "DOCKER_CONFIG": str(daemon.PRIVATE.run / "client")}
    found = _tried(kind, str(packages.UNPACKED / "usr" / "bin" / "docker"), environment, variables)
    if found is None:
        sys.stderr.write(f"embedded_aws: the private Docker does not build or run; {daemon.PRIVATE.log} may say why\n")
        hold.close()
        return None
    return found, hold


def _tried(
    kind: _Kind, program: str, environment: Mapping[str, str], more_variables: Mapping[str, str] = MappingProxyType({})
) -> Engine | None:
    """The engine with its version in its name, if it passes."""
    variables = MappingProxyType({**kind.variables(), **more_variables})
    candidate = Engine(kind.name, (program,), variables, runs_jobs=kind.runs_jobs)
    with_variables = candidate.environment(environment)
    version = _VERSION.search(_answer([program, *kind.version], with_variables))
    if version is None or not trial.passes(candidate.client, with_variables, run=kind.runs_jobs):
        return None
    return replace(candidate, name=f"{kind.name} {version[0]}")


def _answer(command: list[str], variables: Mapping[str, str]) -> str:
    """What a command says, nothing when it fails."""
    try:
        answer = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout if answer.returncode == 0 else ""
