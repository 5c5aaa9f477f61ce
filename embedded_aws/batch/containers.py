"""A job's container in the engine: the options it is made with, and its life.

https://docs.aws.amazon.com/batch/latest/APIReference/API_ContainerProperties.html says which Docker option each
property stands for. CPU is a hard limit here; on AWS a container may use what is idle.
"""

from __future__ import annotations

import functools
import math
import os
import posixpath
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from embedded_aws.containers.engine import engine

LABEL = "shoal.embedded-aws"
"""Holds the process id of the server that made a container: what a killed server left can be told and removed."""

_LATE = 1.0
"""Seconds that an engine may take to learn that memory ran out."""

Properties = Mapping[str, Any]


class EngineError(Exception):
    """The engine refused; its last line says why."""


@functools.cache
def _numbered() -> str:
    """A label that says where the process id counts: servers in containers of their own may share an engine."""
    return f"shoal.processes={Path('/proc/self/ns/pid').readlink()}"


def options(container: Properties, variables: Mapping[str, str], network: str, cores: int, disk: PurePath) -> list[str]:
    """Options of `docker create` for a container's properties.

    Args:
        container: the properties, as `properties.merged` makes them.
        variables: the container's whole environment.
        network: `host`, or `container:<id>`.
        cores: what this machine has; a container gets no more.
        disk: folder that stands for the root of the host.
    """
    found = ["--network", network, "--cpus", str(min(container["vcpus"], cores))]
    found += ["--cpu-shares", str(container["vcpus"] * 1024)]
    found += _memory(container)
    for name, value in variables.items():
        found += ["--env", f"{name}={value}"]
    if container.get("user"):
        found += ["--user", container["user"]]
    if container.get("readonlyRootFilesystem"):
        found += ["--read-only"]
    if container.get("privileged"):
        found += ["--privileged"]
    for limit in container["ulimits"]:
        found += ["--ulimit", f"{limit['name']}={limit['softLimit']}:{limit['hardLimit']}"]
    return [*found, *_linux(container.get("linuxParameters") or {}), *_mounts(container, disk)]


def _memory(container: Properties) -> list[str]:
    """A hard limit, and no swap beyond what is asked for: hosts of Batch have none."""
    if not container["memory"]:
        return []
    linux = container.get("linuxParameters") or {}
    swap = container["memory"] + int(linux.get("maxSwap") or 0)
    found = ["--memory", f"{container['memory']}m", "--memory-swap", f"{swap}m"]
    return found + (["--memory-swappiness", str(linux["swappiness"])] if "swappiness" in linux else [])


def _linux(parameters: Properties) -> Iterator[str]:
    if parameters.get("initProcessEnabled"):
        yield "--init"
    if parameters.get("sharedMemorySize"):
        yield from ("--shm-size", f"{parameters['sharedMemorySize']}m")
    for device in parameters.get("devices") or []:
        inside = device.get("containerPath") or device["hostPath"]
        rights = "".join(right[0].lower() for right in device.get("permissions") or ["READ", "WRITE", "MKNOD"])
        yield from ("--device", f"{device['hostPath']}:{inside}:{rights}")
    for mount in parameters.get("tmpfs") or []:
        rights = ",".join([f"size={mount['size']}m", *(mount.get("mountOptions") or [])])
        yield from ("--tmpfs", f"{mount['containerPath']}:{rights}")


def _mounts(container: Properties, disk: PurePath) -> Iterator[str]:
    """Directories of the host; a volume without a path of its own is an anonymous one, removed with the container."""
    paths = host_directories(container, disk)
    for mount in container["mountPoints"]:
        source = paths.get(mount["sourceVolume"])
        rights = ":ro" if mount.get("readOnly") else ""
        yield from ("--volume", f"{source}:{mount['containerPath']}{rights}" if source else mount["containerPath"])


