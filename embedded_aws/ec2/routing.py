"""NAT gateways with their address and interface, endpoints with their filters, black holes, and networks still in use.

https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html: a public NAT gateway takes an Elastic IP and
an interface, and needs an internet gateway; MiniStack's has neither. A route whose target is gone is a `blackhole`
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html). What still has interfaces, public addresses or
endpoints in it does not go (https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html); MiniStack's goes.
"""

from __future__ import annotations

import secrets
from typing import Any

from embedded_aws.ec2 import request as ec2_request
from embedded_aws.ec2.network import free_address
from embedded_aws.ec2.request import Action, Query, Record, RefusedError, Response, is_true, selected, value, wrap
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *ec2_request.HOOKS,
    ("services.ec2", "_nat_gateways"),
    ("services.ec2", "_vpc_endpoints"),
    ("services.ec2", "_vpce_fields_xml"),
    ("services.ec2", "_internet_gateways"),
    ("services.ec2", "_route_tables"),
    ("services.ec2", "_network_interfaces"),
    ("services.ec2", "_addresses"),
    ("services.ec2", "_subnets"),
    ("services.ec2", "_vpcs"),
    ("services.ec2", "_tag_set_xml"),
)

NAT_FILTERS = {"nat-gateway-id": "NatGatewayId", "state": "State", "subnet-id": "SubnetId", "vpc-id": "VpcId"}
ENDPOINT_FILTERS = {
    "service-name": "ServiceName", "vpc-endpoint-id": "VpcEndpointId", "vpc-endpoint-state": "State",
    "vpc-endpoint-type": "VpcEndpointType", "vpc-id": "VpcId",
}  # fmt: skip


def install() -> None:
    """Put the operations around MiniStack's."""
    wrap(
        CreateNatGateway=_create_nat_gateway,
        DeleteNatGateway=_delete_nat_gateway,
        DescribeNatGateways=_describe_nat_gateways,
        CreateVpcEndpoint=_create_endpoint,
        DescribeVpcEndpoints=_describe_endpoints,
        DescribeRouteTables=_describe_route_tables,
        DeleteSubnet=_delete_subnet,
        DetachInternetGateway=_detach_internet_gateway,
        DeleteVpc=_delete_vpc,
    )


def _create_nat_gateway(create: Action, query: Query) -> Response:
    """AWS says later, by the state `failed`, that a network has no internet gateway; here the call says it."""
    from ministack.services import ec2

    subnet_id, private = value(query, "SubnetId"), value(query, "ConnectivityType") == "private"
    address = {} if private else _free_elastic_ip(value(query, "AllocationId"))
    private_address = free_address(subnet_id)
    subnet = ec2._subnets[subnet_id]
    if not private and not _is_attached(subnet["VpcId"]):
        message = f"Network {subnet['VpcId']} has no Internet gateway attached"
        raise RefusedError("Gateway.NotAttached", message)
    known = set(ec2._nat_gateways)
    answer = create(query)
    for identifier in set(ec2._nat_gateways) - known:
        interface = _interface(identifier, subnet, private_address)
        ec2._nat_gateways[identifier]["NetworkInterfaceId"] = interface
        if address:
            address.update(AssociationId=f"eipassoc-{secrets.token_hex(9)[:17]}", NetworkInterfaceId=interface)
    return answer


def _free_elastic_ip(allocation_id: str) -> Record:
    from ministack.services import ec2

    if not allocation_id:
        raise RefusedError("MissingParameter", "The request must include the AllocationId parameter.")
    address: Record | None = ec2._addresses.get(allocation_id)
    if address is None:
        raise RefusedError("InvalidAllocationID.NotFound", f"The allocation ID '{allocation_id}' does not exist")
    if address.get("AssociationId"):
        message = f"Elastic IP address [{allocation_id}] is already associated"
        raise RefusedError("Resource.AlreadyAssociated", message)
    return address


def _is_attached(vpc_id: str) -> bool:
    from ministack.services import ec2

    attachments = [item for gateway in ec2._internet_gateways.values() for item in gateway["Attachments"]]
    return any(attachment["VpcId"] == vpc_id for attachment in attachments)


def _interface(nat_gateway: str, subnet: Record, address: str) -> str:
    """The interface of a NAT gateway; it has no security group, and goes with the gateway."""
    from ministack.services import ec2

    identifier = f"eni-{secrets.token_hex(9)[:17]}"
    octets = ":".join(f"{byte:02x}" for byte in secrets.token_bytes(5))
    ec2._network_interfaces[identifier] = {
        "NetworkInterfaceId": identifier, "SubnetId": subnet["SubnetId"], "VpcId": subnet["VpcId"],
        "AvailabilityZone": subnet["AvailabilityZone"], "Description": f"Interface for NAT Gateway {nat_gateway}",
        "OwnerId": subnet["OwnerId"], "Status": "in-use", "PrivateIpAddress": address, "InterfaceType": "nat_gateway",
        "SourceDestCheck": False, "MacAddress": f"02:{octets}", "Groups": [], "Attachment": None,
    }  # fmt: skip
    return identifier


def _delete_nat_gateway(delete: Action, query: Query) -> Response:
    from ministack.services import ec2

    interface = ec2._nat_gateways.get(value(query, "NatGatewayId"), {}).get("NetworkInterfaceId")
    ec2._network_interfaces.pop(interface, None)
    for address in ec2._addresses.values():
        if interface and address.get("NetworkInterfaceId") == interface:
            address.update(AssociationId=None, NetworkInterfaceId=None)
    return delete(query)


