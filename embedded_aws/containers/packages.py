"""A container engine from Debian's packages, unpacked and not installed: nothing of the system changes.

Set-up runs `python -m embedded_aws.containers.packages`. Where it cannot be done (no apt, no network) it says so in one
line and goes on: another engine is used then, or the stand-in.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from embedded_aws.process import ROOT

FOLDER = ROOT / ".tools" / "engine"
UNPACKED = FOLDER / "root"
"""What the packages contain."""
LIST = ROOT / "tools" / "requirements" / "engine.txt"
"""The names of the packages."""


class PackagesError(Exception):
    """The packages cannot be had; the message says why, in one line."""


def names(listed: Path) -> list[str]:
    """The packages of a list."""
    lines = (line.partition("#")[0].strip() for line in listed.read_text().splitlines())
    return [line for line in lines if line]


def unpack(target: Path, listed: Path) -> bool:
    """Download the packages of a list and unpack them, unless the same ones are there; whether anything was done.

    Raises:
        PackagesError: there is no apt, or it does not find or reach the packages.
    """
    stamp, identity = target / "shoal-stamp", _identity(listed)
    if stamp.exists() and stamp.read_text() == identity:
        return False
    missing = [program for program in ("apt-get", "dpkg-deb") if not shutil.which(program)]
    if missing:
        raise PackagesError(f"{' and '.join(missing)} missing on this machine")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        _download(Path(scratch), names(listed))
        unpacked = Path(scratch) / "root"
        for package in sorted(Path(scratch).glob("*.deb")):
            run(["dpkg-deb", "--extract", str(package), str(unpacked)], unpacked.parent)
        (unpacked / stamp.name).write_text(identity)
        shutil.rmtree(target, ignore_errors=True)
        unpacked.rename(target)
    return True


def _download(folder: Path, wanted: list[str]) -> None:
    folder.chmod(0o755)  # apt downloads as a user of its own
    download = ["apt-get", "-qq", "download", *wanted]
    try:
        run(download, folder)
    except PackagesError:
        run(["apt-get", "-qq", "update"], folder)  # no list of packages yet, or an old one
        run(download, folder)


def run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a program of the package system.

    Raises:
        PackagesError: it failed; the message is its last error.
    """
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        told = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()
        raise PackagesError(f"{' '.join(command[:3])}: {told[-1] if told else 'no message'}")


def _identity(listed: Path) -> str:
    release = Path("/etc/os-release")
    parts = [platform.machine(), listed.read_text(), release.read_text() if release.exists() else ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def main() -> int:
    """Unpack, or say in one line what is done without; never an error."""
    try:
        if unpack(UNPACKED, LIST):
            sys.stdout.write("a container engine of Debian's packages is in .tools/engine; nothing was installed\n")
    except PackagesError as error:
        sys.stdout.write(f"no container engine of Debian's packages: {error}; an installed one is used, or none\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
