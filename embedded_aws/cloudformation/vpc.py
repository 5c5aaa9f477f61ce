"""CloudFormation's NAT gateway, and networks that do not go while something is in them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-natgateway.html. MiniStack has
no such type; subnets and gateways it takes away from under what uses them, where EC2 refuses and the deletion fails.
"""

from __future__ import annotations

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import request, without
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    Properties,
    ResourceType,
    absent_is_deleted,
    as_resource_handler,
    register,
    retag,
    tag_specifications,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS


def install() -> None:
    """Register the type, and let EC2 delete what MiniStack's handlers take out of its stores."""
    from ministack.services.cloudformation import provisioners

    register(
        ResourceType(
            "AWS::EC2::NatGateway",
            _create,
            _delete,
            _update,
            ("AllocationId", "AvailabilityMode", "ConnectivityType", "PrivateIpAddress", "SubnetId", "VpcId"),
            ("Tags", "list"),
        )
    )
    deleting = {"AWS::EC2::Subnet": _delete_subnet, "AWS::EC2::VPCGatewayAttachment": _detach}
    for name, delete in deleting.items():
        provisioners._RESOURCE_HANDLERS[name]["delete"] = as_resource_handler(delete)


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    made = client("ec2").create_nat_gateway(
        **request("ec2", "CreateNatGateway", without(properties, "Tags")),
        TagSpecifications=tag_specifications("natgateway", properties),
    )["NatGateway"]
    return made["NatGatewayId"], _attributes(made["NatGatewayId"])


def _attributes(identifier: str) -> Properties:
    found = client("ec2").describe_nat_gateways(NatGatewayIds=[identifier])["NatGateways"][0]
    return {"NatGatewayId": identifier, "EniId": found["NatGatewayAddresses"][0]["NetworkInterfaceId"]}


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    retag(physical_id, old, new)
    return physical_id, _attributes(physical_id)


def _delete(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("NatGatewayNotFound"):
        client("ec2").delete_nat_gateway(NatGatewayId=physical_id)


def _delete_subnet(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("InvalidSubnetID.NotFound"):
        client("ec2").delete_subnet(SubnetId=physical_id)


def _detach(physical_id: str, properties: Properties) -> None:
    if gateway := properties.get("InternetGatewayId"):
        with absent_is_deleted("Gateway.NotAttached", "InvalidInternetGatewayID.NotFound"):
            client("ec2").detach_internet_gateway(InternetGatewayId=gateway, VpcId=properties["VpcId"])
