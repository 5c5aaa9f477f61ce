"""Whether this machine boots instances: by systemd-nspawn, in namespaces, from the root file systems of set-up."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded_aws.instances import root_image
from embedded_aws.networking.namespaces import Namespace, NetworkError

NONE = "none"
VARIABLE = "SHOAL_INSTANCES"
_NSPAWN = root_image.PROGRAMS / "usr" / "bin" / "systemd-nspawn"
_NEEDED = ("unshare", "setpriv", "nsenter", "losetup", "ip")
_PATIENCE = 20
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Engine:
    """What boots instances, or why nothing does."""

    name: str
    """`nspawn` or `none`."""
    why_none: str = ""
    """What stands in the way."""

    @property
    def boots(self) -> bool:
        """Whether instances boot at all."""
        return self.name != NONE

    def root(self, image_name: str) -> Path | None:
        """The root file system of an image.

        Args:
            image_name: the AMI's name, as its publisher gives it.
        """
        machine = _ARCHITECTURES.get(platform.machine(), "")
        found = {f"debian-12-{machine}-": root_image.DEBIAN_12}
        roots = [root for prefix, root in found.items() if image_name.startswith(prefix)]
        return roots[0] if self.boots and roots else None


def find(environment: Mapping[str, str]) -> Engine:
    """What this machine can do.

    Args:
        environment: a process's variables; `SHOAL_INSTANCES=none` lets no instance boot.
    """
    why_none = _obstacle(environment)
    return Engine(NONE, why_none) if why_none else Engine("nspawn")


def variables() -> dict[str, str]:
    """The environment of systemd-nspawn: its own libraries beside the system's."""
    libraries = sorted({str(library.parent) for library in root_image.PROGRAMS.rglob("*.so*")})
    path = os.pathsep.join([str(_NSPAWN.parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    return {"PATH": path, "LD_LIBRARY_PATH": os.pathsep.join(libraries), "LC_ALL": "C.UTF-8"}


def _obstacle(environment: Mapping[str, str]) -> str:
    """What stands in the way, empty if nothing does."""
    if environment.get(VARIABLE) == NONE:
        return f"{VARIABLE}=none"
    if os.geteuid() != 0:
        return "only root may boot instances"
    if not (_NSPAWN.exists() and (root_image.DEBIAN_12 / "srv/packages/Packages").exists()):
        return "set-up made no root file system for instances"
    if missing := [program for program in _NEEDED if not shutil.which(program, path=variables()["PATH"])]:
        return f"not installed: {', '.join(missing)}"
    return _trial()


def _trial() -> str:
    """Try what is needed of the kernel; what it refuses, empty if nothing."""
    try:
        Namespace().close()
    except NetworkError as error:
        return str(error)
    with tempfile.TemporaryDirectory(prefix="instances-") as folder:
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-euc", _TRIAL]
        command += ["sh", folder, str(root_image.DEBIAN_12)]
        try:
            done = subprocess.run(
                command, env=variables(), capture_output=True, text=True, timeout=_PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["namespaces are refused"])[-1]


_TRIAL = """
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
exec systemd-nspawn --version
"""
