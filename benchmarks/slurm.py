"""A real slurmctld and as many real slurmds as wanted, each in a network namespace, started in either of two ways."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from shoal_node.fleet import ComputeResource, Fleet, Partition
from shoal_node.slurm import nodes
from shoal_node.slurm.configuration import Place, beside_partitions, cgroup_conf, node_conf, slurm_conf
from shoal_node.slurm.placeholders import keep_placeholders
from tests.slurm.network import Network, inside

HEAD = "10.9.0.10"
CPUS, MEMORY = 2, 1000
SPARE = 16
"""Nodes more than there are, for those that join and leave."""
SECONDS = 300


class Slurm:
    """One cluster; its nodes are numbered."""

    def __init__(self, folder: Path, network: Network, most: int) -> None:
        self._folder, self._network = folder, network
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.resource = ComputeResource("main", "small", "small", CPUS, MEMORY, most + SPARE)
        self.configuration = folder / "slurm.conf"
        plugin = "autodetect" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "cgroup/v1"
        place = Place(
            "head",
            HEAD,
            "root",
            f"{folder}/state",
            f"{folder}/spool",
            str(folder),
            f"{folder}/munge/socket",
            False,
            plugin,
        )
        queues = (Partition("main", is_default=True),)
        self._fleet = Fleet("bench", "local", "", "", (self.resource,), queues=queues)
        self.text = slurm_conf(self._fleet, place)
        (folder / "cgroup.conf").write_text(cgroup_conf(place))

    def __enter__(self) -> Slurm:
        for name in ("state", "spool"):
            (self._folder / name).mkdir()
        self._start_munge()
        self._namespace = self._network.add(HEAD)
        self.prepare()
        self.start_controller()
        self.settle()
        return self

    def __exit__(self, *error: object) -> None:
        for number in list(self._running):
            self.stop_node(number)
        self.stop_controller()
        self._network.remove(HEAD)
        self._munged.terminate()
        self._munged.wait()

    def prepare(self) -> None:
        """Write what slurmctld reads."""
        self.configuration.write_text(self.text)

    def settle(self) -> None:
        """Do what is done once slurmctld answers for the first time."""
        self.on_head(lambda: keep_placeholders(self._fleet))

    def name(self, number: int) -> str:
        """The name of a node."""
        return self.resource.node_name(self.address(number))

    def address(self, number: int) -> str:
        """The address of a node."""
        return f"10.9.{100 + number // 200}.{1 + number % 200}"

    def start_node(self, number: int) -> None:
        """Start a slurmd, as an instance does at the end of its start."""
        conf = node_conf(self.resource, 0, MEMORY)
        self.launch(number, "-Z", "-N", self.name(number), "--conf", f"CPUs={CPUS} {conf}")

    def launch(self, number: int, *options: str) -> None:
        """Start a slurmd in its namespace."""
        command = ["slurmd", "-D", "-f", str(self.configuration), *options]
        entered = ["nsenter", f"--net=/run/netns/{self._spaces[number]}", *command]
        self._running[number] = subprocess.Popen(
            entered, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def connect(self, numbers: range) -> None:
        """Make the namespaces of nodes that will start: on AWS that is the instance itself."""
        self._spaces = {
            **getattr(self, "_spaces", {}),
            **{one: self._network.add(self.address(one)) for one in numbers},
        }

    def stop_node(self, number: int) -> None:
        """An instance ends."""
        process = self._running.pop(number)
        process.kill()
        process.wait()
        self._network.remove(self.address(number))

    def join(self, number: int) -> None:
        """Have a node join, until Slurm gives it jobs."""
        self.start_node(number)
        self.until(lambda: self.is_idle(self.name(number)))

    def leave(self, number: int) -> None:
        """Have Slurm forget a node whose instance has ended."""
        self.on_head(lambda: nodes.remove([self.name(number)]))

    def is_idle(self, name: str) -> bool:
        """Whether Slurm gives the node jobs."""
        return self.run("sinfo", "--noheader", f"--nodes={name}", "--format=%t").strip() == "idle"

    def idle(self) -> int:
        """How many nodes Slurm gives jobs."""
        return len(self.run("sinfo", "--noheader", "--Node", "--states=idle", "--responding", "--format=%N").split())

    def run(self, *command: str) -> str:
        """What a program of Slurm writes on the head node, or nothing where slurmctld does not answer."""
        entered = ["nsenter", f"--net=/run/netns/{self._namespace}", *command]
        environment = {**os.environ, "SLURM_CONF": str(self.configuration)}
        return subprocess.run(entered, env=environment, capture_output=True, text=True, check=False).stdout

    def on_head(self, work: Callable[[], object]) -> None:
        """Do something on the head node."""
        with patch.dict(os.environ, {"SLURM_CONF": str(self.configuration)}):
            inside(self._namespace, work)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait, asking as fast as Slurm answers.

        Raises:
            TimeoutError: it never is.
        """
        end = time.monotonic() + SECONDS
        while not is_so():
            if time.monotonic() > end:
                raise TimeoutError(self.run("sinfo"))

    def start_controller(self) -> None:
        """Start slurmctld and wait until it answers."""
        script = 'hostname head; exec slurmctld -D -f "$0"'
        isolated = ["unshare", "--uts", "sh", "-euc", script, str(self.configuration)]
        with (self._folder / "slurmctld.log").open("ab") as log:
            self._controller = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self._namespace}", *isolated],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.until(lambda: "is UP" in self.run("scontrol", "ping"))

    def stop_controller(self) -> None:
        """End slurmctld as its service does."""
        self._controller.terminate()
        self._controller.wait(SECONDS)

    def _start_munge(self) -> None:
        folder = self._folder / "munge"
        folder.mkdir(mode=0o755)
        (folder / "key").write_bytes(secrets.token_bytes(1024))
        (folder / "key").chmod(0o400)
        for path in (folder, folder / "key"):
            shutil.chown(path, "munge", "munge")
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={folder / name}" for option, name in files.items()]
        command = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground", *options]
        self._munged = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.until((folder / "socket").exists)


