"""EBS volumes as loop devices over sparse files, plugged into the instances that they are attached to.

A device is let go by the kernel with the last descriptor of it: nothing is left of a server that is killed. A container
has no udev: device and link of an NVMe volume (https://docs.aws.amazon.com/ebs/latest/userguide/nvme-ebs-volumes.html)
are made by hand.
"""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

from embedded_aws.instances import inside

_LINK = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_"
_GIBIBYTE = 1 << 30


class Volumes:
    """The devices of all volumes that an instance has used."""

    def __init__(self, folder: Path) -> None:
        """Make no device yet.

        Args:
            folder: of the volumes' files.
        """
        self._folder = folder
        self._devices: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()

    def plug(self, leader: int, volume_id: str, gibibytes: int) -> None:
        """Let a running instance see a volume.

        Args:
            leader: the instance's service manager.
            volume_id: the volume.
            gibibytes: its size.

        Raises:
            CalledProcessError: there is no free loop device.
        """
        device = self._device(volume_id, gibibytes)
        number = Path(device).stat().st_rdev
        link = _LINK + volume_id.replace("-", "")
        made = f"[ -b {device} ] || mknod {device} b {os.major(number)} {os.minor(number)}"
        inside.run(leader, f"{made}; mkdir -p {Path(link).parent}; ln -sfn {device} {link}")

    def unplug(self, leader: int, volume_id: str) -> None:
        """Take a volume away from a running instance."""
        inside.run(leader, f"rm -f {_LINK}{volume_id.replace('-', '')}")

    def close(self) -> None:
        """Let all devices go."""
        with self._lock:
            for _, descriptor in self._devices.values():
                os.close(descriptor)
            self._devices.clear()

    def _device(self, volume_id: str, gibibytes: int) -> str:
        with self._lock:
            if volume_id not in self._devices:
                self._devices[volume_id] = self._attached(volume_id)
            device, _ = self._devices[volume_id]
            file = self._folder / volume_id
            if file.stat().st_size != gibibytes * _GIBIBYTE:
                os.truncate(file, gibibytes * _GIBIBYTE)
                subprocess.run(["losetup", "--set-capacity", device], check=True)
            return device

    def _attached(self, volume_id: str) -> tuple[str, int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / volume_id
        if not file.exists():
            file.touch()
        attach = ["losetup", "--find", "--show", str(file)]
        device = subprocess.run(attach, check=True, capture_output=True, text=True).stdout.strip()
        descriptor = os.open(device, os.O_RDWR)
        subprocess.run(["losetup", "--detach", device], check=True)  # it goes with the last descriptor
        return device, descriptor
