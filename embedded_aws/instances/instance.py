"""An instance of EC2's that boots: its machine, its network, its metadata and its volumes, one step after the other."""

from __future__ import annotations

import base64
import contextlib
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from embedded_aws.ec2.request import Record
from embedded_aws.instances import exports, metadata
from embedded_aws.instances.machine import Machine
from embedded_aws.instances.metadata import Tree
from embedded_aws.instances.metadata_service import MetadataService
from embedded_aws.instances.network import Interface, Network
from embedded_aws.instances.volumes import Volumes
from embedded_aws.networking.namespaces import NetworkError
from embedded_aws.process import ROOT

_PATIENCE = 30
Peer = Callable[[str], "Instance | None"]
"""The instance of an address in the same VPC."""


class Instance:
    """What is done to it is done in a thread of its own, in the order in which it was asked for."""

    def __init__(
        self, record: Record, scope: tuple[str, str], machine: Machine, network: Network, volumes: Volumes, peer: Peer
    ) -> None:
        """Nothing runs yet.

        Args:
            record: EC2's, read anew whenever something is looked up in it.
            scope: account and Region.
            machine: its processes.
            network: of all instances.
            volumes: of all instances.
            peer: finds others.
        """
        self.record = record
        self.scope = scope
        self.machine = machine
        self.notices: Tree = {}
        self.boots = 0
        """How often it was given power."""
        self._network, self._volumes, self._peer = network, volumes, peer
        self._interface: Interface | None = None
        self._service: MetadataService | None = None
        self._steps = ThreadPoolExecutor(max_workers=1, thread_name_prefix=record["InstanceId"])

    def power_on(self, ended: Callable[[], None]) -> None:
        """Boot it, soon; `ended` is called when it has powered off by itself."""
        self._later(lambda: self._boot(ended))

    def power_off(self) -> None:
        """Pull its plug, soon."""
        self._later(self._halt)

    def reboot(self) -> None:
        """Press Ctrl-Alt-Del, soon, as RebootInstances does."""
        self._later(lambda: self.machine.press(signal.SIGINT))

    def discard(self) -> Future[None]:
        """Pull its plug and take everything of it away, soon; done when all is gone."""
        done = self._later(self._remove)
        self._steps.shutdown(wait=False)
        return done

    def plug(self, volume_id: str, gibibytes: int) -> None:
        """Let it see a volume, soon; while it does not run, it will when it has started."""
        self._later(lambda: self._plug(volume_id, gibibytes))

    def unplug(self, volume_id: str) -> None:
        """Take a volume away, soon."""
        if leader := self.machine.leader():
            self._later(lambda: self._volumes.unplug(leader, volume_id))

    def _later(self, step: Callable[[], None]) -> Future[None]:
        return self._steps.submit(self._in_scope(step))

    def _in_scope[T](self, action: Callable[[], T]) -> Callable[[], T]:
        """The same in the account and Region of the instance; what goes wrong is told in the server's log."""

        def scoped() -> T:
            from ministack.core.responses import request_scope

            try:
                with request_scope(*self.scope):
                    return action()
            except (OSError, NetworkError, subprocess.SubprocessError) as error:
                sys.stderr.write(f"embedded_aws: {self.record['InstanceId']}: {error}\n")
                raise

        return scoped

    def _boot(self, ended: Callable[[], None]) -> None:
        record = self.record
        if record["State"]["Name"] not in ("pending", "running"):
            return  # ended before it began
        self.boots += 1
        if self._interface is None:
            vpc, ranges = f"{self.scope[0]} {record['VpcId']}", metadata.vpc_ranges(record)
            mac = metadata.primary_interface(record)["MacAddress"]
            self._interface = self._network.join(vpc, ranges, record["PrivateIpAddress"], mac)
            required = lambda: self.record["MetadataOptions"]["HttpTokens"] == "required"  # noqa: E731 - one use
            root = self._in_scope(self._root)
            self._service = MetadataService(self._interface.metadata, root, self._asked, required)
        hostname = metadata.private_name(record["PrivateIpAddress"], self.scope[1]).partition(".")[0]
        process = self.machine.boot(self._interface.namespace.descriptor, hostname)
        threading.Thread(target=self._watch, args=(process, ended), daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes], ended: Callable[[], None]) -> None:
        process.wait()
        with contextlib.suppress(RuntimeError):  # it is being discarded
            self._later(lambda: ended() if self.machine.is_current(process) else None)

    def _halt(self) -> None:
        self.machine.kill()
        if self._service and self._interface:
            self._service.close()
            self._network.leave(self._interface)
        self._service = self._interface = None

    def _remove(self) -> None:
        self._halt()
        shutil.rmtree(self.machine.folder, ignore_errors=True)

    def _plug(self, volume_id: str, gibibytes: int) -> None:
        if leader := self.machine.leader():
            self._volumes.plug(leader, volume_id, gibibytes)

    def _root(self) -> Tree:
        instance = self.record
        tree: Tree = {"meta-data": metadata.entries(instance, self.scope[1], self.notices)}
        if instance["UserData"]:
            tree["user-data"] = base64.b64decode(instance["UserData"]).decode()
        return tree

    def _asked(self, what: str, parameters: dict[str, str]) -> str:
        """Serve what the image asks for; what is wrong, or nothing."""
        if what == "started":
            self._in_scope(self._plug_all)()
            return ""
        return self._mount(parameters["source"], parameters["target"]) if what == "mount" else f"{what} is not known"

    def _plug_all(self) -> None:
        for volume_id, gibibytes in attached(self.record["InstanceId"]):
            self._plug(volume_id, gibibytes)

    def _mount(self, source: str, target: str) -> str:
        host, _, directory = source.partition(":")
        peer, leader = self._peer(host), self.machine.leader()
        other = peer.machine.leader() if peer else None
        if other is None or leader is None:
            return "Connection timed out"
        if refused := exports.refusal(other, directory, self.record["PrivateIpAddress"]):
            return f"mounting {source} failed, reason given by server: {refused}"
        command = [sys.executable, "-m", "embedded_aws.instances.graft", str(other), directory, str(leader), target]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_PATIENCE, check=False)
        return done.stderr.strip()


def attached(instance_id: str) -> list[tuple[str, int]]:
    """The volumes that were attached to an instance after its launch: id and GiB each."""
    from ministack.services import ec2

    found: list[dict[str, Any]] = list(ec2._volumes.values())
    roots = {"/dev/xvda", "/dev/sda1"}
    return [
        (volume["VolumeId"], int(volume["Size"]))
        for volume in found
        for one in volume["Attachments"]
        if one["InstanceId"] == instance_id and one["Device"] not in roots
    ]


def prepare(machine: Machine, endpoint: str) -> None:
    """Write what an image of the embedded AWS's own has: the address of all services, for programs and for shells.

    Args:
        machine: which has not run yet.
        endpoint: the server's address, the same inside.
    """
    files: dict[str, str] = {
        "etc/environment": f"AWS_ENDPOINT_URL={endpoint}\n",
        "etc/systemd/system.conf.d/aws.conf": f"[Manager]\nDefaultEnvironment=AWS_ENDPOINT_URL={endpoint}\n",
    }
    for name, text in files.items():
        path = Path(machine.upper, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
