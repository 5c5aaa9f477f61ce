"""What both sides know: the settings that the control plane hands to a node, and the records a node writes.

The control plane writes `Settings` (head nodes) or `ComputeSettings` into the node's user data as JSON; where it knows
a value only as a reference of the template (the id of a volume that does not exist yet), CloudFormation puts the value
in. What an update may change stands in neither: see `fleet`. Standard library only, Python 3.9 and later: of the node's
modules the control plane imports this one and `fleet`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Union

SETTINGS_FILE = "/etc/shoal/settings.json"
NODE_PACKAGE_FILE = "/usr/local/lib/shoal/shoal_node.zip"
"""On the node's own disk: `/opt/shoal` of a compute node is the head node's."""
HOME = "/home"
SHARED_DIRECTORY = "/opt/shoal"
"""What the head node of a Slurm cluster gives its compute nodes beside storage: the fleet, for one."""

BATCH = "awsbatch"
SLURM = "slurm"
HEAD = "head"
COMPUTE = "compute"

BOOTSTRAP_TAG = "shoal:bootstrap"
"""Tag of the instance: `SUCCESS`, or `FAILURE` and the reason; the signal to CloudFormation carries none."""
BOOTSTRAP_STREAM = "bootstrap"
"""Log stream `<instance id>/bootstrap` with the lines of the node's bootstrap, which are there before it signals."""
TAG_VALUE_LENGTH = 256
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions"""
SUCCESS = "SUCCESS"
FAILURE = "FAILURE"

METRICS_NAMESPACE = "Shoal"
MEMORY_METRIC = "MemoryUsedPercent"
DISK_METRIC = "DiskUsedPercent"
"""Of the root volume. Both metrics have one dimension, `InstanceId`, and come once a minute."""

BATCH_CLIENT = "aws-parallelcluster-awsbatch-cli==1.6.0"
"""AWS's own client for Batch clusters, as pip names it."""


@dataclass(frozen=True)
class Disk:
    """An EBS volume attached to the node."""

    volume_id: Any
    """Its id, `vol-0123456789abcdef0`; in the control plane it may be a reference of the template."""
    device: str
    """The name under which it is attached, `/dev/sdf`."""


@dataclass(frozen=True)
class Volume:
    """A directory on one EBS volume, or on several as an array; the node exports it over NFS."""

    name: str
    mount_dir: str
    disks: tuple[Disk, ...]
    raid_level: int | None = None
    """0 stripes the disks, 1 mirrors them; without it there is one disk."""


@dataclass(frozen=True)
class FileSystem:
    """A directory on an EFS file system."""

    name: str
    mount_dir: str
    file_system_id: Any
    """Its id, `fs-0123456789abcdef0`; in the control plane it may be a reference of the template."""
    tls: bool = False
    iam: bool = False
    access_point_id: str | None = None

    @property
    def needs_efs_client(self) -> bool:
        """Whether plain NFS does not do; https://docs.aws.amazon.com/efs/latest/ug/using-amazon-efs-utils.html"""
        return self.tls or self.iam or self.access_point_id is not None


@dataclass(frozen=True)
class NodePackage:
    """Where the node package lies in the Region's bucket."""

    bucket: str
    key: str
    version_id: str | None


@dataclass(frozen=True)
class Action:
    """A script of the user's."""

    url: str
    """Where it lies: `s3://bucket/key`, or `https://...`."""
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Actions:
    """The user's scripts that run when a node is set up, in their order."""

    on_node_start: tuple[Action, ...] = ()
    """Before anything else is done."""
    on_node_configured: tuple[Action, ...] = ()
    """When everything else is done."""


