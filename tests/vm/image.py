"""The disk that the emulated machine boots, made once from Debian's packages; what is tested comes on another disk.

Set-up runs `python -m tests.vm.image` for `make test-vm` only.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from embedded_aws.containers import base_images, packages
from embedded_aws.process import ROOT

FOLDER = ROOT / ".tools" / "vm"
DISK = FOLDER / "root.img"
KERNEL = FOLDER / "vmlinuz"
INITRD = FOLDER / "initrd.img"
SIZE = "3G"
_LIST = ROOT / "tools" / "requirements" / "vm-image.txt"
_FILES = Path(__file__).parent / "image"
"""What the disk has beside its packages."""
_FINISH = """
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service systemd-timesyncd.service \\
  nfs-server.service slurmctld.service slurmd.service munge.service getty@tty1.service serial-getty@ttyS0.service; do
  systemctl --quiet disable $unit 2>/dev/null || true
done
ln -sf /dev/null /etc/systemd/system/serial-getty@ttyS0.service
systemctl --quiet enable story.service
echo node > /etc/hostname
"""
"""No service of what is tested runs before the test has it started."""


def make() -> bool:
    """Make the disk, unless it is there, made in the same way; whether anything was done.

    Raises:
        PackagesError: it cannot be made on this machine.
    """
    sources = base_images.sources()
    stamp, identity = FOLDER / "shoal-stamp", _identity(sources)
    if stamp.exists() and stamp.read_text() == identity:
        return False
    if os.geteuid() != 0 or platform.machine() != "x86_64":
        raise packages.PackagesError("only root on x86_64 can make the disk")
    shutil.rmtree(FOLDER, ignore_errors=True)
    root = FOLDER / "root"
    root.mkdir(parents=True)
    command = base_images.command(root, sources, f"--include={','.join(packages.names(_LIST))}")
    packages.run(command, FOLDER, base_images.environment(str(FOLDER)))
    shutil.copytree(_FILES, root, dirs_exist_ok=True)
    packages.run(["chroot", str(root), "sh", "-euc", _FINISH], FOLDER)
    for pattern, target in (("vmlinuz-*", KERNEL), ("initrd.img-*", INITRD)):
        shutil.copy(next((root / "boot").glob(pattern)), target)
    packages.run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(DISK), SIZE], FOLDER)
    shutil.rmtree(root)
    stamp.write_text(identity)
    return True


def _identity(sources: list[str]) -> str:
    files = sorted(path for path in _FILES.rglob("*") if path.is_file())
    return base_images.identity_of((Path(__file__), _LIST, *files), sources)


def main() -> int:
    """Make it, or say in one line why not; then the tests say so too."""
    try:
        if make():
            sys.stdout.write("the disk of an emulated machine was made of Debian's packages, in .tools/vm\n")
    except packages.PackagesError as error:
        sys.stdout.write(f"no emulated machine: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
