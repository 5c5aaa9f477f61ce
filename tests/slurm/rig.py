"""A whole elastic cluster on one machine: real Slurm, our daemons as processes, and what stands for EC2's instances.

Groups, notices, queue and table are those of the embedded AWS. A thread does what is beside it on AWS: for every
instance that runs it has a computer with munged, slurmd and a nodewatcher, and none for those that have ended; it
carries the messages; and it starts a daemon that has died again, as systemd does.
"""

from __future__ import annotations

import json
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import Popen
from typing import Any

from embedded_aws.process import ROOT, SECRET_ACCESS_KEY, Server
from shoal_node.contract import SETTINGS_FILE
from shoal_node.fleet import FLEET_FILE, ComputeResource, Fleet
from shoal_node.notices import Kind, node_message
from shoal_node.shell import write
from shoal_node.slurm.configuration import node_conf
from tests.slurm.cloud import Cloud, changed, make_cloud
from tests.slurm.computer import Computer
from tests.slurm.metadata import About, Metadata
from tests.slurm.network import Forwarder, Network, Served
from tests.slurm.post import Policy, carry, faithful
from tests.slurm.scheduler import HEAD, QUICK, Scheduler, hardware
from tests.support.embedded import Account
from tests.support.node_settings import COMPUTE
from tests.support.polling import until

AGREE_SECONDS = 60
"""Within so long, and the time that nodes may idle, table, groups and Slurm agree."""
DONE_SECONDS = 240
PAUSE = 0.1
SWEEP = "5"
LOOK = "0.5"
AT_ONCE = 4