@dataclass(frozen=True)
class Settings:
    """Everything a head node is told; JSON objects with these names."""

    cluster_name: str
    stack_name: Any
    """The stack that waits for the node's signal."""
    logical_id: str
    """The resource that is signalled, and whose metadata hold the fleet."""
    region: str
    url_suffix: str
    node_package: NodePackage
    volumes: tuple[Volume, ...]
    file_systems: tuple[FileSystem, ...]
    scratch_dir: str
    """Where the instance's own disks are mounted, if it has any."""
    log_group: str | None
    """Log group in CloudWatch Logs; without it nothing is sent."""
    rotate_logs: bool
    kind: str = BATCH
    """Of the cluster: `awsbatch` or `slurm`."""
    actions: Actions = Actions()
    table: Any = None
    """The node table of a Slurm cluster."""
    secured_metadata: bool = False
    """Whether only root reads the instance's metadata, and with them its role."""

    @property
    def exported_directories(self) -> tuple[str, ...]:
        """What the node exports over NFS: `/home`, unless that is on EFS, every EBS volume's directory, and in a Slurm
        cluster what its nodes share of Shoal's own.
        """
        shared = [volume.mount_dir for volume in self.volumes]
        if HOME not in shared and HOME not in [system.mount_dir for system in self.file_systems]:
            shared.insert(0, HOME)
        if self.kind == SLURM:
            shared.append(SHARED_DIRECTORY)
        return tuple(shared)

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON values; references of the template stay as they are."""
        return {"node": HEAD, **asdict(self)}


@dataclass(frozen=True)
class ComputeSettings:
    """Everything that the nodes of one compute resource of a Slurm cluster are told; JSON objects with these names."""

    cluster_name: str
    stack_name: Any
    region: str
    url_suffix: str
    node_package: NodePackage
    table: Any
    """The node table; a compute node reads one item of it, the munge key."""
    queue_url: Any
    """The SQS queue to which the node posts that it is ready, or failed."""
    queue: str
    compute_resource: str
    group: str
    """Name of the Auto Scaling group."""
    head_address: Any
    """Private IPv4 address of the head node; in the control plane it is a reference of the template."""
    mounts: tuple[str, ...]
    """Directories that the head node exports."""
    file_systems: tuple[FileSystem, ...]
    scratch_dir: str
    """Where the instance's own disks are mounted, if it has any."""
    log_group: str | None
    """Log group in CloudWatch Logs; without it nothing is sent."""
    rotate_logs: bool
    gpus: int = 0
    """GPUs that the instance type has."""
    efa: bool = False
    """Whether the node must find an Elastic Fabric Adapter."""
    actions: Actions = Actions()

    def as_dict(self) -> dict[str, Any]:
        """The settings as JSON values; references of the template stay as they are."""
        return {"node": COMPUTE, **asdict(self)}


NodeSettings = Union[Settings, ComputeSettings]


def read_settings(text: str) -> NodeSettings:
    """Read back what `as_dict` of either gives, as JSON.

    Raises:
        ValueError: the text is not that.
    """
    try:
        values = json.loads(text)
        node = values.pop("node")
        values["node_package"] = NodePackage(**values["node_package"])
        values["file_systems"] = tuple(FileSystem(**system) for system in values["file_systems"])
        values["actions"] = Actions(**{when: read_actions(given) for when, given in values["actions"].items()})
        if node == COMPUTE:
            return ComputeSettings(**{**values, "mounts": tuple(values["mounts"])})
        if node == HEAD:
            return Settings(**{**values, "volumes": tuple(_volume(volume) for volume in values["volumes"])})
        raise KeyError(node)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"these settings are of another version of the node package: {error}") from error


def read_actions(given: list[dict[str, Any]]) -> tuple[Action, ...]:
    """Scripts, from their JSON values."""
    return tuple(Action(action["url"], tuple(action["arguments"])) for action in given)


def _volume(given: dict[str, Any]) -> Volume:
    return Volume(**{**given, "disks": tuple(Disk(**disk) for disk in given["disks"])})


WORD_ENDS = ' \t\n\\#"'


def fstab_field(path: str) -> str:
    """A path as fstab and the exports file write it: other characters than these end or begin something there."""
    return "".join(f"\\{ord(letter):03o}" if letter in WORD_ENDS else letter for letter in path)


def nfs_address(file_system_id: str, region: str, url_suffix: str) -> str:
    """The DNS name of an EFS file system; https://docs.aws.amazon.com/efs/latest/ug/mounting-fs-mount-cmd-dns-name.html"""
    return f"{file_system_id}.efs.{region}.{url_suffix}"


NFS_OPTIONS = "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,_netdev"
"""Of the head node's exports. Hard: a job waits for a head node that restarts, and never reads half a file. From a
reserved port, as the server demands: from any other a user of the client could claim to be root."""
EFS_OPTIONS = f"{NFS_OPTIONS},noresvport"
"""https://docs.aws.amazon.com/efs/latest/ug/mounting-fs-nfs-mount-settings.html"""


def efs_mount(system: FileSystem, region: str, url_suffix: str) -> tuple[str, str, str]:
    """How an EFS file system is mounted: source, type and options as `mount` and fstab take them."""
    if not system.needs_efs_client:
        return f"{nfs_address(system.file_system_id, region, url_suffix)}:/", "nfs4", EFS_OPTIONS
    options = ["_netdev", "noresvport", "tls"]
    if system.iam:
        options.append("iam")
    if system.access_point_id:
        options.append(f"accesspoint={system.access_point_id}")
    return f"{system.file_system_id}:/", "efs", ",".join(options)
