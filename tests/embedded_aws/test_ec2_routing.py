"""Are NAT gateways, endpoints and routes as complete and as strict as EC2's, and networks in use kept?"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ec2.images import IMAGES
from embedded_aws.process import REGION
from tests.support.embedded import Account

VPC, SUBNET, GATEWAY = "vpc-00000001", "subnet-00000001", "igw-00000001"
S3 = f"com.amazonaws.{REGION}.s3"


@pytest.fixture
def ec2(account: Account) -> Any:
    return account.client("ec2")


def nat_gateway(ec2: Any, **options: Any) -> dict[str, Any]:
    """A new NAT gateway, as DescribeNatGateways shows it."""
    asked = {"SubnetId": SUBNET, "AllocationId": ec2.allocate_address(Domain="vpc")["AllocationId"]} | options
    identifier = ec2.create_nat_gateway(**asked)["NatGateway"]["NatGatewayId"]
    return shown(ec2, identifier)


def shown(ec2: Any, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = ec2.describe_nat_gateways(NatGatewayIds=[identifier])["NatGateways"][0]
    return found


def states(ec2: Any, table: str) -> dict[str, str]:
    """The states of a table's routes by destination."""
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return {route["DestinationCidrBlock"]: route["State"] for route in routes}


def test_a_nat_gateway_has_its_address_and_an_interface_in_its_subnet(ec2: Any) -> None:
    address = ec2.allocate_address(Domain="vpc")
    made = nat_gateway(ec2, AllocationId=address["AllocationId"])
    own = made["NatGatewayAddresses"][0]
    assert (made["State"], made["VpcId"], own["PublicIp"]) == ("available", VPC, address["PublicIp"])
    interface = ec2.describe_network_interfaces(NetworkInterfaceIds=[own["NetworkInterfaceId"]])["NetworkInterfaces"][0]
    assert interface["Description"] == f"Interface for NAT Gateway {made['NatGatewayId']}"
    assert (interface["InterfaceType"], interface["PrivateIpAddress"]) == ("nat_gateway", own["PrivateIp"])


