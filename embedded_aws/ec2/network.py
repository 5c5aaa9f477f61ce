"""Addresses inside the subnet, interfaces, Elastic IPs and security groups: what MiniStack does not check.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html has the codes. MiniStack's default VPC also
lacks the route to the internet that AWS's has (https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html).
"""

from __future__ import annotations

import ipaddress
import secrets

from embedded_aws.ec2 import request as ec2_request
from embedded_aws.ec2.request import (
    Action,
    Query,
    Record,
    RefusedError,
    Response,
    listed,
    selected,
    specified_tags,
    value,
    wrap,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *ec2_request.HOOKS,
    ("services.ec2", "_init_defaults"),
    ("services.ec2", "_default_initialized_scopes"),
    ("services.ec2", "_network_interfaces"),
    ("services.ec2", "_eni_fields_xml"),
    ("services.ec2", "_addresses"),
    ("services.ec2", "_subnets"),
    ("services.ec2", "_security_groups"),
    ("services.ec2", "_route_tables"),
    ("services.ec2", "_instances"),
    ("services.ec2", "_DEFAULT_SUBNET_ID"),
    ("services.ec2", "_DEFAULT_RTB_ID"),
    ("services.ec2", "_DEFAULT_IGW_ID"),
)

RESERVED = 4
"""The first addresses of a subnet are AWS's own (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html)."""

INTERFACE_FILTERS = {
    "attachment.instance-id": "Attachment.InstanceId", "availability-zone": "AvailabilityZone",
    "description": "Description", "group-id": "Groups.GroupId", "network-interface-id": "NetworkInterfaceId",
    "private-ip-address": "PrivateIpAddress", "status": "Status", "subnet-id": "SubnetId", "vpc-id": "VpcId",
    "requester-id": "RequesterId", "interface-type": "InterfaceType",
}  # fmt: skip

ADDRESS_FILTERS = {
    "allocation-id": "AllocationId", "association-id": "AssociationId", "instance-id": "InstanceId",
    "network-interface-id": "NetworkInterfaceId", "public-ip": "PublicIp", "domain": "Domain",
}  # fmt: skip


def install() -> None:
    """Put the operations around MiniStack's."""
    from ministack.services import ec2

    defaults = ec2._init_defaults

    def init_defaults() -> None:
        defaults()
        routes = ec2._route_tables[ec2._DEFAULT_RTB_ID]["Routes"]
        if all(route.get("DestinationCidrBlock") != "0.0.0.0/0" for route in routes):
            routes.append({
                "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ec2._DEFAULT_IGW_ID, "State": "active",
                "Origin": "CreateRoute",
            })  # fmt: skip

    ec2._init_defaults = init_defaults
    ec2._default_initialized_scopes.clear()
    wrap(
        CreateNetworkInterface=_create_interface,
        DeleteNetworkInterface=_delete_interface,
        DescribeNetworkInterfaces=_describe_interfaces,
        DescribeAddresses=_describe_addresses,
        AssociateAddress=_associate_address,
        ReleaseAddress=_release_address,
        DeleteSecurityGroup=_delete_group,
        DescribeRouteTables=_describe_route_tables,
    )


_given: dict[str, int] = {}
"""The last address of each subnet that was given out: the next one follows it, so that none comes back at once."""


def free_address(subnet_id: str, wanted: str = "") -> str:
    """A private address of a subnet that nothing has.

    Raises:
        RefusedError: the subnet does not exist, the address wanted is taken or not in it, or none is left.
    """
    from ministack.services import ec2

    subnet = ec2._subnets.get(subnet_id)
    if subnet is None:
        raise RefusedError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    network = ipaddress.ip_network(subnet["CidrBlock"])
    taken = {interface["PrivateIpAddress"] for interface in ec2._network_interfaces.values()}
    if wanted:
        if ipaddress.ip_address(wanted) not in network:
            raise RefusedError(
                "InvalidParameterValue", f"Address {wanted} does not fall within the subnet's address range"
            )
        if wanted in taken:
            raise RefusedError("InvalidIPAddress.InUse", f"Address {wanted} is in use.")
        return wanted
    first, end = _given.get(subnet_id, RESERVED - 1) + 1, network.num_addresses - 1
    for number in (*range(first, end), *range(RESERVED, min(first, end))):
        if (address := str(network[number])) not in taken:
            _given[subnet_id] = number
            return address
    raise RefusedError("InsufficientFreeAddressesInSubnet", f"Insufficient free addresses in subnet '{subnet_id}'.")


