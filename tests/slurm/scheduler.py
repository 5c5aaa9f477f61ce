"""A real slurmctld with a munged of its own, in a namespace; users' commands run there too."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from pathlib import Path

from shoal_node.fleet import Fleet
from shoal_node.slurm.nodes import make_placeholders
from tests.slurm.network import Network, inside, start, thread_inside
from tests.support.polling import until

HEAD = "10.9.0.10"
SLURM_CONF = """\
ClusterName=test
SlurmctldHost=head({head})
SlurmUser=root
AuthInfo=socket={folder}/munge/socket,cred_expire=10
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdSpoolDir={folder}/spool/%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmctldParameters=enable_configless
MaxNodeCount=200
TreeWidth=65533
SlurmdTimeout=30
SchedulerParameters=bf_interval=2
{partitions}
"""
PARTITION = (
    "NodeSet={queue} Feature={queue}\nPartitionName={queue} Nodes={queue} Default={default} MaxTime=INFINITE State=UP"
)


def hardware() -> tuple[int, int]:
    """CPUs and MiB of memory that a slurmd finds on this machine."""
    told = subprocess.run(["slurmd", "-C"], capture_output=True, text=True, check=True).stdout
    found = dict(re.findall(r"(CPUs|RealMemory)=(\d+)", told))
    return int(found["CPUs"]), int(found["RealMemory"])


class Scheduler:
    """The head node's part of Slurm, for the time of a `with` block."""

    def __init__(self, folder: Path, network: Network, fleet: Fleet, environment: dict[str, str]) -> None:
        self.configuration = folder / "slurm.conf"
        self.environment = {**environment, "SLURM_CONF": str(self.configuration)}
        self.folder = folder
        self._network = network
        self._fleet = fleet

    def __enter__(self) -> Scheduler:
        self._write_configuration()
        self._start_munge()
        self.namespace = self._network.add(HEAD)
        self.start()
        thread_inside(self.namespace, self._make_placeholders).join()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._munged.terminate()
        self._munged.wait()

    def start(self) -> None:
        """Start slurmctld and wait until it answers."""
        command = ["slurmctld", "-D", "-f", str(self.configuration)]
        self._process = start(self.namespace, "head", command, self.folder / "slurmctld.out")
        until(lambda: "is UP" in self.run("scontrol", "ping"), 60, "slurmctld")

    def stop(self) -> None:
        """End slurmctld as its service does: killed, it would lose what it has not yet saved."""
        self.run("scontrol", "shutdown", "slurmctld")
        self._process.wait(60)

    def run(self, *command: str) -> str:
        """What a command writes on the head node."""
        return inside(self.namespace, list(command), self.environment).stdout

    def submit(self, *options: str, script: str = "srun hostname") -> str:
        """Submit a job that writes into the folder; its id."""
        path = self.folder / "job.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        output = f"--output={self.folder}/job-%j.out"
        told = inside(
            self.namespace,
            ["sbatch", "--parsable", f"--chdir={self.folder}", output, *options, str(path)],
            self.environment,
        )
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    def state(self, job: str) -> str:
        """The state of a job, or of an array's first task."""
        found = re.search(r"JobState=(\S+)", self.run("scontrol", "--oneliner", "show", "job", job))
        return found.group(1) if found else ""

    def finished(self, job: str) -> bool:
        """Whether a job, or every task of an array, ended well."""
        told = self.run("scontrol", "--oneliner", "show", "job", job)
        states = re.findall(r"JobState=(\S+)", told)
        return bool(states) and set(states) == {"COMPLETED"}

    def nodes(self) -> list[str]:
        """The names of the nodes that have joined."""
        return sorted(set(self.run("sinfo", "--noheader", "--Node", "--format=%N").split()))

    def _make_placeholders(self) -> None:
        for resource in self._fleet.resources:
            make_placeholders(resource)

    def _write_configuration(self) -> None:
        queues = dict.fromkeys(resource.queue for resource in self._fleet.resources)
        partitions = [
            PARTITION.format(queue=queue, default="YES" if number == 0 else "NO") for number, queue in enumerate(queues)
        ]
        for name in ("spool", "state"):
            (self.folder / name).mkdir()
        text = SLURM_CONF.format(head=HEAD, folder=self.folder, partitions="\n".join(partitions))
        self.configuration.write_text(text)
        plugin = "autodetect" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "cgroup/v1"
        (self.folder / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n")

    def _start_munge(self) -> None:
        folder = self.folder / "munge"
        folder.mkdir(mode=0o755)
        key = folder / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        for path in (folder, key):
            shutil.chown(path, "munge", "munge")
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={folder / name}" for option, name in files.items()]
        command = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "--foreground", *options]
        self._munged = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: (folder / "socket").exists(), 15, "munged")