def _describe_nat_gateways(_: Action, query: Query) -> Response:
    from ministack.services import ec2

    found = selected(query, ec2._nat_gateways, "NatGatewayId", "NatGatewayNotFound", NAT_FILTERS)
    body = "".join(f"<item>{_nat_gateway_fields(gateway)}</item>" for gateway in found)
    answer: Response = ec2._xml(200, "DescribeNatGatewaysResponse", f"<natGatewaySet>{body}</natGatewaySet>")
    return answer


def _nat_gateway_fields(gateway: Record) -> str:
    from ministack.services import ec2

    interface = gateway.get("NetworkInterfaceId", "")
    address = ec2._addresses.get(gateway["AllocationId"], {})
    fields = {
        "natGatewayId": gateway["NatGatewayId"], "subnetId": gateway["SubnetId"], "vpcId": gateway["VpcId"],
        "state": gateway["State"], "connectivityType": gateway["ConnectivityType"], "createTime": gateway["CreateTime"],
    }  # fmt: skip
    addressed = {
        "allocationId": gateway["AllocationId"], "networkInterfaceId": interface,
        "privateIp": ec2._network_interfaces.get(interface, {}).get("PrivateIpAddress", ""),
        "publicIp": address.get("PublicIp", ""),
    }  # fmt: skip
    own = f"<natGatewayAddressSet><item>{_elements(addressed)}</item></natGatewayAddressSet>"
    return f"{_elements(fields)}{own}{ec2._tag_set_xml(gateway['NatGatewayId'])}"


def _elements(fields: dict[str, Any]) -> str:
    return "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())


def _create_endpoint(create: Action, query: Query) -> Response:
    from ministack.services import ec2

    if (vpc := value(query, "VpcId")) not in ec2._vpcs:
        raise RefusedError("InvalidVpcId.NotFound", f"The Vpc Id {vpc} does not exist")
    known = set(ec2._vpc_endpoints)
    answer = create(query)
    for identifier in set(ec2._vpc_endpoints) - known:
        endpoint = ec2._vpc_endpoints[identifier]
        by_interface = endpoint["VpcEndpointType"] == "Interface"
        endpoint["PrivateDnsEnabled"] = by_interface and is_true(value(query, "PrivateDnsEnabled") or "true")
    return answer


def _describe_endpoints(_: Action, query: Query) -> Response:
    from ministack.services import ec2

    found = selected(query, ec2._vpc_endpoints, "VpcEndpointId", "InvalidVpcEndpointId.NotFound", ENDPOINT_FILTERS)
    body = "".join(_endpoint_fields(endpoint) for endpoint in found)
    answer: Response = ec2._xml(200, "DescribeVpcEndpointsResponse", f"<vpcEndpointSet>{body}</vpcEndpointSet>")
    return answer


def _endpoint_fields(endpoint: Record) -> str:
    from ministack.services import ec2

    named = str(bool(endpoint.get("PrivateDnsEnabled"))).lower()
    whole: str = ec2._vpce_fields_xml(endpoint)
    return whole.replace("<routeTableIdSet>", f"<privateDnsEnabled>{named}</privateDnsEnabled><routeTableIdSet>", 1)


def _describe_route_tables(describe: Action, query: Query) -> Response:
    from ministack.services import ec2

    for table in ec2._route_tables.values():
        for route in table["Routes"]:
            route["State"] = "blackhole" if _is_gone(route, table["VpcId"]) else "active"
    return describe(query)


def _is_gone(route: Record, vpc_id: str) -> bool:
    """Whether the target of a route is no longer there; what MiniStack has no store of always is."""
    from ministack.services import ec2

    if nat_gateway := route.get("NatGatewayId"):
        return bool(ec2._nat_gateways.get(nat_gateway, {}).get("State") != "available")
    if interface := route.get("NetworkInterfaceId"):
        return interface not in ec2._network_interfaces
    gateway = str(route.get("GatewayId", ""))
    return gateway.startswith("igw-") and not _is_attached(vpc_id)


def _delete_subnet(delete: Action, query: Query) -> Response:
    from ministack.services import ec2

    subnet = value(query, "SubnetId")
    if any(interface["SubnetId"] == subnet for interface in ec2._network_interfaces.values()):
        raise RefusedError("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.")
    ec2._tags.pop(subnet, None)
    for table in ec2._route_tables.values():
        table["Associations"] = [item for item in table["Associations"] if item.get("SubnetId") != subnet]
    return delete(query)


def _detach_internet_gateway(detach: Action, query: Query) -> Response:
    from ministack.services import ec2

    vpc = value(query, "VpcId")
    inside = {name for name, interface in ec2._network_interfaces.items() if interface["VpcId"] == vpc}
    mapped = [address for address in ec2._addresses.values() if address.get("AssociationId")]
    public = any(address.get("NetworkInterfaceId") in inside for address in mapped)
    if public or any(_is_public(instance, vpc) for instance in ec2._instances.values()):
        message = f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before"
        raise RefusedError("DependencyViolation", f"{message} detaching the gateway.")
    return detach(query)


def _is_public(instance: Record, vpc_id: str) -> bool:
    lives = instance["State"]["Name"] not in ("terminated", "shutting-down")
    return bool(lives and instance.get("VpcId") == vpc_id and instance.get("PublicIpAddress"))


def _delete_vpc(delete: Action, query: Query) -> Response:
    from ministack.services import ec2

    vpc = value(query, "VpcId")
    if any(endpoint["VpcId"] == vpc for endpoint in ec2._vpc_endpoints.values()):
        raise RefusedError("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted.")
    ec2._tags.pop(vpc, None)
    return delete(query)