class Rewritten(Slurm):
    """The same Slurm as ParallelCluster 2 has it: nodes stand in a file, written anew for each that joins or leaves.

    Its `sqswatcher.plugins.slurm.update_cluster`: the file, with placeholders in the state FUTURE; slurmctld restarted;
    slurmd of the new nodes restarted; `scontrol reconfigure`. That goes over ssh there, which is left out here.
    """

    def prepare(self) -> None:
        """Write the configuration, and a file with no nodes."""
        self._known: set[int] = set()
        lines = beside_partitions(self.text)
        lines += [f"include {self._folder}/nodes.conf", "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE"]
        self.configuration.write_text("\n".join(lines) + "\n")
        self._write()

    def settle(self) -> None:
        """Nothing: the placeholders stand in the file."""

    def know(self, numbers: range) -> None:
        """Have these nodes in the configuration."""
        self._known |= set(numbers)
        self._update()

    def start_node(self, number: int) -> None:
        """Start a slurmd that finds itself in the file."""
        self.launch(number, "-N", self.name(number))

    def join(self, number: int) -> None:
        """Have a node join, until Slurm gives it jobs."""
        self._known.add(number)
        self._update(number)
        self.until(lambda: self.is_idle(self.name(number)))

    def leave(self, number: int) -> None:
        """Have Slurm forget a node whose instance has ended."""
        self._known.remove(number)
        self._update()

    def _update(self, *new: int) -> None:
        self._write()
        self.stop_controller()
        self.start_controller()
        for number in new:
            self.start_node(number)
        self.run("scontrol", "reconfigure")

    def _write(self) -> None:
        free = self.resource.max_count - len(self._known)
        lines = [f"NodeName=dummy-compute[1-{free}] CPUs={CPUS} State=FUTURE"]
        lines += [
            f"NodeName={self.name(number)} NodeAddr={self.address(number)} CPUs={CPUS} State=UNKNOWN"
            for number in sorted(self._known)
        ]
        (self._folder / "nodes.conf").write_text("\n".join(lines) + "\n")
