"""The head node: the instance that users log in to, from which they submit jobs."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from shoal.cluster.grammar import Change, Code, Integer, Matching, NotOffered, Refused, Section, Violation, problem
from shoal.cluster.iam import HeadNodeIam
from shoal.cluster.image import HeadNodeImage
from shoal.cluster.network import HeadNodeNetworking
from shoal.cluster.storage import Directory
from shoal.cluster.volume import VolumeType, default_iops, default_throughput, volume_violations

ANYWHERE = "0.0.0.0/0"
_OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
CIDR_OR_PREFIX_LIST = rf"({_OCTET}\.){{3}}{_OCTET}/(3[0-2]|[12]?\d)|pl-[a-zA-Z0-9]+"
_EFS = Refused("Shoal keeps nothing of its own on shared storage", "share /home by SharedStorage with StorageType: Efs")
_DEVELOPERS = Refused("it serves the development of ParallelCluster", "remove the key")


class Ssh(Section):
    """Secure shell."""

    key_name: Annotated[str | None, Change.REPLACES] = None
    """EC2 key pair of the head node's default user; without it use Session Manager."""
    allowed_ips: Annotated[
        str, Change.LIVE, Matching(CIDR_OR_PREFIX_LIST, "a range like `192.0.2.0/24`, or a prefix list id")
    ] = ANYWHERE
    """Addresses, as CIDR or prefix list, from which the head node's own security group accepts connections."""


class RootVolume(Section):
    """Root volume of the head node."""

    volume_type: Annotated[VolumeType, Change.REPLACES] = "gp3"
    """Type of the volume."""
    iops: Annotated[Integer | None, Change.REPLACES] = Field(default_factory=default_iops)
    """I/O operations each second: 3000 for gp3 and 100 for io1 and io2, unless given; no other type has it."""
    size: Annotated[Integer | None, Change.REPLACES] = None
    """Size in GiB; without it the size of the AMI."""
    throughput: Annotated[Integer | None, Change.REPLACES] = Field(default_factory=default_throughput)
    """MiB/s of a gp3 volume, 125 unless given; at most a quarter of `Iops`."""
    encrypted: Annotated[bool, Change.REPLACES] = True
    """Whether the volume is encrypted."""
    delete_on_termination: Annotated[bool, Change.REPLACES] = True
    """Whether the volume goes with the head node."""

    def rules(self) -> Iterator[Violation]:
        """EBS's limits by type."""
        return volume_violations(self.volume_type, self.size, self.iops, self.throughput)


class EphemeralVolume(Section):
    """The instance's own disks, striped into one volume."""

    mount_dir: Annotated[Directory, Change.FIXED] = "/scratch"
    """Directory under which the head node mounts them, if its instance type has any."""


class LocalStorage(Section):
    """Volumes of the head node alone."""

    root_volume: RootVolume = RootVolume()
    """Root volume of the head node."""
    ephemeral_volume: EphemeralVolume = EphemeralVolume()
    """The instance's own disks."""


def _never_secured(value: bool) -> bool:
    if value is True:
        message = "cannot be true in an AWS Batch cluster: users submit jobs with the head node's role"
        raise problem(Code.CONFLICT, message, "write Secured: false")
    return value


class HeadNodeImds(Section):
    """Access to the instance metadata service."""

    secured: Annotated[bool, Change.FIXED, BeforeValidator(_never_secured)] = False
    """Whether only root reads the metadata. Always false in an AWS Batch cluster, as in ParallelCluster."""


class Imds(Section):
    """Version of the instance metadata service."""

    imds_support: Annotated[Literal["v1.0", "v2.0"], Change.REPLACES] = "v2.0"
    """v2.0 demands session tokens, v1.0 accepts requests without."""


class HeadNode(Section):
    """The instance that users log in to."""

    instance_type: Annotated[str, Change.REPLACES]
    """Instance type of the head node."""
    disable_simultaneous_multithreading: Annotated[bool, Change.REPLACES] = False
    """Whether each core runs one thread."""
    networking: HeadNodeNetworking
    """Where the head node stands and who reaches it."""
    ssh: Ssh = Ssh()
    """Secure shell."""
    local_storage: LocalStorage = LocalStorage()
    """Volumes of the head node alone."""
    shared_storage_type: Annotated[Literal["Ebs"], Change.FIXED, NotOffered(MappingProxyType({"Efs": _EFS}))] = "Ebs"
    """Where ParallelCluster keeps what its own nodes share; always on the head node."""
    shared_storage_efs_settings: Annotated[None, _EFS] = None
    """Settings of ParallelCluster's own shared EFS file system."""
    dcv: Annotated[None, Refused("there is no remote desktop", "log in with SSH or Session Manager")] = None
    """Remote desktop."""
    custom_actions: Annotated[
        None,
        Refused(
            "no scripts run on the head node yet", "make an AMI with what they install, as HeadNode.Image.CustomAmi"
        ),
    ] = None
    """Scripts that run when the head node starts, is ready, is updated."""
    iam: HeadNodeIam = HeadNodeIam()
    """What the head node may do."""
    imds: HeadNodeImds = HeadNodeImds()
    """Access to the instance metadata service."""
    image: HeadNodeImage = HeadNodeImage()
    """Image of the head node alone."""


class Timeouts(Section):
    """How long nodes may take to start."""

    head_node_bootstrap_timeout: Annotated[Integer, Change.LIVE, Field(ge=1)] = 2100
    """Seconds after which a head node that did not signal counts as failed."""
    compute_node_bootstrap_timeout: Annotated[
        None, Refused("Batch starts the compute instances and waits for them itself", "remove the key")
    ] = None
    """Seconds a compute node may take to start."""


class DevSettings(Section):
    """Settings for developers."""

    timeouts: Timeouts = Timeouts()
    """How long nodes may take to start."""
    cookbook: Annotated[None, Refused("nodes are not set up by Chef", "make an AMI, as HeadNode.Image.CustomAmi")] = (
        None
    )
    """Chef cookbook and attributes."""
    node_package: Annotated[None, Refused("Shoal brings its own node package", "remove the key")] = None
    """Package of ParallelCluster's node daemons."""
    aws_batch_cli_package: Annotated[
        None, Refused("the head node installs the published Batch client", "install another in a virtual environment")
    ] = None
    """Package of the Batch client."""
    cluster_template: Annotated[None, _DEVELOPERS] = None
    """Another template of the cluster's stack."""
    ami_search_filters: Annotated[
        None, Refused("the AMI is the system's newest official one", "name yours as Image.CustomAmi")
    ] = None
    """How ParallelCluster searches its own AMIs."""
    instance_types_data: Annotated[None, _DEVELOPERS] = None
    """Facts about instance types, instead of EC2's."""
    compute_startup_time_metric_enabled: Annotated[None, _DEVELOPERS] = None
    """A metric of ParallelCluster's node daemons."""
    efa_interface_type: Annotated[None, _DEVELOPERS] = None
    """Kind of EFA network interface of Slurm compute nodes."""


# ---- resources
