"""Instances boot, where the machine can: started, stopped, rebooted and ended as EC2 is told.

On AWS every instance does. Here those do whose image has a root file system on this machine
(`embedded_aws/instances/engine.py`): they run cloud-init with their user data, in a network of their VPC's own, with a
session of their profile's role. `GET /_shoal/instances` says what boots them, or why nothing does.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedded_aws import clients
from embedded_aws.ec2 import images
from embedded_aws.ec2.request import Action, Query, Record, Response, listed, value, wrap
from embedded_aws.hooks import Hook
from embedded_aws.instances import engine, instance, machine, metadata
from embedded_aws.instances.instance import Instance
from embedded_aws.instances.network import Network
from embedded_aws.instances.volumes import Volumes

HOOKS: tuple[Hook, ...] = (
    *metadata.HOOKS,
    ("core.responses", "request_scope"),
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
    ("services.ec2", "_volumes"),
)

_PATIENCE = 20
_instances: dict[str, Instance] = {}
_lock = threading.Lock()


def install() -> None:
    """Follow EC2's calls."""
    machine.remove_abandoned_cgroups()
    wrap(
        RunInstances=_run,
        TerminateInstances=_after(_terminate),
        StopInstances=_after(lambda one: one.power_off()),
        StartInstances=_after(lambda one: one.power_on(_ended(one))),
        RebootInstances=_after(lambda one: one.reboot()),
        AttachVolume=_attach,
        DetachVolume=_detach,
    )


@functools.cache
def boots_by() -> engine.Engine:
    """What boots instances, found on first use."""
    return engine.find(os.environ)


def boots(instance_id: str) -> bool:
    """Whether an instance really boots."""
    return instance_id in _instances


def stop() -> None:
    """End all instances, with what they have."""
    ending = [one.discard() for one in list(_instances.values())]
    until = time.monotonic() + _PATIENCE
    for done in ending:
        done.exception(max(0.0, until - time.monotonic()))
    _instances.clear()
    if _network.cache_info().currsize:
        _network().close()
        _volumes().close()
    shutil.rmtree(_folder(), ignore_errors=True)


def _show(_: Any) -> object:
    shown = [
        {
            "instanceId": name,
            "leader": one.machine.leader(),
            "boots": one.boots,
            "console": str(one.machine.console),
        }
        for name, one in list(_instances.items())
    ]
    return {"engine": boots_by().name, "whyNone": boots_by().why_none, "instances": shown}


def _notify(body: Any) -> object:
    """What AWS tells an instance by its metadata; an empty tree takes everything back."""
    _instances[body["instanceId"]].notices = body["notices"]
    return body


ROUTES = {("GET", "/_shoal/instances"): _show, ("POST", "/_shoal/instances/notices"): _notify}


def _run(run: Action, query: Query) -> Response:
    from ministack.services import ec2

    known = set(ec2._instances)
    answer = run(query)
    for record in [record for identifier, record in ec2._instances.items() if identifier not in known]:
        _launched(record)
    return answer


def _launched(record: Record) -> None:
    from ministack.core.responses import get_account_id, get_region

    root = boots_by().root(str(images.image(record["ImageId"]).get("Name", "")))
    if root is None:
        return
    scope = (get_account_id(), get_region())
    computer = machine.Machine(record["InstanceId"], _folder() / record["InstanceId"], root)
    instance.prepare(computer, os.environ["AWS_ENDPOINT_URL"])
    find = functools.partial(_peer, scope, record["VpcId"])
    one = _instances[record["InstanceId"]] = Instance(record, scope, computer, _network(), _volumes(), find)
    one.power_on(_ended(one))


def _after(follow: Callable[[Instance], object]) -> Callable[[Action, Query], Response]:
    """An operation on instances that those which boot follow once it is accepted."""

    def followed(action: Action, query: Query) -> Response:
        answer = action(query)
        if answer[0] == 200:
            for identifier in listed(query, "InstanceId"):
                if one := _instances.get(identifier):
                    follow(one)
        return answer

    return followed


def _terminate(one: Instance) -> None:
    _instances.pop(one.record["InstanceId"], None)
    one.discard()


def _ended(one: Instance) -> Callable[[], None]:
    """An instance that powers off by itself is stopped; one of a group is ended by its group."""

    def stopped() -> None:
        if one.record["State"]["Name"] in ("pending", "running"):
            clients.client("ec2").stop_instances(InstanceIds=[one.record["InstanceId"]])

    return stopped


def _attach(attach: Action, query: Query) -> Response:
    from ministack.services import ec2

    answer = attach(query)
    one = _instances.get(value(query, "InstanceId"))
    if answer[0] == 200 and one:
        identifier = value(query, "VolumeId")
        one.plug(identifier, int(ec2._volumes[identifier]["Size"]))
    return answer


def _detach(detach: Action, query: Query) -> Response:
    from ministack.services import ec2

    volume: Record = ec2._volumes.get(value(query, "VolumeId"), {})
    holders = [attachment["InstanceId"] for attachment in volume.get("Attachments", [])]
    answer = detach(query)
    for holder in holders if answer[0] == 200 else []:
        if one := _instances.get(holder):
            one.unplug(volume["VolumeId"])
    return answer


def _peer(scope: tuple[str, str], vpc: str, address: str) -> Instance | None:
    candidates = [one for one in list(_instances.values()) if one.scope == scope and one.record["VpcId"] == vpc]
    return next((one for one in candidates if one.record["PrivateIpAddress"] == address), None)


@functools.cache
def _network() -> Network:
    return Network(int(os.environ["GATEWAY_PORT"]))


@functools.cache
def _volumes() -> Volumes:
    return Volumes(_folder() / "volumes")


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / "instances"
