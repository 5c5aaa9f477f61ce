"""The base image of builds on this machine, made from Debian's packages: what `debian:12-slim` is on a registry.

Set-up runs `python -m embedded_aws.containers.base_images`. The same packages give the same image, bit for bit; the
apt sources in it are those of this machine, so that what works here works in a container with the host's network.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from embedded_aws.containers import oci_layout, packages
from embedded_aws.process import ROOT

FOLDER = ROOT / ".tools" / "base-images"
"""One OCI image layout per repository, in a folder of the repository's name."""
DEBIAN = "docker/library/debian"
TAG = "12-slim"
_SUITE = "bookworm"
_DEFAULT_SOURCES = (
    f"deb http://deb.debian.org/debian {_SUITE} main",
    f"deb http://deb.debian.org/debian {_SUITE}-updates main",
    f"deb http://deb.debian.org/debian-security {_SUITE}-security main",
)
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")
"""What the slim images have not."""
_OF_THE_IMAGE = (
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    # This machine's name and name servers; an engine mounts its own over them.
    '--customize-hook=rm "$1/etc/hostname" "$1/etc/resolv.conf"',
)


def make() -> bool:
    """Make the image, unless it is there, made in the same way; whether anything was done.

    Raises:
        PackagesError: mmdebstrap is not there, or did not make it.
    """
    layout = FOLDER / DEBIAN
    found = sources()
    modules = [Path(module) for module in (__file__, oci_layout.__file__)]
    stamp, identity = layout / "shoal-stamp", identity_of(modules, found)
    if stamp.exists() and stamp.read_text() == identity:
        return False
    if not (packages.UNPACKED / "usr" / "bin" / "mmdebstrap").exists():
        raise packages.PackagesError("mmdebstrap is missing")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        archive, made = Path(scratch) / "root.tar", Path(scratch) / "layout"
        packages.run(command(archive, found, *_OF_THE_IMAGE), Path(scratch), environment(scratch))
        oci_layout.write(made, archive, TAG)
        (made / stamp.name).write_text(identity)
        shutil.rmtree(layout, ignore_errors=True)
        layout.parent.mkdir(parents=True, exist_ok=True)
        made.rename(layout)
    return True


def sources() -> list[str]:
    """The apt sources of this machine that have the suite, or Debian's own where it is another system."""
    wanted = ["apt-get", "indextargets", "Identifier: Packages", "Origin: Debian"]
    wanted += ["--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"]
    try:
        told = subprocess.run(wanted, capture_output=True, text=True, check=False).stdout.splitlines()
    except OSError:
        told = []
    found = sorted({line for line in told if re.match(rf"deb \S+ {_SUITE}(-\S+)? ", line)})
    return found or list(_DEFAULT_SOURCES)


def command(target: Path, found: list[str], *more: str) -> list[str]:
    """What makes a small Debian 12, without manuals and translations.

    Args:
        target: a folder, or an archive by its name.
        found: the apt sources.
        more: further options of mmdebstrap.
    """
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
    options += [
        '--aptopt=Acquire::Languages "none"',
        "--keyring",
        str(packages.UNPACKED / "usr" / "share" / "keyrings"),
    ]
    return ["mmdebstrap", "--quiet", "--variant=minbase", *options, *more, _SUITE, str(target), *found]


def identity_of(files: Iterable[Path], found: list[str]) -> str:
    """What tells one way of making something from another: the files that say how, and the apt sources."""
    return hashlib.sha256("\0".join([*(path.read_text() for path in files), *found]).encode()).hexdigest()


def environment(scratch: str) -> dict[str, str]:
    """The environment of mmdebstrap, whose temporary files go into a folder."""
    path = os.pathsep.join([str(packages.UNPACKED / "usr" / "bin"), os.environ.get("PATH", os.defpath), "/usr/sbin"])
    return os.environ | {"PATH": path, "TMPDIR": scratch, "SOURCE_DATE_EPOCH": str(oci_layout.EPOCH), "LC_ALL": "C"}


def main() -> int:
    """Make it, or say in one line what is done without; never an error."""
    try:
        if make():
            sys.stdout.write(f"a base image {DEBIAN}:{TAG} was made from Debian's packages, in .tools/base-images\n")
    except packages.PackagesError as error:
        sys.stdout.write(f"no base image of Debian's packages: {error}; builds fetch theirs from its registry\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
