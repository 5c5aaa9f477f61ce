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
_LIST = ROOT / "tools" / "requirements" / "engine.txt"


class PackagesError(Exception):
    """The packages cannot be had; the message says why, in one line."""


def names() -> list[str]:
    """The packages of the list."""
    lines = (line.partition("#")[0].strip() for line in _LIST.read_text().splitlines())
    return [line for line in lines if line]


def unpack() -> bool:
    """Download the packages and unpack them, unless the same ones are there; whether anything was done.

    Raises:
        PackagesError: there is no apt, or it does not find or reach the packages.
    """
    stamp, identity = UNPACKED / "shoal-stamp", _identity()
    if stamp.exists() and stamp.read_text() == identity:
        return False
    missing = [program for program in ("apt-get", "dpkg-deb") if not shutil.which(program)]
    if missing:
        raise PackagesError(f"{' and '.join(missing)} missing on this machine")
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=UNPACKED.parent) as scratch:
        _download(Path(scratch))
        unpacked = Path(scratch) / "root"
        for package in sorted(Path(scratch).glob("*.deb")):
            run(["dpkg-deb", "--extract", str(package), str(unpacked)], unpacked.parent)
        (unpacked / stamp.name).write_text(identity)
        shutil.rmtree(UNPACKED, ignore_errors=True)
        unpacked.rename(UNPACKED)
    return True


def _download(folder: Path) -> None:
    folder.chmod(0o755)  # apt downloads as a user of its own
    download = ["apt-get", "-qq", "download", *names()]
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


def _identity() -> str:
    release = Path("/etc/os-release")
    parts = [platform.machine(), _LIST.read_text(), release.read_text() if release.exists() else ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def main() -> int:
    """Unpack, or say in one line what is done without; never an error."""
    try:
        if unpack():
            sys.stdout.write("a container engine of Debian's packages is in .tools/engine; nothing was installed\n")
    except PackagesError as error:
        sys.stdout.write(f"no container engine of Debian's packages: {error}; an installed one is used, or none\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
