"""Settings under which Podman and Buildah work where they are not set up: as root, in a container, on old cgroups.

runc, since crun refuses hybrid cgroups; limits that the process itself has, since nobody can be given more; the host's
network, since a bridge would add rules to the host's firewall; builds in a chroot, which needs no cgroup at all.
"""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path

from embedded_aws.containers import packages

_ENOUGH = 32768
"""Open files or processes; Buildah's own default for processes, which could not be raised afterwards."""
FOLDER = packages.FOLDER / "podman"
"""Settings and images; those of the user stay as they are."""


def variables() -> dict[str, str]:
    """Write the settings; the variables that name them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings, storage = FOLDER / "containers.conf", FOLDER / "storage.conf"
    settings.write_text(_settings(shutil.which("runc")))
    storage.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = {_quoted(FOLDER / "data")}\nrunroot = {_quoted(FOLDER / "run")}\n'
    )
    return {
        "CONTAINERS_CONF": str(settings),
        "CONTAINERS_STORAGE_CONF": str(storage),
        "BUILDAH_ISOLATION": "chroot",
        "BUILDAH_FORMAT": "docker",
    }


def _settings(runc: str | None) -> str:
    limits = [_limit("nofile", resource.RLIMIT_NOFILE), _limit("nproc", resource.RLIMIT_NPROC)]
    runtime = 'runtime = "runc"\n' if runc else ""
    return (
        f'[containers]\ndefault_ulimits = {json.dumps(limits)}\nnetns = "host"\n\n'
        f'[engine]\n{runtime}cgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    )


def _limit(name: str, kind: int) -> str:
    most = resource.getrlimit(kind)[1]
    value = _ENOUGH if most == resource.RLIM_INFINITY else min(most, _ENOUGH)
    return f"{name}={value}:{value}"


def _quoted(path: Path) -> str:
    return json.dumps(str(path))
