"""The root file systems of instances, made once from Debian's packages: what an AMI of Debian 12 has.

Set-up runs `python -m embedded_aws.instances.root_image`. The packages that a node may install are stored in the image,
with an index, as its only archive: an instance reaches no other, and what it installs is the same every time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from embedded_aws.containers import base_images, packages
from embedded_aws.process import ROOT

FOLDER = ROOT / ".tools" / "instances"
PROGRAMS = FOLDER / "programs"
"""What boots them, unpacked."""
DEBIAN_12 = FOLDER / "debian12"
_PROGRAMS_LIST = ROOT / "tools" / "requirements" / "instances.txt"
_IMAGE_LIST = ROOT / "tools" / "requirements" / "instance-image.txt"
_STORED_LIST = ROOT / "tools" / "requirements" / "instance-packages.txt"
_FILES = Path(__file__).parent / "image"
"""What the image has beside its packages."""
_STORED = "srv/packages"


def make() -> bool:
    """Make programs and image, unless they are there, made in the same way; whether anything was done.

    Raises:
        PackagesError: there is no apt, no mmdebstrap, or no archive of packages.
    """
    new_programs = packages.unpack(PROGRAMS, _PROGRAMS_LIST)
    sources = base_images.sources()
    stamp, identity = FOLDER / "debian12.stamp", _identity(sources)
    if stamp.exists() and stamp.read_text() == identity:
        return new_programs
    if os.geteuid() != 0:
        raise packages.PackagesError("only root can make and boot them")
    stamp.unlink(missing_ok=True)
    shutil.rmtree(DEBIAN_12, ignore_errors=True)
    packages.run(_command(sources), FOLDER, base_images.environment(str(FOLDER)))
    write_index(DEBIAN_12 / _STORED)
    shutil.copytree(_FILES, DEBIAN_12, dirs_exist_ok=True, symlinks=True)
    packages.run(["chroot", str(DEBIAN_12), "sh", "-euc", _FINISH], FOLDER)
    stamp.write_text(identity)
    return True


_FINISH = """
for helper in mount.nfs mount.nfs4; do
  dpkg-divert --quiet --local --rename --add /sbin/$helper
  ln -sf /usr/local/sbin/embedded-aws /usr/sbin/$helper
done
mkdir -p /etc/systemd/system/sysinit.target.wants
ln -sf ../attached-volumes.service /etc/systemd/system/sysinit.target.wants/
rm -f /etc/apt/sources.list.d/* /etc/hostname /etc/resolv.conf /etc/ssh/ssh_host_*
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer systemd-networkd-wait-online.service \\
  systemd-timesyncd.service e2scrub_reap.service proc-fs-nfsd.mount run-rpc_pipefs.mount; do
  ln -sf /dev/null /etc/systemd/system/$unit
done
: > /etc/machine-id
rm -rf /var/lib/apt/lists/*
apt-get -qq update
"""
"""Helpers of mount(8) that a package would overwrite, and what an image must not share with its instances."""


def _command(sources: list[str]) -> list[str]:
    wanted = " ".join(packages.names(_STORED_LIST))
    download = f"-o Dir::Cache::archives=/{_STORED} -y --no-install-recommends --download-only install {wanted}"
    stores = f'--customize-hook=mkdir -p "$1/{_STORED}/partial" && chroot "$1" apt-get -qq {download}'
    return base_images.command(DEBIAN_12, sources, f"--include={','.join(packages.names(_IMAGE_LIST))}", stores)


def write_index(folder: Path) -> None:
    """Write the index of a folder of packages (https://wiki.debian.org/DebianRepository/Format#Flat_Repository_Format).

    Raises:
        CalledProcessError: something in it is no package.
    """
    entries = []
    for package in sorted(folder.glob("*.deb")):
        told = subprocess.run(["dpkg-deb", "--field", str(package)], check=True, capture_output=True, text=True).stdout
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        entries.append(f"{told}Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n")
    (folder / "Packages").write_text("\n".join(entries))
    for folder_of_apt in folder.glob("partial"):
        shutil.rmtree(folder_of_apt)


def _identity(sources: list[str]) -> str:
    files = sorted(path for path in _FILES.rglob("*") if path.is_file())
    return base_images.identity_of((Path(__file__), _IMAGE_LIST, _STORED_LIST, *files), sources)


def main() -> int:
    """Make them, or say in one line what is done without; never an error."""
    try:
        if make():
            sys.stdout.write("what instances boot from was made of Debian's packages, in .tools/instances\n")
    except packages.PackagesError as error:
        sys.stdout.write(f"no instance boots on this machine: {error}; the embedded AWS only keeps records of them\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