class Daemon:
    """One of our daemons on a machine; who has died is started again."""

    def __init__(self, computer: Computer, name: str, seconds: str) -> None:
        self._computer = computer
        self._name = name
        self._seconds = seconds
        self._wanted = False
        self.lives = 0
        self.program: Callable[[int], list[str]] = lambda _: ["shoal_node"]
        """Module and arguments, by the number of the life."""
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, now and again when it has died."""
        self._wanted = True
        self.lives += 1
        command = [sys.executable, "-X", "faulthandler", "-m", *self.program(self.lives), self._name, self._seconds]
        self._process = self._computer.start(f"{self._name}-{self._computer.host}", *command)

    def keep(self) -> None:
        """Start it again if it has died."""
        if self._wanted and self._process and self._process.poll() is not None:
            self.start()

    def kill(self) -> None:
        """Kill it where it stands; it starts again."""
        if self._process:
            self._process.kill()

    def abort(self) -> None:
        """End it for good; it writes into its log where each of its threads stands."""
        self._wanted = False
        if self._process:
            self._process.send_signal(signal.SIGABRT)
            self._process.wait()

    def end(self) -> None:
        """Kill it for good."""
        self._wanted = False
        if self._process:
            self._process.kill()
            self._process.wait()


@dataclass
class Machine:
    """One instance."""

    computer: Computer
    watcher: Daemon
    resource: ComputeResource
    slurmd: Callable[[], Popen[bytes]] | None = None
    """Starts slurmd, of an instance that is to become a node."""
    process: Popen[bytes] | None = None

    def keep_slurmd(self) -> None:
        """Start slurmd, also again when it has ended: as its service does, where slurmctld is too busy to answer it."""
        if self.slurmd and (self.process is None or self.process.poll() is not None):
            self.process = self.slurmd()


@dataclass
class Rig:
    """The cluster, and what a test does to it."""

    cloud: Cloud
    network: Network
    folder: Path
    metadata: Metadata
    environment: dict[str, str]
    key: bytes
    head: Computer
    slurm: Scheduler
    policy: Policy
    look: str
    daemons: dict[str, Daemon] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Compute resources whose instances cannot become nodes."""
    most: int | None = None
    """How many instances there may be; others take their time to start."""
    program: Callable[[int], list[str]] | None = None
    """What a nodewatcher runs, if not the daemon itself."""

    def share(self, **told: Any) -> Fleet:
        """Give the daemons another fleet, as an update does."""
        fleet = changed(self.cloud, **told)
        write(self.head.path(FLEET_FILE), fleet.to_json())
        write(self.folder / "shared" / "fleet.json", fleet.to_json())
        return fleet

    def start_head(self, sweep: str = SWEEP) -> None:
        """Start what runs on the head node."""
        self.head.start_munge(self.key)
        self.slurm.start()
        for name, seconds in (("sqswatcher", sweep), ("jobwatcher", self.look)):
            self.daemons.setdefault(name, Daemon(self.head, name, seconds)).start()

    def reboot_head(self) -> None:
        """The head node loses its power, and comes up again with its disk."""
        for daemon in self.daemons.values():
            daemon.end()
        self.head.crash()
        self.start_head()

    def await_nodes(self) -> None:
        """Wait until the nodes know a slurmctld that was started again, and their programs one another's addresses."""
        until(self._has_nodes, 60, "the nodes to join again")
        until(self._name_nodes, 60, "the nodes to know one another's addresses")

    def _has_nodes(self) -> bool:
        told = self.slurm.run("scontrol", "show", "nodes")
        return "SlurmdStartTime=2" in told and "SlurmdStartTime=None" not in told

    def _name_nodes(self) -> bool:
        read = ("cat", "/run/slurm/conf/slurm.conf")
        return all("NodeName=" in machine.computer.run(*read).stdout for machine in list(self.machines.values()))

    def warn(self, instance_id: str, warning: str = "spot/instance-action") -> None:
        """AWS warns of taking an instance away."""
        self.metadata.instances[self.machines[instance_id].computer.address].warning = warning

    def kill(self, instance_id: str) -> None:
        """An instance dies; its group starts another."""
        machine = self.machines[instance_id]
        machine.slurmd = None
        machine.computer.crash()
        self.cloud.client("ec2").terminate_instances(InstanceIds=[instance_id])

    def agree(self, nodes: int) -> bool:
        """Whether groups, table, Slurm and what is published agree on this number of nodes, all of them ready."""
        groups = {told.name: self.cloud.group(told.name) for told in self.cloud.fleet.resources}
        instances = [one["InstanceId"] for group in groups.values() for one in group["Instances"]]
        states = self.cloud.states()
        names = {self.node_of(name) for name in instances}
        return (
            sum(group["DesiredCapacity"] for group in groups.values()) == nodes == len(instances)
            and states == dict.fromkeys(instances, "READY")
            and set(self.slurm.nodes()) == names
            and {one["name"] for one in (self.cloud.published("nodes") or {"nodes": [{"name": ""}]})["nodes"]} == names
        )

    def node_of(self, instance_id: str) -> str:
        """The name in Slurm of an instance's node."""
        machine = self.machines.get(instance_id)
        return machine.resource.node_name(machine.computer.address) if machine else instance_id

    def finish(self, *jobs: str, nodes: int = 0) -> None:
        """What holds in every scenario: the jobs end well, then nobody idles past its time, and all agree."""
        for job in jobs:
            until(lambda job=job: self.slurm.finished(job), DONE_SECONDS, f"job {job}")  # type: ignore[misc]
        idle = min(self.cloud.fleet.idle_seconds, AGREE_SECONDS)
        until(lambda: self.agree(nodes), idle + AGREE_SECONDS, f"{nodes} nodes in table, groups and Slurm")

    def told(self) -> str:
        """What all that runs says of itself: to be read when a test fails."""
        for daemon in self.daemons.values():
            daemon.abort()
        states = [self.slurm.run(*command) for command in (["squeue"], ["scontrol", "--oneliner", "show", "nodes"])]
        groups = [str(self.cloud.group(told.name)) for told in self.cloud.fleet.resources]
        logs = [f"== {path.name}\n{path.read_text()}" for path in sorted((self.folder / "logs").iterdir())]
        jobs = [f"== {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("job-*.out"))]
        return "\n".join([*states, *groups, str(self.cloud.states()), *logs, *jobs])

    def reconcile(self, pool: ThreadPoolExecutor) -> None:
        """Do once what AWS and systemd do."""
        running = self.cloud.running()
        list(pool.map(self._end, sorted(set(self.machines) - set(running))))
        new = sorted(set(running) - set(self.machines))
        if self.most is not None:
            new = new[: max(0, self.most - len(self.machines))]
        list(pool.map(lambda instance: self._launch(instance, *running[instance]), new))
        carry(self.cloud, self.policy)
        for daemon in [*self.daemons.values(), *(machine.watcher for machine in self.machines.values())]:
            daemon.keep()
        for machine in self.machines.values():
            machine.keep_slurmd()

    def stop_machines(self) -> None:
        """End what is left."""
        for instance in list(self.machines):
            self._end(instance)

    def _launch(self, instance: str, address: str, group: str) -> None:
        resource = next(told for told in self.cloud.fleet.resources if told.name == group)
        host = f"ip-{address.replace('.', '-')}-{instance[-4:]}"
        self.metadata.instances[address] = About(instance)
        computer = Computer(self.network, self.folder, address, host, self.environment)
        settings = replace(COMPUTE, queue=resource.queue, compute_resource=resource.name, group=resource.group)
        write(computer.path(SETTINGS_FILE), json.dumps(settings.as_dict()))
        watcher = Daemon(computer, "nodewatcher", self.look)
        if self.program:
            watcher.program = self.program
        machine = Machine(computer, watcher, resource)
        kind, lines = Kind.READY, []
        if resource.name in self.broken:
            kind, lines = Kind.FAILED, ["mount.nfs4: access denied", "file systems: mount ended with exit code 32"]
        else:
            computer.start_munge(self.key)
            conf = node_conf(resource, resource.gpus, resource.memory)
            options = ["-Z", "-N", resource.node_name(address), "--conf-server", HEAD, "--conf", conf]
            machine.slurmd = lambda: computer.start(f"slurmd-{host}", "slurmd", "-D", *options, own_processes=True)
            machine.keep_slurmd()
            watcher.start()
        self.machines[instance] = machine
        self.cloud.send(node_message(kind, instance, resource.queue, resource.name, lines))

    def _end(self, instance: str) -> None:
        machine = self.machines.pop(instance)
        machine.watcher.end()
        machine.computer.off()


def environment_of(account: Account, aws: str, metadata: str) -> dict[str, str]:
    """What a machine's programs are told by their environment."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": f"{ROOT / 'layers' / 'shoal'}:{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ACCESS_KEY_ID": account.id,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_ENDPOINT_URL": aws,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata,
    }


@contextmanager
def cluster(
    server: Server,
    folder: Path,
    *resources: ComputeResource,
    policy: Policy = faithful,
    idle_seconds: int = 3,
    sweep: str = SWEEP,
    look: str = LOOK,
    settings: tuple[str, ...] = QUICK,
) -> Iterator[Rig]:
    """A cluster whose nodes end after a few idle seconds, with all its daemons at work."""
    with ExitStack() as stack:
        account = Account(server, f"{secrets.randbelow(9 * 10**11) + 10**11}")
        stack.callback(account.close)
        network = stack.enter_context(Network())
        aws = stack.enter_context(Served(lambda address: Forwarder(address, server.port)))
        metadata = stack.enter_context(Served(Metadata))
        cloud = make_cloud(account, resources, aws.url, idle_seconds=idle_seconds, custom_settings=settings)
        environment = environment_of(account, aws.url, metadata.url)
        for name in ("logs", "shared"):
            (folder / name).mkdir()
        head = Computer(network, folder, HEAD, "head", environment)
        stack.callback(head.off)
        scheduler = Scheduler(head, folder, cloud.fleet)
        key = secrets.token_bytes(1024)
        rig = Rig(cloud, network, folder, metadata.server, environment, key, head, scheduler, policy, look)
        rig.share()
        rig.start_head(sweep)
        stack.callback(rig.stop_machines)
        placeholders = head.run(sys.executable, "-m", "tests.slurm.placeholders")
        assert placeholders.returncode == 0, placeholders.stderr
        stack.enter_context(at_work(rig))
        try:
            yield rig
        except BaseException:
            sys.stdout.write(rig.told())
            raise


@contextmanager
def at_work(rig: Rig) -> Iterator[None]:
    """The thread that does what AWS and systemd do; what it cannot do fails the test."""
    stop, failures = threading.Event(), []

    def work() -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not stop.wait(PAUSE):
                try:
                    rig.reconcile(pool)
                except Exception as error:
                    failures.append(error)
                    raise

    thread = threading.Thread(target=work, name="aws")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for daemon in rig.daemons.values():
            daemon.end()
    assert not failures


def resource(name: str = "small", **fields: Any) -> ComputeResource:
    """Nodes that are what a slurmd finds on this machine."""
    cpus, memory = hardware()
    values: dict[str, Any] = {"queue": "main", "cpus": cpus, "memory": memory, "max_count": 4, **fields}
    return ComputeResource(name=name, group=f"shoal-c-{name}", **values)
