"""Does CloudFormation make NAT gateways, and keep networks that are in use?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.embedded import Account
from tests.support.stacks import Stack, resource

VPC, SUBNETS = "vpc-00000001", ("subnet-00000001", "subnet-00000002")


def nat(subnet: str = SUBNETS[0], **properties: Any) -> dict[str, Any]:
    """A NAT gateway with its address."""
    address = {"Fn::GetAtt": ["Address", "AllocationId"]}
    return {
        "Address": resource("AWS::EC2::EIP", {"Domain": "vpc"}),
        "Nat": resource("AWS::EC2::NatGateway", {"SubnetId": subnet, "AllocationId": address} | properties),
    }


@pytest.fixture
def stack(account: Account) -> Stack:
    return Stack(account)


def shown(account: Account, stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = account.client("ec2").describe_nat_gateways(NatGatewayIds=[stack.physical_id("Nat")])
    return dict(found["NatGateways"][0])


def test_a_nat_gateway_is_made_with_its_address_and_goes_before_it(account: Account, stack: Stack) -> None:
    outputs = {"Card": {"Value": {"Fn::GetAtt": ["Nat", "EniId"]}}}
    stack.create(nat(Tags=[{"Key": "side", "Value": "public"}]), sections={"Outputs": outputs})
    found, ec2 = shown(account, stack), account.client("ec2")
    assert found["NatGatewayAddresses"][0]["PublicIp"] == stack.physical_id("Address")
    assert stack.outputs() == {"Card": found["NatGatewayAddresses"][0]["NetworkInterfaceId"]}
    tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
    assert (tags["side"], tags["aws:cloudformation:logical-id"]) == ("public", "Nat")
    identifier = stack.physical_id("Nat")
    stack.delete()
    assert ec2.describe_nat_gateways(NatGatewayIds=[identifier])["NatGateways"][0]["State"] == "deleted"
    assert ec2.describe_addresses()["Addresses"] == []


def test_another_subnet_replaces_a_nat_gateway_and_another_tag_does_not(account: Account, stack: Stack) -> None:
    stack.create(nat())
    assert stack.changes(nat(SUBNETS[1]))["Nat"]["Replacement"] == "True"
    before = stack.physical_id("Nat")
    stack.update(nat(Tags=[{"Key": "side", "Value": "public"}]))
    assert stack.physical_id("Nat") == before
    assert {"Key": "side", "Value": "public"} in shown(account, stack)["Tags"]


def test_a_nat_gateway_in_no_subnet_fails_the_stack(stack: Stack) -> None:
    stack.create(nat("subnet-0123456789abcdeff"), status="ROLLBACK_COMPLETE")
    assert any("does not exist" in reason for reason in stack.reasons())


def test_a_subnet_in_use_is_kept_and_its_stack_fails_to_delete(account: Account, stack: Stack) -> None:
    ec2 = account.client("ec2")
    stack.create({"Subnet": resource("AWS::EC2::Subnet", {"VpcId": VPC, "CidrBlock": "172.31.48.0/20"})})
    card = ec2.create_network_interface(SubnetId=stack.physical_id("Subnet"))["NetworkInterface"]["NetworkInterfaceId"]
    stack.delete(status="DELETE_FAILED")
    assert any("has dependencies and cannot be deleted" in reason for reason in stack.reasons())
    ec2.delete_network_interface(NetworkInterfaceId=card)
    stack.delete()


def test_a_gateway_with_public_addresses_behind_it_stays_attached(account: Account, stack: Stack) -> None:
    ec2 = account.client("ec2")
    attached = {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "Gateway"}}
    stack.create(
        {
            "Vpc": resource("AWS::EC2::VPC", {"CidrBlock": "10.9.0.0/16"}),
            "Subnet": resource("AWS::EC2::Subnet", {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.9.0.0/24"}),
            "Gateway": resource("AWS::EC2::InternetGateway"),
            "Attachment": resource("AWS::EC2::VPCGatewayAttachment", attached),
        }
    )
    card = ec2.create_network_interface(SubnetId=stack.physical_id("Subnet"))["NetworkInterface"]["NetworkInterfaceId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    association = ec2.associate_address(AllocationId=address, NetworkInterfaceId=card)["AssociationId"]
    stack.delete(status="DELETE_FAILED")
    assert any("mapped public address" in reason for reason in stack.reasons())
    ec2.disassociate_address(AssociationId=association)
    ec2.detach_internet_gateway(InternetGatewayId=stack.physical_id("Gateway"), VpcId=stack.physical_id("Vpc"))
    ec2.delete_network_interface(NetworkInterfaceId=card)
    stack.delete()