def new_mac() -> str:
    """A hardware address of one interface, administered locally as EC2's are; MiniStack's may be no address of one."""
    return ":".join(["02", *(f"{byte:02x}" for byte in secrets.token_bytes(5))])


def check_groups(groups: list[str]) -> None:
    """Make sure that security groups exist.

    Raises:
        RefusedError: one does not.
    """
    from ministack.services import ec2

    for group in groups:
        if group not in ec2._security_groups:
            raise RefusedError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")


def _create_interface(create: Action, query: Query) -> Response:
    from ministack.services import ec2

    address = free_address(value(query, "SubnetId"), value(query, "PrivateIpAddress"))
    check_groups(listed(query, "SecurityGroupId"))
    known = set(ec2._network_interfaces)
    answer: Response = create(query)
    for identifier in set(ec2._network_interfaces) - known:
        ec2._network_interfaces[identifier].update(PrivateIpAddress=address, MacAddress=new_mac())
        if tags := specified_tags(query, "network-interface"):
            ec2._tags[identifier] = tags
        body = ec2._eni_fields_xml(ec2._network_interfaces[identifier], tag="networkInterface")
        answer = ec2._xml(200, "CreateNetworkInterfaceResponse", body)
    return answer


def _delete_interface(delete: Action, query: Query) -> Response:
    from ministack.services import ec2

    identifier = value(query, "NetworkInterfaceId")
    if (found := ec2._network_interfaces.get(identifier)) and found.get("Attachment"):
        raise RefusedError("InvalidParameterValue", f"Network interface '{identifier}' is currently in use.")
    ec2._tags.pop(identifier, None)
    return delete(query)


def _describe_interfaces(describe: Action, query: Query) -> Response:
    from ministack.services import ec2

    found = selected(
        query,
        ec2._network_interfaces,
        "NetworkInterfaceId",
        "InvalidNetworkInterfaceID.NotFound",
        INTERFACE_FILTERS,
    )
    body = "".join(ec2._eni_fields_xml(interface) for interface in found)
    answer: Response = ec2._xml(
        200, "DescribeNetworkInterfacesResponse", f"<networkInterfaceSet>{body}</networkInterfaceSet>"
    )
    return answer


def _describe_addresses(describe: Action, query: Query) -> Response:
    from ministack.services import ec2

    found = selected(query, ec2._addresses, "AllocationId", "InvalidAllocationID.NotFound", ADDRESS_FILTERS)
    wanted = {f"AllocationId.{number}": [address["AllocationId"]] for number, address in enumerate(found, 1)}
    if not wanted:
        nothing: Response = ec2._xml(200, "DescribeAddressesResponse", "<addressesSet/>")
        return nothing
    return describe(wanted)


def _associate_address(associate: Action, query: Query) -> Response:
    from ministack.services import ec2

    interface = value(query, "NetworkInterfaceId")
    answer = associate(query)
    if answer[0] != 200:
        return answer
    address = ec2._addresses[value(query, "AllocationId")]
    if interface:
        attachment = ec2._network_interfaces.get(interface, {}).get("Attachment") or {}
        address.update(NetworkInterfaceId=interface, InstanceId=attachment.get("InstanceId"))
    if address["InstanceId"] in ec2._instances:
        ec2._instances[address["InstanceId"]]["PublicIpAddress"] = address["PublicIp"]
    return answer


def _release_address(release: Action, query: Query) -> Response:
    from ministack.services import ec2

    found: Record = ec2._addresses.get(value(query, "AllocationId"), {})
    if found.get("AssociationId"):
        raise RefusedError("InvalidIPAddress.InUse", f"Address {found['PublicIp']} is in use.")
    return release(query)


def _delete_group(delete: Action, query: Query) -> Response:
    from ministack.services import ec2

    group = value(query, "GroupId")
    users = [interface["Groups"] for interface in ec2._network_interfaces.values()]
    if group in {member["GroupId"] for groups in users for member in groups}:
        raise RefusedError("DependencyViolation", f"resource {group} has a dependent object")
    ec2._tags.pop(group, None)
    return delete(query)


def _describe_route_tables(describe: Action, query: Query) -> Response:
    from ministack.services import ec2

    for table in listed(query, "RouteTableId"):
        if table not in ec2._route_tables:
            raise RefusedError("InvalidRouteTableID.NotFound", f"The routeTable ID '{table}' does not exist")
    return describe(query)
