"""Networks: subnets, addresses and security groups of the head node and the queues."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from re import fullmatch
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from shoal.cluster.grammar import Change, Code, Matching, Refused, Section, Violation, problem
from shoal.cluster.kinds import SLURM
from shoal.cluster.site import Site
from shoal.cluster.template import Resource, Value, logical_id, ref, tag_list

if TYPE_CHECKING:
    from shoal.cluster.batch import Queue
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.slurm_queues import SlurmQueue

SubnetId = Annotated[str, Matching(r"subnet-([0-9a-z]{8}|[0-9a-z]{17})", "a subnet id like `subnet-0123456789abcdef0`")]
SecurityGroupId = Annotated[
    str, Matching(r"sg-([0-9a-z]{8}|[0-9a-z]{17})", "a security group id like `sg-0123456789abcdef0`")
]


def _elastic_ip(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if isinstance(value, str) and (fullmatch(r"eipalloc-[0-9a-f]{8,17}", value) or _is_address(value)):
        return value
    suggestion = "write true, false, the address of an Elastic IP, or its allocation id"
    raise problem(Code.INVALID_VALUE, "is neither a boolean nor an Elastic IP", suggestion)


def _is_address(value: str) -> bool:
    try:
        IPv4Address(value)
    except AddressValueError:
        return False
    return True


def _one_kind_of_groups(section: HeadNodeNetworking | QueueNetworking) -> Iterator[Violation]:
    if section.security_groups and section.additional_security_groups:
        suggestion = "keep SecurityGroups to replace the cluster's own group, the other to add to it"
        yield Violation("AdditionalSecurityGroups", "cannot be combined with SecurityGroups", suggestion)


class HeadNodeNetworking(Section):
    """Where the head node stands and who reaches it."""

    subnet_id: Annotated[SubnetId, Change.REPLACES]
    """Subnet of the head node."""
    elastic_ip: Annotated[bool | str, Change.LIVE, BeforeValidator(_elastic_ip)] = False
    """Whether the head node gets an Elastic IP; or the address or allocation id of an existing one."""
    security_groups: Annotated[tuple[SecurityGroupId, ...], Change.LIVE] = ()
    """Security groups instead of the one made for the head node."""
    additional_security_groups: Annotated[tuple[SecurityGroupId, ...], Change.LIVE] = ()
    """Security groups in addition to the one made for the head node."""
    proxy: Annotated[
        None, Refused("nodes reach AWS directly", "use VPC endpoints or a NAT gateway in the head node's subnet")
    ] = None
    """HTTP proxy of the head node."""

    def rules(self) -> Iterator[Violation]:
        """Groups instead of the cluster's own, or in addition to it."""
        return _one_kind_of_groups(self)


class QueueNetworking(Section):
    """Where a queue's instances stand."""

    subnet_ids: Annotated[tuple[SubnetId, ...], Change.ROLLS, Field(min_length=1, max_length=16)]
    """Subnets of the queue's instances, best one in each availability zone."""
    assign_public_ip: Annotated[bool | None, Change.ROLLS] = None
    """Whether instances get a public address; without it the subnet decides."""
    security_groups: Annotated[tuple[SecurityGroupId, ...], Change.ROLLS] = ()
    """Security groups instead of the one made for compute instances."""
    additional_security_groups: Annotated[tuple[SecurityGroupId, ...], Change.ROLLS] = ()
    """Security groups in addition to the one made for compute instances."""

    def rules(self) -> Iterator[Violation]:
        """Groups instead of the cluster's own, or in addition to it."""
        return _one_kind_of_groups(self)


# ---- resources

HEAD_NODE_GROUP = "HeadNodeSecurityGroup"
COMPUTE_GROUP = "ComputeSecurityGroup"
COMPUTE_TO_ITSELF = "ComputeToItself"
_ANYWHERE = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0", "Description": "Everywhere"}
"""What a group allows that names no way out; one that names some has to name it as well."""


def vpc_id(cluster: Cluster, site: Site) -> str:
    """The cluster's VPC: the one of the head node's subnet."""
    return site.subnets[cluster.head_node.networking.subnet_id].vpc_id


def head_node_groups(cluster: Cluster) -> list[Value]:
    """The security groups of the head node."""
    networking = cluster.head_node.networking
    return [*(networking.security_groups or [ref(HEAD_NODE_GROUP)]), *networking.additional_security_groups]


def queue_groups(queue: Queue | SlurmQueue) -> list[Value]:
    """The security groups of a queue's instances."""
    networking = queue.networking
    return [*(networking.security_groups or [ref(COMPUTE_GROUP)]), *networking.additional_security_groups]


def compute_groups(cluster: Cluster) -> dict[str, Value]:
    """By name, the groups that tell the cluster's compute instances from other machines."""
    queues = cluster.scheduling.queues
    groups: dict[str, Value] = {group: group for queue in queues for group in queue.networking.security_groups}
    return groups | ({COMPUTE_GROUP: ref(COMPUTE_GROUP)} if _owns_compute_group(cluster) else {})


def _owns_compute_group(cluster: Cluster) -> bool:
    return any(not queue.networking.security_groups for queue in cluster.scheduling.queues)


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The cluster's own security groups, and who may reach whom in them."""
    custom = cluster.head_node.networking.security_groups
    head: dict[str, Value] = {group: group for group in custom} or {HEAD_NODE_GROUP: ref(HEAD_NODE_GROUP)}
    compute = compute_groups(cluster)
    if not custom:
        ssh = _ssh(cluster.head_node.ssh.allowed_ips)
        yield HEAD_NODE_GROUP, _group(cluster, site, "Head node", SecurityGroupIngress=[ssh])
        for name, source in compute.items():
            yield logical_id("HeadNodeFrom", name), _everything_from(source, HEAD_NODE_GROUP)
    if _owns_compute_group(cluster):
        leaves = {"SecurityGroupEgress": [_ANYWHERE]} if cluster.kind == SLURM else {}
        yield COMPUTE_GROUP, _group(cluster, site, "Compute instances", **leaves)
        if cluster.kind == SLURM:
            yield COMPUTE_TO_ITSELF, _everything_to_itself()
        for name, source in (head | compute).items():
            yield logical_id("ComputeFrom", name), _everything_from(source, COMPUTE_GROUP)


def _group(cluster: Cluster, site: Site, what: str, **rules: Any) -> Resource:
    return {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": f"{what} of the Shoal cluster {site.cluster_name}",
            "VpcId": vpc_id(cluster, site),
            **rules,
            "Tags": tag_list(cluster, site, Name=f"{site.cluster_name} {what.lower()}"),
        },
    }


def _ssh(allowed: str) -> dict[str, Any]:
    source = "SourcePrefixListId" if allowed.startswith("pl-") else "CidrIp"
    return {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, source: allowed, "Description": "SSH"}


def _everything_from(source: Value, group: str) -> Resource:
    """A rule of its own, since two groups that name each other could not be created otherwise."""
    return {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {"GroupId": ref(group), "IpProtocol": "-1", "SourceSecurityGroupId": source},
    }


def _everything_to_itself() -> Resource:
    """EFA needs a way out to the group itself; one to every address does not do, since its packets have none:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-start.html#efa-start-security
    """
    group = ref(COMPUTE_GROUP)
    return {
        "Type": "AWS::EC2::SecurityGroupEgress",
        "Properties": {"GroupId": group, "IpProtocol": "-1", "DestinationSecurityGroupId": group},
    }
