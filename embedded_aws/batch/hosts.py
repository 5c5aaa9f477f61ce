"""The hosts on which jobs run: an EC2 instance and an ECS container instance of the environment's own cluster each.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html. Batch launches them for its jobs
and lets them go; here they go with the last job on them. Nothing runs on them: the containers run on this machine. But
who terminates one ends its jobs, with the reason that AWS gives. MiniStack knows no container instances.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws import clients
from embedded_aws.batch.containers import host_directories
from embedded_aws.batch.placement import Need, fitting_types
from embedded_aws.batch.states import named
from embedded_aws.ec2.images import IMAGES
from embedded_aws.ec2.types import TYPES
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.ecs", "_ACTION_MAP"),
    ("services.ec2", "_instances"),
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
    ("core.responses", "json_response"),
)


@dataclass(eq=False)
class Host:
    """One container instance."""

    cluster: str
    """Name of the ECS cluster."""
    arn: str
    instance: str
    """The EC2 instance's id."""
    type: str
    vcpus: int
    memory: int
    """MiB."""
    alone: bool
    """Whether a node of a multi-node job has it for itself."""
    tasks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """vCPUs and memory by task."""

    def has_room(self, vcpus: int, memory: int) -> bool:
        """Whether another container fits."""
        used, taken = (sum(task[position] for task in self.tasks.values()) for position in (0, 1))
        return not self.alone and used + vcpus <= self.vcpus and taken + memory <= self.memory


_hosts: list[Host] = []
_lock = threading.Lock()


def install() -> None:
    """Put the operations into ECS's table."""
    from ministack.services import ecs

    ecs._ACTION_MAP["ListContainerInstances"] = _list
    ecs._ACTION_MAP["DescribeContainerInstances"] = _describe


def enter(environment: Mapping[str, Any], asked: Need, task_id: str, *, alone: bool) -> Host | None:
    """Put a container on a host of an environment, one that is there or a new one.

    Args:
        environment: the compute environment.
        asked: what a container needs.
        task_id: the container's task.
        alone: whether the host is for this container only.

    Returns:
        The host; None where EC2 refuses to launch one, for the environment names a subnet that is none, say.
    """
    cluster = named(environment["ecsClusterArn"])
    with _lock:
        found = next((host for host in _hosts if host.cluster == cluster and _takes(host, asked, alone)), None)
        host = found or _launched(environment, cluster, asked, alone)
        if host is not None:
            host.tasks[task_id] = (asked.vcpus, asked.memory)
        return host


def disk(environment: Mapping[str, Any], container: Mapping[str, Any]) -> Path:
    """The folder that stands for the disk of an environment's hosts, with the directories that a container binds.

    Nothing of this machine is bound into a job. The hosts of an environment share a disk: what is bound in is storage
    that they share on AWS. Everybody may write to it, as to what Shoal mounts there.
    """
    folder = Path(tempfile.gettempdir()) / "batch-hosts" / named(environment["ecsClusterArn"])
    for directory in host_directories(container, folder).values():
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o1777)
    return folder


def leave(host: Host, task_id: str) -> None:
    """Take a container off its host; an empty host is let go."""
    with _lock:
        del host.tasks[task_id]
        if host.tasks:
            return
        _hosts.remove(host)
    if not is_gone(host):
        with contextlib.suppress(ClientError, BotoCoreError):  # the server may be ending
            clients.client("ec2").terminate_instances(InstanceIds=[host.instance])


def is_gone(host: Host) -> bool:
    """Whether the instance does not run any more."""
    from ministack.services import ec2

    instance = ec2._instances.get(host.instance)
    return instance is None or instance["State"]["Name"] not in ("pending", "running")


def _takes(host: Host, asked: Need, alone: bool) -> bool:
    return not alone and host.has_room(asked.vcpus, asked.memory) and not is_gone(host)


def _launched(environment: Mapping[str, Any], cluster: str, asked: Need, alone: bool) -> Host | None:
    from ministack.core.responses import get_account_id, get_region

    kind = fitting_types(asked, environment)[0]
    instance = _run_instance(environment, kind)
    if instance is None:
        return None
    where = f"arn:aws:ecs:{get_region()}:{get_account_id()}:container-instance"
    vcpus, memory = (TYPES[kind].vcpus, TYPES[kind].memory_mib) if kind in TYPES else (asked.vcpus, asked.memory)
    host = Host(cluster, f"{where}/{cluster}/{uuid.uuid4().hex}", instance, kind, vcpus, memory, alone)
    _hosts.append(host)
    return host


def _run_instance(environment: Mapping[str, Any], kind: str) -> str | None:
    """Launch an instance in the environment's first subnet; its id."""
    resources = environment.get("computeResources", {})
    tags = [{"Key": key, "Value": value} for key, value in (resources.get("tags") or {}).items()]
    tagged = {"TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]} if tags else {}
    groups = {"SecurityGroupIds": resources["securityGroupIds"]} if resources.get("securityGroupIds") else {}
    try:
        launched = clients.client("ec2").run_instances(
            ImageId=_image(kind),
            InstanceType=kind if kind in TYPES else "m5.large",
            MinCount=1,
            MaxCount=1,
            SubnetId=(resources.get("subnets") or [""])[0],
            **groups,
            **tagged,
        )
    except ClientError:
        return None
    return str(launched["Instances"][0]["InstanceId"])


def _image(kind: str) -> str:
    """An image for a type's architecture; Batch takes one of ECS's own, which nobody here looks at."""
    architecture = TYPES[kind].architecture if kind in TYPES else "x86_64"
    return next(identifier for identifier, _, _, built_for in IMAGES if built_for == architecture)


def _of(cluster: str) -> list[Host]:
    """The hosts of a cluster that is named, or given by its ARN; clusters of Batch have a name of their own each."""
    with _lock:
        return [host for host in _hosts if host.cluster == named(cluster)]


def _list(request: dict[str, Any]) -> Any:
    from ministack.core.responses import json_response

    return json_response({"containerInstanceArns": [host.arn for host in _of(request.get("cluster", "default"))]})


def _describe(request: dict[str, Any]) -> Any:
    from ministack.core.responses import json_response

    found = {host.arn: host for host in _of(request.get("cluster", "default"))}
    wanted = [next((arn for arn in found if arn.endswith(name)), name) for name in request["containerInstances"]]
    failures = [{"arn": arn, "reason": "MISSING"} for arn in wanted if arn not in found]
    instances = [_shown(found[arn]) for arn in wanted if arn in found]
    return json_response({"containerInstances": instances, "failures": failures})


def _shown(host: Host) -> dict[str, Any]:
    used, taken = (sum(task[position] for task in host.tasks.values()) for position in (0, 1))
    return {
        "containerInstanceArn": host.arn,
        "ec2InstanceId": host.instance,
        "status": "ACTIVE",
        "agentConnected": True,
        "runningTasksCount": len(host.tasks),
        "pendingTasksCount": 0,
        "registeredResources": _resources(host.vcpus, host.memory),
        "remainingResources": _resources(host.vcpus - used, host.memory - taken),
        "attributes": [{"name": "ecs.instance-type", "value": host.type}],
    }


def _resources(vcpus: int, memory: int) -> list[dict[str, Any]]:
    amounts = {"CPU": vcpus * 1024, "MEMORY": memory}
    return [{"name": name, "type": "INTEGER", "integerValue": amount} for name, amount in amounts.items()]
