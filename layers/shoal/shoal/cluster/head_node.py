"""The head node: the instance that users log in to, from which they submit jobs."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal

from shoal.cluster.bucket import EMPTY_BUCKET
from shoal.cluster.custom_actions import HeadNodeActions, actions
from shoal.cluster.file_systems import file_systems, mount_target_ids
from shoal.cluster.fleet_document import fleet_metadata
from shoal.cluster.fleet_queue import SUBSCRIPTION
from shoal.cluster.grammar import Change, Matching, Refused, Section, Violation
from shoal.cluster.iam import HeadNodeIam
from shoal.cluster.image import HeadNodeImage
from shoal.cluster.instance_options import cpu_options, metadata_options, root_volume
from shoal.cluster.kinds import AWSBATCH, SLURM
from shoal.cluster.local_storage import LocalStorage
from shoal.cluster.monitoring import HEAD_NODE_LOGS, node_log_group
from shoal.cluster.network import HeadNodeNetworking, head_node_groups
from shoal.cluster.node_rights import node_package
from shoal.cluster.node_table import NODE_TABLE
from shoal.cluster.problems import Problem
from shoal.cluster.repository import EMPTY_REPOSITORY
from shoal.cluster.site import Site, names
from shoal.cluster.storage import volumes
from shoal.cluster.template import Resource, Value, get_att, ref, tag_list
from shoal.cluster.user_data import node_script, too_large
from shoal_node.contract import Actions, Settings

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

ANYWHERE = "0.0.0.0/0"
_OCTET = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
CIDR_OR_PREFIX_LIST = rf"({_OCTET}\.){{3}}{_OCTET}/(3[0-2]|[12]?\d)|pl-[a-zA-Z0-9]+"


class Ssh(Section):
    """Secure shell."""

    key_name: Annotated[str | None, Change.REPLACES] = None
    """EC2 key pair of the head node's default user; without it use Session Manager."""
    allowed_ips: Annotated[
        str, Change.LIVE, Matching(CIDR_OR_PREFIX_LIST, "a range like `192.0.2.0/24`, or a prefix list id")
    ] = ANYWHERE
    """Addresses, as CIDR or prefix list, from which the head node's own security group accepts connections."""


class HeadNodeImds(Section):
    """Access to the instance metadata service."""

    secured: Annotated[bool | None, Change.FIXED] = None
    """Whether only root reads the metadata, and with it the head node's role. True with Slurm unless given; always
    false with AWS Batch, as in ParallelCluster, since users submit jobs with the role."""


class Imds(Section):
    """Version of the instance metadata service."""

    imds_support: Annotated[Literal["v1.0", "v2.0"], Change.REPLACES] = "v2.0"
    """v2.0 demands session tokens, v1.0 accepts requests without."""


class SharedStorageEfsSettings(Section):
    """The EFS file system of `/home`."""

    encrypted: Annotated[bool, Change.REPLACES] = False
    """Whether the file system is encrypted."""


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
    shared_storage_type: Annotated[Literal["Ebs", "Efs"], Change.FIXED] = "Ebs"
    """Where `/home` is, which all nodes share: on the head node's root volume, or on an EFS file system of its own."""
    shared_storage_efs_settings: SharedStorageEfsSettings | None = None
    """Settings of the file system of `/home`; only with SharedStorageType Efs."""
    dcv: Annotated[None, Refused("there is no remote desktop yet", "log in with SSH or Session Manager")] = None
    """Remote desktop."""
    custom_actions: HeadNodeActions = HeadNodeActions()
    """Scripts that run as root on the head node."""
    iam: HeadNodeIam = HeadNodeIam()
    """What the head node may do."""
    imds: HeadNodeImds = HeadNodeImds()
    """Access to the instance metadata service."""
    image: HeadNodeImage = HeadNodeImage()
    """Image of the head node alone."""

    def rules(self) -> Iterator[Violation]:
        """Settings of a file system only where there is one."""
        if self.shared_storage_efs_settings is not None and self.shared_storage_type != "Efs":
            suggestion = "write SharedStorageType: Efs, or remove SharedStorageEfsSettings"
            yield Violation("SharedStorageEfsSettings", "needs SharedStorageType: Efs", suggestion)


# ---- resources

HEAD_NODE = "HeadNode"
HEAD_NODE_PROFILE = "HeadNodeInstanceProfile"
INTERFACE = "HeadNodeInterface"
LAUNCH_TEMPLATE = "HeadNodeLaunchTemplate"
ELASTIC_IP = "HeadNodeElasticIp"
ELASTIC_IP_ASSOCIATION = "HeadNodeElasticIpAssociation"
USERS = MappingProxyType(
    {"alinux2023": "ec2-user", "debian12": "admin", "rhel9": "ec2-user", "rocky9": "rocky", "ubuntu2404": "ubuntu"}
)
"""Default user of each system, to whom cloud-init gives the key pair
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/managing-users.html).
"""
FIRST_OF_KIND = MappingProxyType({AWSBATCH: (EMPTY_BUCKET, EMPTY_REPOSITORY), SLURM: (SUBSCRIPTION,)})
"""What a head node of each kind works with: made before it, and deleted after it."""


def settings(cluster: Cluster, site: Site) -> Settings:
    """What the head node is told. Nothing in it changes with what an update may change: user data run only once."""
    return Settings(
        cluster_name=site.cluster_name,
        stack_name=names(site).stack,
        logical_id=HEAD_NODE,
        region=site.region,
        url_suffix=site.url_suffix,
        node_package=node_package(site),
        volumes=volumes(cluster),
        file_systems=file_systems(cluster),
        scratch_dir=f"/{cluster.head_node.local_storage.ephemeral_volume.mount_dir.strip('/')}",
        log_group=node_log_group(cluster, site, "head-node"),
        rotate_logs=cluster.monitoring.logs.rotation.enabled,
        kind=cluster.kind,
        actions=Actions(
            on_node_start=actions(cluster.head_node.custom_actions.on_node_start),
            on_node_configured=actions(cluster.head_node.custom_actions.on_node_configured),
        ),
        table=ref(NODE_TABLE) if cluster.kind == SLURM else None,
        secured_metadata=cluster.secured_metadata,
    )


