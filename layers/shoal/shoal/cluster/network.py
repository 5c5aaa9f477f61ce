"""Networks: subnets, addresses and security groups of the head node and the queues."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from re import fullmatch
from typing import Annotated

from pydantic import BeforeValidator, Field

from shoal.cluster.grammar import Change, Code, Matching, Refused, Section, Violation, problem

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


class _SecurityGroups(Section):
    security_groups: tuple[SecurityGroupId, ...]
    additional_security_groups: tuple[SecurityGroupId, ...]

    def rules(self) -> Iterator[Violation]:
        """Groups instead of the cluster's own, or in addition to it."""
        if self.security_groups and self.additional_security_groups:
            suggestion = "keep SecurityGroups to replace the cluster's own group, the other to add to it"
            yield Violation("AdditionalSecurityGroups", "cannot be combined with SecurityGroups", suggestion)


class HeadNodeNetworking(_SecurityGroups):
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


class QueueNetworking(_SecurityGroups):
    """Where a queue's instances stand."""

    subnet_ids: Annotated[tuple[SubnetId, ...], Change.ROLLS, Field(min_length=1, max_length=16)]
    """Subnets of the queue's instances, best one in each availability zone."""
    assign_public_ip: Annotated[bool | None, Change.ROLLS] = None
    """Whether instances get a public address; without it the subnet decides."""
    security_groups: Annotated[tuple[SecurityGroupId, ...], Change.ROLLS] = ()
    """Security groups instead of the one made for compute instances."""
    additional_security_groups: Annotated[tuple[SecurityGroupId, ...], Change.ROLLS] = ()
    """Security groups in addition to the one made for compute instances."""


# ---- resources