def host_directories[Folder: PurePath](container: Properties, disk: Folder) -> dict[str, Folder]:
    """Where each volume with a path of its own is, by its name; no path leads out of the disk."""
    paths = {volume["name"]: (volume.get("host") or {}).get("sourcePath") for volume in container["volumes"]}
    return {name: disk / posixpath.normpath(f"/{path}").lstrip("/") for name, path in paths.items() if path}


class Container:
    """A container from its creation to its removal."""

    def __init__(self, image: str, command: list[str], *given: str) -> None:
        """Create it.

        Args:
            image: what the engine calls the image, which it has.
            command: arguments; the image's own where there are none.
            given: options of `docker create`.

        Raises:
            EngineError: the engine refused.
        """
        self._created = time.time()
        labels = ["--label", f"{LABEL}={os.getpid()}", "--label", _numbered()]
        self.id = call("create", "--pull", "never", *labels, *given, image, *command).splitlines()[-1]

    def start(self) -> None:
        """Start it.

        Raises:
            EngineError: there is no such program in the image, for example.
        """
        call("start", self.id)

    def follow(self, emit: Callable[[str], None]) -> None:
        """Hand over its output line by line, standard output and standard error as they come, until it ends.

        What is written just before the end may not be followed any more: it is read from what the engine keeps.
        """
        followed = self._read(emit, 0, "--follow")
        self.wait()
        self._read(emit, followed)

    def _read(self, emit: Callable[[str], None], known: int, *given: str) -> int:
        """Hand over the lines after the first `known`; how many there are."""
        count = 0
        with subprocess.Popen(
            [*engine().client, "logs", *given, self.id],
            env=engine().environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as reader:
            for count, line in enumerate(reader.stdout or (), 1):
                if count > known:
                    emit(line.decode(errors="replace").rstrip("\r\n"))
        return count

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        return int(call("wait", self.id).splitlines()[-1])

    def is_out_of_memory(self) -> bool:
        """Whether the kernel killed something in it for want of memory.

        The engine may learn of that after it has recorded the end: then the container's events tell, a little later.
        """
        if call("inspect", "--format", "{{.State.OOMKilled}}", self.id).strip() == "true":
            return True
        until = time.time() + _LATE
        span = ["--since", f"{self._created:.3f}", "--until", f"{until:.3f}"]
        return bool(call("events", *span, "--filter", f"container={self.id}", "--filter", "event=oom", check=False))

    def pid(self) -> int:
        """The id of its first process on this machine."""
        return int(call("inspect", "--format", "{{.State.Pid}}", self.id))

    def stop(self, grace: float) -> None:
        """SIGTERM, and SIGKILL when it has not ended after `grace` seconds; nothing if it has ended."""
        call("stop", "--time", str(math.ceil(grace)), self.id, check=False)

    def remove(self) -> None:
        """Remove it with its anonymous volumes, ended or not."""
        call("rm", "--force", "--volumes", self.id, check=False)


def call(*arguments: str, check: bool = True) -> str:
    """Call the engine's client; what it printed.

    Raises:
        EngineError: it failed, and `check` is true.
    """
    command = [*engine().client, *arguments]
    done = subprocess.run(
        command, env=engine().environment(os.environ), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="replace", check=False,
    )  # fmt: skip
    if check and done.returncode:
        lines = done.stderr.strip().splitlines()
        raise EngineError(next((line for line in lines if "rror" in line), lines[-1] if lines else "no message"))
    return done.stdout


def remove_all(is_left: Callable[[int], bool]) -> None:
    """Remove containers of jobs.

    Args:
        is_left: whether those that the server of a process id made are to go.
    """
    shown = f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}'
    found = call("ps", "--all", "--filter", f"label={_numbered()}", "--format", shown, check=False)
    for line in found.splitlines():
        identifier, _, process = line.partition(" ")
        if is_left(int(process)):
            call("rm", "--force", "--volumes", identifier, check=False)
