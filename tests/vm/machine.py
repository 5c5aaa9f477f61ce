"""The emulated machine: its disks, and booting it until it switches itself off."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from embedded_aws.process import ROOT
from tests.vm import image
from tests.vm.guest.layout import GROWN, KEPT, MEBIBYTE, OLD, SIZES, STORE_SIZE, STORES, serial

QEMU = "qemu-system-x86_64"
SECONDS = 1500
"""Until a machine that does not end counts as stuck; alone on two cores it takes about a minute."""
_BROUGHT = ("tests/__init__.py", "tests/nodes/metadata.py", "tests/vm/__init__.py", "tests/vm/guest")
_OLD, _FOREIGN, _DATA = 2, 7, 1


def refused() -> str | None:
    """Why no machine can be emulated here, if it cannot."""
    if not shutil.which(QEMU):
        return f"{QEMU} is missing: `python3 tools/set_up.py vm` installs it on Debian, as root"
    if not image.DISK.exists():
        return "the disk of the emulated machine is missing: `python3 tools/set_up.py vm` makes it on Debian, as root"
    return None


class Machine:
    """A machine whose disks are files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        subprocess.run(["cp", "--sparse=always", str(image.DISK), str(folder / "root.img")], check=True)
        for number, size in SIZES.items():
            self._disk(serial(number), size)
        for number in range(STORES):
            self._disk(f"AWS{number}", STORE_SIZE)
        self._make_old_volume()
        with self._path(serial(_FOREIGN)).open("r+b") as disk:
            disk.write(b"a database's own format, for example")

    def boot(self) -> dict[str, Any]:
        """Switch on, wait until it has switched itself off, and read what it found.

        Raises:
            AssertionError: it found nothing; the end of its console says why.
        """
        self._bring()
        self._disk("results", MEBIBYTE)
        with (self._folder / "console.log").open("wb") as console:
            command = self._command()
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, timeout=SECONDS, check=False
            )
        told = self._path("results").read_bytes().partition(b"\0")[0]
        assert told, "\n".join(self.console().splitlines()[-40:])
        return dict(json.loads(told))

    def console(self) -> str:
        """What the machine wrote since it was switched on."""
        return (self._folder / "console.log").read_text(errors="replace")

    def grow_data(self) -> None:
        """Enlarge the volume `data`, as an update does."""
        with self._path(serial(_DATA)).open("r+b") as disk:
            disk.truncate(GROWN)

    def remove(self) -> None:
        """Free what its disks take."""
        for disk in self._folder.glob("*.img"):
            disk.unlink()

    def _make_old_volume(self) -> None:
        """A volume from a snapshot: with a file system and a file."""
        content = self._folder / "old"
        content.mkdir()
        (content / KEPT).write_text(f"written before {OLD.name} was attached")
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", content, self._path(serial(_OLD))], check=True)

    def _bring(self) -> None:
        """The disk with the program that runs: a tar archive."""
        with tarfile.open(self._path("story"), "w") as archive:
            for name in _BROUGHT:
                archive.add(ROOT / name, name, filter=_without_caches)
            archive.add(ROOT / "layers/shoal/shoal_node", "shoal_node", filter=_without_caches)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.img"

    def _disk(self, name: str, size: int) -> None:
        with self._path(name).open("wb") as disk:
            disk.truncate(size)

    def _command(self) -> list[str]:
        command = [QEMU, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536"]
        command += ["-nographic", "-no-reboot", "-nic", "none", "-kernel", str(image.KERNEL)]
        command += ["-initrd", str(image.INITRD), "-append", "root=/dev/vda rw console=ttyS0 panic=1 quiet"]
        for number, name in enumerate(("root", "story", "results")):
            command += ["-drive", f"if=none,id=v{number},format=raw,file={self._path(name)}"]
            command += ["-device", f"virtio-blk-pci,drive=v{number},serial={name}"]
        for number, name in enumerate([*map(serial, SIZES), *(f"AWS{number}" for number in range(STORES))]):
            command += ["-drive", f"if=none,id=n{number},format=raw,file={self._path(name)}"]
            command += ["-device", f"nvme,drive=n{number},serial={name}"]
        return command


def _without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