def test_a_nat_gateway_holds_its_address_until_it_is_deleted(ec2: Any) -> None:
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = nat_gateway(ec2, AllocationId=address)
    with pytest.raises(ClientError, match=r"Resource\.AlreadyAssociated"):
        nat_gateway(ec2, AllocationId=address)
    with pytest.raises(ClientError, match=r"InvalidIPAddress\.InUse"):
        ec2.release_address(AllocationId=address)
    ec2.delete_nat_gateway(NatGatewayId=made["NatGatewayId"])
    ec2.release_address(AllocationId=address)
    assert shown(ec2, made["NatGatewayId"])["State"] == "deleted"
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"SubnetId": "subnet-0123456789abcdeff"}, "InvalidSubnetID.NotFound"),
        ({"AllocationId": "eipalloc-0123456789abcdeff"}, "InvalidAllocationID.NotFound"),
        ({"AllocationId": ""}, "MissingParameter"),
    ],
)
def test_a_nat_gateway_of_nothing_is_refused(ec2: Any, options: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as refusal:
        nat_gateway(ec2, **options)
    assert refusal.value.response["Error"]["Code"] == code


def test_a_public_nat_gateway_needs_an_internet_gateway_and_a_private_one_does_not(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    with pytest.raises(ClientError, match=r"Gateway\.NotAttached.*has no Internet gateway attached"):
        nat_gateway(ec2, SubnetId=subnet)
    private = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]
    assert shown(ec2, private["NatGatewayId"])["State"] == "available"


def test_nat_gateways_and_endpoints_are_found_by_their_network(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    made = nat_gateway(ec2)["NatGatewayId"]
    endpoint = ec2.create_vpc_endpoint(VpcId=VPC, ServiceName=S3)["VpcEndpoint"]["VpcEndpointId"]
    for network, gateways, endpoints in ((VPC, [made], [endpoint]), (vpc, [], [])):
        condition = [{"Name": "vpc-id", "Values": [network]}]
        found = ec2.describe_nat_gateways(Filters=condition)["NatGateways"]
        assert [gateway["NatGatewayId"] for gateway in found] == gateways
        named = ec2.describe_vpc_endpoints(Filters=condition)["VpcEndpoints"]
        assert [one["VpcEndpointId"] for one in named] == endpoints


@pytest.mark.parametrize(
    ("options", "private_dns"),
    [
        ({"VpcEndpointType": "Interface"}, True),
        ({"VpcEndpointType": "Interface", "PrivateDnsEnabled": False}, False),
        ({"VpcEndpointType": "Gateway"}, False),
    ],
)
def test_an_endpoint_says_whether_its_services_names_lead_to_it(
    ec2: Any, options: dict[str, Any], private_dns: bool
) -> None:
    made = ec2.create_vpc_endpoint(VpcId=VPC, ServiceName=S3, **options)["VpcEndpoint"]["VpcEndpointId"]
    found = ec2.describe_vpc_endpoints(VpcEndpointIds=[made])["VpcEndpoints"][0]
    assert (found["PrivateDnsEnabled"], found["State"]) == (private_dns, "available")


def test_an_endpoint_in_no_network_is_refused(ec2: Any) -> None:
    with pytest.raises(ClientError, match=r"InvalidVpcId\.NotFound"):
        ec2.create_vpc_endpoint(VpcId="vpc-0123456789abcdeff", ServiceName=S3)


def test_a_route_to_what_is_gone_is_a_black_hole(ec2: Any) -> None:
    table = ec2.create_route_table(VpcId=VPC)["RouteTable"]["RouteTableId"]
    made = nat_gateway(ec2)["NatGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=made)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", GatewayId=GATEWAY)
    ways = ("0.0.0.0/0", "192.0.2.0/24", "172.31.0.0/16")
    assert states(ec2, table) == dict.fromkeys(ways, "active")
    ec2.delete_nat_gateway(NatGatewayId=made)
    ec2.detach_internet_gateway(InternetGatewayId=GATEWAY, VpcId=VPC)
    assert states(ec2, table) == dict(zip(ways, ("blackhole", "blackhole", "active"), strict=True))


def test_what_is_in_use_does_not_go(ec2: Any) -> None:
    made = nat_gateway(ec2)["NatGatewayId"]
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_subnet(SubnetId=SUBNET)
    with pytest.raises(ClientError, match=r"DependencyViolation.*mapped public address"):
        ec2.detach_internet_gateway(InternetGatewayId=GATEWAY, VpcId=VPC)
    ec2.delete_nat_gateway(NatGatewayId=made)
    ec2.delete_subnet(SubnetId=SUBNET)
    ec2.detach_internet_gateway(InternetGatewayId=GATEWAY, VpcId=VPC)


def test_an_instance_with_a_public_address_holds_its_internet_gateway(ec2: Any) -> None:
    launched = ec2.run_instances(ImageId=IMAGES[0][0], InstanceType="c5.large", MinCount=1, MaxCount=1)["Instances"][0]
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.detach_internet_gateway(InternetGatewayId=GATEWAY, VpcId=VPC)
    ec2.terminate_instances(InstanceIds=[launched["InstanceId"]])
    ec2.detach_internet_gateway(InternetGatewayId=GATEWAY, VpcId=VPC)


def test_a_network_with_an_endpoint_does_not_go(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3)["VpcEndpoint"]["VpcEndpointId"]
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    ec2.delete_vpc(VpcId=vpc)


@pytest.mark.parametrize("elastic", [True, False])
def test_an_instance_on_an_interface_of_its_own_has_the_address_of_interface_or_subnet(ec2: Any, elastic: bool) -> None:
    interface = ec2.create_network_interface(SubnetId=SUBNET)["NetworkInterface"]["NetworkInterfaceId"]
    address = ec2.allocate_address(Domain="vpc")
    if elastic:
        ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
    attached = [{"DeviceIndex": 0, "NetworkInterfaceId": interface}]
    asked = {"ImageId": IMAGES[0][0], "InstanceType": "c5.large", "MinCount": 1, "MaxCount": 1}
    identifier = ec2.run_instances(**asked, NetworkInterfaces=attached)["Instances"][0]["InstanceId"]
    found = ec2.describe_instances(InstanceIds=[identifier])["Reservations"][0]["Instances"][0]
    assert found["PublicIpAddress"]
    assert (found["PublicIpAddress"] == address["PublicIp"]) is elastic