def problems(cluster: Cluster, site: Site) -> Iterator[Problem]:
    """User data that are larger than EC2 takes."""
    yield from too_large(("HeadNode", "CustomActions"), node_script(settings(cluster, site)))


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The instance, its network interface and Elastic IP, and a launch template for its root volume."""
    yield INTERFACE, _interface(cluster, site)
    elastic_ip = cluster.head_node.networking.elastic_ip
    if elastic_ip is True:
        yield (
            ELASTIC_IP,
            {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc", "Tags": _tags(cluster, site)}},
        )
    if elastic_ip:
        yield ELASTIC_IP_ASSOCIATION, _association(elastic_ip, site)
    yield LAUNCH_TEMPLATE, _launch_template(cluster, site)
    yield HEAD_NODE, _instance(cluster, site)


def _tags(cluster: Cluster, site: Site) -> list[dict[str, str]]:
    return tag_list(cluster, site, Name=f"{site.cluster_name} head node")


def _interface(cluster: Cluster, site: Site) -> Resource:
    """An interface of its own, so that the address stays when the instance stops, and a group can change."""
    return {
        "Type": "AWS::EC2::NetworkInterface",
        "Properties": {
            "Description": f"Head node of the Shoal cluster {site.cluster_name}",
            "SubnetId": cluster.head_node.networking.subnet_id,
            "GroupSet": head_node_groups(cluster),
            "Tags": _tags(cluster, site),
        },
    }


def _association(elastic_ip: bool | str, site: Site) -> Resource:
    """By allocation id; `site` has that of a plain address."""
    allocation: Value = get_att(ELASTIC_IP, "AllocationId")
    if isinstance(elastic_ip, str):
        allocation = site.elastic_ips.get(elastic_ip, elastic_ip)
    return {
        "Type": "AWS::EC2::EIPAssociation",
        "Properties": {"AllocationId": allocation, "NetworkInterfaceId": ref(INTERFACE)},
    }


def _instance(cluster: Cluster, site: Site) -> Resource:
    head, timeout = cluster.head_node, cluster.dev_settings.timeouts.head_node_bootstrap_timeout
    key = {"KeyName": head.ssh.key_name} if head.ssh.key_name else {}
    return {
        "Type": "AWS::EC2::Instance",
        "DependsOn": _first(cluster, site),
        "CreationPolicy": {"ResourceSignal": {"Count": 1, "Timeout": f"PT{timeout}S"}},
        **({"Metadata": fleet_metadata(cluster, site)} if cluster.kind == SLURM else {}),
        "Properties": {
            "ImageId": site.head_node_ami,
            "InstanceType": head.instance_type,
            "IamInstanceProfile": _profile(cluster),
            **key,
            "NetworkInterfaces": [{"DeviceIndex": "0", "NetworkInterfaceId": ref(INTERFACE)}],
            # Version 1 for ever: another one would replace the instance, and the template may get new tags.
            "LaunchTemplate": {"LaunchTemplateId": ref(LAUNCH_TEMPLATE), "Version": "1"},
            # Attached by the instance itself: a VolumeAttachment would wait for the signal, and the signal for the
            # volume; and when the stack is deleted, the instance goes first and so unmounts what it has mounted.
            "Volumes": [
                {"VolumeId": disk.volume_id, "Device": disk.device}
                for volume in volumes(cluster)
                for disk in volume.disks
            ],
            **cpu_options(site.instance_types[head.instance_type], head.disable_simultaneous_multithreading),
            "MetadataOptions": metadata_options(cluster),
            "Monitoring": cluster.monitoring.detailed_monitoring,
            "PropagateTagsToVolumeOnCreation": True,
            "UserData": {"Fn::Base64": node_script(settings(cluster, site))},
            "Tags": _tags(cluster, site),
        },
    }


def _first(cluster: Cluster, site: Site) -> list[str]:
    """What must exist before the node starts, and go after it: it writes to these, or reaches the world by them."""
    first = [*FIRST_OF_KIND[cluster.kind], *mount_target_ids(cluster, site)]
    if cluster.monitoring.logs.cloud_watch.enabled:
        first.append(HEAD_NODE_LOGS)
    if cluster.head_node.networking.elastic_ip:
        first.append(ELASTIC_IP_ASSOCIATION)
    return first


def _profile(cluster: Cluster) -> Value:
    given = cluster.head_node.iam.instance_profile
    return given.rsplit("/", 1)[-1] if given else ref(HEAD_NODE_PROFILE)


def _launch_template(cluster: Cluster, site: Site) -> Resource:
    """The root volume: the instance's own property for it does not know `Throughput`."""
    return {
        "Type": "AWS::EC2::LaunchTemplate",
        "Properties": {
            "LaunchTemplateData": {"BlockDeviceMappings": [_root_volume(cluster, site)]},
            "TagSpecifications": [{"ResourceType": "launch-template", "Tags": _tags(cluster, site)}],
        },
    }


def _root_volume(cluster: Cluster, site: Site) -> dict[str, Any]:
    root = cluster.head_node.local_storage.root_volume
    device = site.head_node_root_device
    return root_volume(cluster, root, device, DeleteOnTermination=root.delete_on_termination)
