"""A machine to set up: namespaces of its own over the real system, with loop devices for its volumes.

Everything it writes, `/etc`, `/home` and `/dev` included, lands in memory and is gone with it. Programs are the
system's own, but for those that need a kernel or a service that is not there: `STAND_INS`, which write down how they
were called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("unshare", "nsenter", "losetup", "mkfs.ext4", "blkid", "exportfs")
CALLS = "/var/log/stand-ins"
NVME = "nvme-Amazon_Elastic_Block_Store_"

MDADM = f"""#!/bin/sh
echo "$@" >> {CALLS}/mdadm
case $1 in
  --create) mkdir -p /dev/md; for last; do :; done; ln -s "$last" "$2" ;;
  --assemble) ln -s "$3" "$2" ;;
  --detail) echo "ARRAY $3 metadata=1.2 UUID=0:0:0:0" ;;
esac
"""
"""Stands for mdadm where the kernel has no arrays: the last disk is the array."""
LVM = f"""#!/bin/sh
echo "$@" >> {CALLS}/$(basename "$0")
case $(basename "$0") in
  vgcreate) echo "$2" > /run/first-disk ;;
  lvcreate) mkdir -p /dev/shoal-scratch; ln -s "$(cat /run/first-disk)" /dev/shoal-scratch/scratch ;;
esac
"""
"""Stands for LVM where the kernel has no device mapper: the first disk is the volume."""
RECORD = f"""#!/bin/sh
echo "$@" >> {CALLS}/$(basename "$0")
"""
"""Writes down how it was called, and does nothing else."""
_MOUNT = f"""{RECORD}
folder=/srv/remote/$(echo "$1" | tr '/' '_')
mkdir -p "$folder"
exec mount --bind "$folder" "$2"
"""
STAND_INS: Mapping[str, str] = MappingProxyType(
    {
        "/usr/local/bin/systemctl": RECORD,
        "/usr/local/bin/shutdown": RECORD,
        "/usr/local/bin/amazon-ssm-agent": RECORD,
        "/usr/sbin/lvcreate": RECORD,
        "/usr/sbin/mount.nfs4": _MOUNT,
        "/usr/sbin/mount.efs": _MOUNT,
        "/usr/local/bin/python3": f'#!/bin/sh\nexec {sys.executable} "$@"\n',
    }
)
"""No service manager runs in the namespaces, this kernel may lack NFS, and EFS is far away."""

_SET_UP = """
base=$1; shift
mount -t tmpfs tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
cd "$base/root"
mount --rbind /proc proc
mount --rbind /sys sys
rm -rf home/*
for folder in run dev; do mount -t tmpfs "$folder" "$folder"; done
mkdir -p dev/disk/by-id home/admin etc/exports.d
mknod dev/null c 1 3; mknod dev/zero c 1 5; mknod dev/urandom c 1 9; chmod 666 dev/null dev/zero dev/urandom
touch dev/console
echo 'ssh-ed25519 AAAA' > home/admin/authorized_keys
: > etc/fstab
echo 'root:x:0:0::/root:/bin/sh
admin:x:1000:1000::/home/admin:/bin/sh' > etc/passwd
for folder; do mkdir -p ".$folder"; mount --rbind "$folder" ".$folder"; done
echo ready
exec chroot . cat
"""


class Machine:
    """One machine; used in a `with` block, it ends with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loops: list[str] = []

    def __enter__(self) -> Machine:
        if os.geteuid() != 0:
            pytest.fail("the tests of nodes need root: run them as root, or with sudo", pytrace=False)
        if missing := [program for program in NEEDED if not shutil.which(program)]:
            pytest.fail(f"not installed: {', '.join(missing)}; see tools/requirements/debian.txt", pytrace=False)
        base = self._folder / "machine"
        base.mkdir()
        visible = [str(ROOT), sys.base_prefix]
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--uts", "--ipc", "--propagation", "private", "sh", "-euc", _SET_UP, "sh",
             str(base), *visible],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "the namespaces could not be set up"
        self.run(f"mkdir -p {CALLS}")
        for path, text in STAND_INS.items():
            self.write(path, text, mode="755")
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()
        for loop in self._loops:
            subprocess.run(["losetup", "--detach", loop], check=True)

    def script(self, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script as cloud-init runs user data: from a file, as root, with a plain PATH."""
        self.write("/run/user-data", text, mode="700")
        return self._enter(["/run/user-data"], environment)

    def run(self, command: str) -> str:
        """Run a shell command that must succeed; what it wrote."""
        done = self._enter(["sh", "-euc", command])
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def read(self, path: str) -> str:
        """A file's text."""
        return self.run(f"cat '{path}'")

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file."""
        command = f"mkdir -p \"$(dirname '{path}')\" && cat > '{path}' && chmod {mode} '{path}'"
        self._enter(["sh", "-euc", command], check=True, stdin=text)

    def calls(self, program: str) -> list[str]:
        """How a stand-in was called."""
        return self.run(f"cat {CALLS}/{program} 2>/dev/null || true").splitlines()

    def volume(self, volume_id: str, mebibytes: int = 64) -> str:
        """Attach an empty EBS volume; its device."""
        return self.disk(NVME + volume_id.replace("-", ""), mebibytes)

    def disk(self, name: str, mebibytes: int = 64) -> str:
        """Plug an empty disk in, that udev knows by this name; its device."""
        image = self._folder / name
        image.touch()
        os.truncate(image, mebibytes * 1024 * 1024)
        loop = subprocess.run(
            ["losetup", "--find", "--show", str(image)], check=True, capture_output=True, text=True
        ).stdout.strip()
        self._loops.append(loop)
        device = Path(loop).stat().st_rdev
        numbers = f"{os.major(device)} {os.minor(device)}"
        self.run(f"mknod {loop} b {numbers} && ln -s {loop} /dev/disk/by-id/{name}")
        return loop

    def _enter(
        self, command: list[str], environment: Mapping[str, str] | None = None, *, check: bool = False,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            ["nsenter", "--target", str(self._process.pid), "--mount", "--uts", "--ipc", "--root", "--wd", *command],
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            env={"PATH": path, **(environment or {})},
            check=check,
            timeout=300,
        )
