"""What is in a network and does not belong to its stack: as long as there is any, the network cannot go."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from shoal.cluster.template import CLUSTER_TAG
from shoal_cli.application import Account
from shoal_cli.network.stack import Network
from shoal_cli.network.stack import resources as stack_resources
from shoal_cli.network.template import VPC

_KINDS = (
    ("subnet", "describe_subnets", "Subnets", "SubnetId"),
    ("security group", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("VPC endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("route table", "describe_route_tables", "RouteTables", "RouteTableId"),
)
"""What keeps a VPC beside instances and interfaces: name, paginator, key of the answer, key of the id;
https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html"""


def foreign(account: Account, network: Network) -> list[str]:
    """What is in the network and not the stack's own, each with its id and, where it has one, its cluster."""
    resources = stack_resources(account, network)
    vpc, own = resources.get(VPC), set(resources.values())
    if vpc is None:  # the creation never came so far, or the deletion has come so far
        return []
    interfaces = _items(account, "describe_network_interfaces", "NetworkInterfaces", vpc)
    told = [line for item in interfaces for line in _interface(item, own)]
    for kind, operation, key, identifier in _KINDS:
        for item in _items(account, operation, key, vpc):
            if item[identifier] not in own and not _is_the_networks_own(item):
                told.append(f"{kind} {item[identifier]}{_cluster(item)}")
    return list(dict.fromkeys(told))


def _items(account: Account, operation: str, key: str, vpc: str) -> Iterator[dict[str, Any]]:
    pages = account.client("ec2").get_paginator(operation).paginate(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    for page in pages:
        yield from page[key]


def _interface(item: Mapping[str, Any], own: Collection[str]) -> Iterator[str]:
    """The instance behind an interface, or the interface; the NAT gateway's own is the network's."""
    nat_gateway = item.get("Description", "").removeprefix("Interface for NAT Gateway ")
    if nat_gateway in own:
        return
    if instance := (item.get("Attachment") or {}).get("InstanceId"):
        yield f"instance {instance}{_cluster(item)}"
    else:
        described = f" ({item['Description']})" if item.get("Description") else ""
        yield f"network interface {item['NetworkInterfaceId']}{described}{_cluster(item)}"


def _is_the_networks_own(item: Mapping[str, Any]) -> bool:
    """Whether it came with the VPC and goes with it: the default security group, the main route table."""
    main = any(association.get("Main") for association in item.get("Associations", []))
    return bool(main or item.get("GroupName") == "default")


def _cluster(item: Mapping[str, Any]) -> str:
    """To which cluster something belongs, by its tag."""
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", item.get("TagSet", []))}
    return f" of the cluster {tags[CLUSTER_TAG]}" if CLUSTER_TAG in tags else ""


def close_default_group(account: Account, network: Network) -> None:
    """Take every rule from the default security group, so that nothing is open that nobody has opened.

    https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-2
    """
    ec2 = account.client("ec2")
    for group in _items(account, "describe_security_groups", "SecurityGroups", network.outputs["VpcId"]):
        if group["GroupName"] == "default":
            if rules := group["IpPermissions"]:
                ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rules)
            if rules := group["IpPermissionsEgress"]:
                ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=rules)
