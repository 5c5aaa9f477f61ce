"""The template of a network, of the shape that `pcluster configure` makes: head nodes public, compute private."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shoal.cluster.template import Resource, Value, get_att, join, ref
from shoal_cli.network.layout import Layout

NETWORK_TAG = "shoal:network"
ANYWHERE = "0.0.0.0/0"
VPC = "Vpc"
GATEWAY = "InternetGateway"
ATTACHMENT = "InternetGatewayAttachment"
NAT_GATEWAY = "NatGateway"
NAT_ADDRESS = "NatAddress"
PUBLIC, PRIVATE = "Public", "Private"


def template(layout: Layout) -> dict[str, Any]:
    """The template of a network's stack."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Shoal network {layout.name}",
        "Resources": dict(_resources(layout)),
        "Outputs": {name: {"Description": why, "Value": value} for name, why, value in _outputs(layout)},
    }


def _resources(layout: Layout) -> Iterator[tuple[str, Resource]]:
    names = {"EnableDnsSupport": True, "EnableDnsHostnames": True}  # endpoints and mount targets are found by name
    yield VPC, _tagged("VPC", layout, "", CidrBlock=layout.cidr, **names)
    yield GATEWAY, _tagged("InternetGateway", layout, "")
    yield ATTACHMENT, _resource("VPCGatewayAttachment", VpcId=ref(VPC), InternetGatewayId=ref(GATEWAY))
    yield from _routes(layout, PUBLIC, GatewayId=ref(GATEWAY))
    yield from _routes(layout, PRIVATE, **({"NatGatewayId": ref(NAT_GATEWAY)} if layout.nat else {}))
    for number, subnets in enumerate(layout.subnets(), 1):
        yield from _subnet(layout, PUBLIC, number, subnets.zone, subnets.public)
        yield from _subnet(layout, PRIVATE, number, subnets.zone, subnets.private)
    if layout.nat:
        yield from _nat(layout)
    for service in ("S3", "DynamoDb"):
        yield f"{service}Endpoint", _endpoint(layout, service.lower())


def _resource(kind: str, **properties: Value) -> Resource:
    return {"Type": f"AWS::EC2::{kind}", "Properties": properties}


def _tagged(kind: str, layout: Layout, what: str, **properties: Value) -> Resource:
    tags = {"Name": f"{layout.name} {what}".strip(), NETWORK_TAG: layout.name}
    return _resource(kind, **properties, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def _routes(layout: Layout, side: str, **way_out: Value) -> Iterator[tuple[str, Resource]]:
    """The route table of one side, and its way out if it has one."""
    yield f"{side}Routes", _tagged("RouteTable", layout, side.lower(), VpcId=ref(VPC))
    if way_out:
        route = _resource("Route", RouteTableId=ref(f"{side}Routes"), DestinationCidrBlock=ANYWHERE, **way_out)
        # A route to a gateway that is not attached yet is refused.
        yield f"{side}WayOut", route | ({"DependsOn": ATTACHMENT} if side == PUBLIC else {})


def _subnet(layout: Layout, side: str, number: int, zone: str, cidr: str) -> Iterator[tuple[str, Resource]]:
    name = f"{side}Subnet{number}"
    placed = {"VpcId": ref(VPC), "AvailabilityZone": zone, "CidrBlock": cidr, "MapPublicIpOnLaunch": side == PUBLIC}
    yield name, _tagged("Subnet", layout, f"{side.lower()} {zone}", **placed)
    table = {"SubnetId": ref(name), "RouteTableId": ref(f"{side}Routes")}
    yield f"{name}Routes", _resource("SubnetRouteTableAssociation", **table)


def _nat(layout: Layout) -> Iterator[tuple[str, Resource]]:
    """One for all zones; what depends on the attachment is made after it, and goes before it."""
    yield NAT_ADDRESS, _tagged("EIP", layout, "nat", Domain="vpc") | {"DependsOn": ATTACHMENT}
    address, subnet = get_att(NAT_ADDRESS, "AllocationId"), ref(f"{PUBLIC}Subnet1")
    gateway = _tagged("NatGateway", layout, "", AllocationId=address, SubnetId=subnet)
    yield NAT_GATEWAY, gateway | {"DependsOn": [f"{PUBLIC}WayOut", f"{PUBLIC}Subnet1Routes"]}


def _endpoint(layout: Layout, service: str) -> Resource:
    """A gateway endpoint: it costs nothing, and keeps the service's traffic away from the NAT gateway."""
    return _tagged(
        "VPCEndpoint",
        layout,
        service,
        VpcEndpointType="Gateway",
        ServiceName=join("com.amazonaws.", ref("AWS::Region"), f".{service}"),
        VpcId=ref(VPC),
        RouteTableIds=[ref(f"{side}Routes") for side in (PUBLIC, PRIVATE)],
    )


def _outputs(layout: Layout) -> Iterator[tuple[str, str, Value]]:
    yield "VpcId", "The network", ref(VPC)
    yield "Cidr", "Its range", layout.cidr
    yield "AvailabilityZones", "Zones of its subnets", ",".join(layout.zones)
    for side in (PUBLIC, PRIVATE):
        subnets = [ref(f"{side}Subnet{number}") for number, _ in enumerate(layout.zones, 1)]
        yield f"{side}SubnetIds", f"{side} subnets, in the order of the zones", {"Fn::Join": [",", subnets]}
    if layout.nat:
        yield "NatGatewayId", "The way from the private subnets to the internet", ref(NAT_GATEWAY)
        yield "NatAddress", "The address under which they appear there", ref(NAT_ADDRESS)
