"""A machine: namespaces of its own with an address, a name and a disk, and programs that can be killed one by one.

Its `/etc`, `/opt`, `/run`, `/tmp` and `/var` are this machine's with a layer of their own above; the test's folder is
everybody's, as a shared home would be, and `/opt/shoal` the head node's, everywhere.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL, Popen

from tests.slurm.network import Network
from tests.support.polling import until

SETUP = """
hostname "$1"
mount -t tmpfs -o mode=755 disk /mnt
mkdir /mnt/home
mount --bind "$2" /mnt/home
for part in etc opt run tmp var; do
  mkdir -p "/mnt/$part/new" "/mnt/$part/work"
  chmod --reference="/$part" "/mnt/$part/new"
  mount -t overlay overlay -o "lowerdir=/$part,upperdir=/mnt/$part/new,workdir=/mnt/$part/work" "/$part"
done
mount --bind /mnt/home "$2"
mkdir -p /etc/shoal /etc/slurm /opt/shoal /run/munge
rm -f /etc/slurm/slurm.conf /etc/slurm/cgroup.conf
chown munge: /run/munge
mount --bind "$2/shared" /opt/shoal
echo ready
exec sleep infinity
"""
TRIAL = """
mount -t tmpfs disk /mnt
mkdir /mnt/new /mnt/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/new,workdir=/mnt/work /etc
"""
UNSHARED = ["unshare", "--uts", "--mount"]


def refused() -> str | None:
    """Why this machine makes no machines, if it does not."""
    command = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "sh", "-euc", TRIAL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"this machine makes no namespaces: {done.stderr.strip()}"


def children(program: Popen[bytes]) -> list[int]:
    """The processes that a program has started itself, if it still runs."""
    try:
        return [int(child) for child in Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


class Computer:
    """One machine, from its power-on."""

    def __init__(self, network: Network, folder: Path, address: str, host: str, environment: Mapping[str, str]) -> None:
        self.address = address
        self.host = host
        self._network = network
        self._folder = folder
        self._environment = dict(environment)
        self._programs: list[Popen[bytes]] = []
        namespace = network.add(address)
        command = ["nsenter", f"--net=/run/netns/{namespace}", *UNSHARED, "sh", "-euc", SETUP, "sh", host]
        self._log = folder / "logs" / f"{host}.log"
        with self._log.open("wb") as log:
            self._kernel = Popen([*command, str(folder)], stdin=DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        until(self._is_up, 30, f"{host}: {self._log.read_text()}")

    def _is_up(self) -> bool:
        return "ready" in self._log.read_text()

    def path(self, name: str) -> Path:
        """A file of the machine, as others see it."""
        return Path(f"/proc/{self._kernel.pid}/root{name}")

    def start(self, name: str, *command: str, own_processes: bool = False) -> Popen[bytes]:
        """Start a program; `own_processes`: all that it starts ends with it."""
        isolated = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] if own_processes else []
        with (self._folder / "logs" / f"{name}.log").open("ab") as log:
            process = Popen(
                [*self._entered, *isolated, *command], stdin=DEVNULL, stdout=log, stderr=log, env=self._environment
            )
        self._programs.append(process)
        return process

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program and wait for it."""
        return subprocess.run(
            [*self._entered, *command], capture_output=True, text=True, env=self._environment, check=False
        )

    def start_munge(self, key: bytes) -> Popen[bytes]:
        """Start munged with the cluster's key."""
        path = self.path("/etc/munge/munge.key")
        path.unlink(missing_ok=True)
        path.write_bytes(key)
        path.chmod(0o400)
        shutil.chown(path, "munge", "munge")
        command = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground", "--force"]
        munged = self.start(f"munged-{self.host}", *command)
        until(self.path("/run/munge/munge.socket.2").exists, 30, f"munged of {self.host}")
        return munged

    def crash(self) -> None:
        """All its programs end at once; its disk stays."""
        while self._programs:
            program = self._programs.pop()
            for child in children(program):  # a program that gives up its rights no longer ends with its parent
                os.kill(child, signal.SIGKILL)
            program.kill()
            program.wait()

    def off(self) -> None:
        """The machine is gone, with its disk."""
        self.crash()
        self._kernel.kill()
        self._kernel.wait()
        self._network.remove(self.address)

    @property
    def _entered(self) -> list[str]:
        pid = self._kernel.pid
        return ["nsenter", f"--net=/proc/{pid}/ns/net", f"--uts=/proc/{pid}/ns/uts", f"--mount=/proc/{pid}/ns/mnt"]
