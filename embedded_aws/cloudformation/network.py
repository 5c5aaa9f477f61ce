"""CloudFormation's Elastic IP, interface, placement group and single rules of a security group.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
"""

from __future__ import annotations

from typing import Any

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import picked, request, without
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    Properties,
    ResourceType,
    absent_is_deleted,
    physical_name,
    register,
    retag,
    tag_specifications,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS

_RULE = (
    "CidrIp", "CidrIpv6", "FromPort", "GroupId", "GroupName", "IpProtocol", "SourcePrefixListId",
    "SourceSecurityGroupId", "DestinationPrefixListId", "DestinationSecurityGroupId", "ToPort",
)  # fmt: skip


def install() -> None:
    """Register the types."""
    register(
        ResourceType(
            "AWS::EC2::EIP", _allocate, _release, _retagged, ("Address", "IpamPoolId", "NetworkBorderGroup"), _TAGS
        ),
        ResourceType(
            "AWS::EC2::EIPAssociation",
            _associate,
            _disassociate,
            replacing=("AllocationId", "EIP", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress"),
        ),
        ResourceType(
            "AWS::EC2::NetworkInterface",
            _create_interface,
            _delete_interface,
            _update_interface,
            ("InterfaceType", "PrivateIpAddress", "SubnetId"),
            _TAGS,
        ),
        ResourceType(
            "AWS::EC2::PlacementGroup",
            _create_group,
            _delete_group,
            replacing=("ParentGroupId", "PartitionCount", "SpreadLevel", "Strategy", "Tags"),
            tags=_TAGS,
        ),
        ResourceType("AWS::EC2::SecurityGroupIngress", _authorize("ingress"), _revoke("ingress"), replacing=_RULE),
        ResourceType("AWS::EC2::SecurityGroupEgress", _authorize("egress"), _revoke("egress"), replacing=_RULE),
    )


_TAGS = ("Tags", "list")


def _allocate(logical_id: str, properties: Properties, stack: str) -> Created:
    ec2 = client("ec2")
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tag_specifications("elastic-ip", properties))
    if instance := properties.get("InstanceId"):
        ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance)
    return address["PublicIp"], {"AllocationId": address["AllocationId"], "PublicIp": address["PublicIp"]}


def _address(public_ip: str) -> dict[str, Any] | None:
    found = client("ec2").describe_addresses(Filters=[{"Name": "public-ip", "Values": [public_ip]}])["Addresses"]
    return found[0] if found else None


def _retagged(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    address = _address(physical_id) or {}
    retag(address["AllocationId"], old, new)
    return physical_id, {"AllocationId": address["AllocationId"], "PublicIp": physical_id}


def _release(physical_id: str, properties: Properties) -> None:
    if address := _address(physical_id):
        if association := address.get("AssociationId"):
            client("ec2").disassociate_address(AssociationId=association)
        client("ec2").release_address(AllocationId=address["AllocationId"])


def _associate(logical_id: str, properties: Properties, stack: str) -> Created:
    wanted = picked(properties, "AllocationId", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress")
    if "EIP" in properties:
        wanted["AllocationId"] = (_address(properties["EIP"]) or {}).get("AllocationId", properties["EIP"])
    association = client("ec2").associate_address(**wanted)["AssociationId"]
    return association, {"Id": association}


def _disassociate(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("InvalidAssociationID.NotFound"):
        client("ec2").disassociate_address(AssociationId=physical_id)


def _create_interface(logical_id: str, properties: Properties, stack: str) -> Created:
    wanted = without(properties, "GroupSet", "SourceDestCheck", "Tags")
    wanted["Groups"] = properties.get("GroupSet", [])
    made = client("ec2").create_network_interface(
        **request("ec2", "CreateNetworkInterface", wanted),
        TagSpecifications=tag_specifications("network-interface", properties),
    )["NetworkInterface"]
    identifier = made["NetworkInterfaceId"]
    attributes = {"Id": identifier, "PrimaryPrivateIpAddress": made["PrivateIpAddress"], "VpcId": made["VpcId"]}
    return identifier, attributes


def _update_interface(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    retag(physical_id, old, new)
    found = client("ec2").describe_network_interfaces(NetworkInterfaceIds=[physical_id])["NetworkInterfaces"][0]
    return physical_id, {
        "Id": physical_id,
        "PrimaryPrivateIpAddress": found["PrivateIpAddress"],
        "VpcId": found["VpcId"],
    }


def _delete_interface(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("InvalidNetworkInterfaceID.NotFound"):
        client("ec2").delete_network_interface(NetworkInterfaceId=physical_id)


def _create_group(logical_id: str, properties: Properties, stack: str) -> Created:
    name = physical_name(stack, logical_id, 255)
    wanted = {"GroupName": name, **without(properties, "Tags")}
    call = request("ec2", "CreatePlacementGroup", wanted)
    made = client("ec2").create_placement_group(
        **call, TagSpecifications=tag_specifications("placement-group", properties)
    )
    return name, {"GroupName": name, "GroupId": made["PlacementGroup"]["GroupId"]}


def _delete_group(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("InvalidPlacementGroup.Unknown"):
        client("ec2").delete_placement_group(GroupName=physical_id)


def _authorize(direction: str) -> Any:
    def create(logical_id: str, properties: Properties, stack: str) -> Created:
        operation = getattr(client("ec2"), f"authorize_security_group_{direction}")
        made = operation(GroupId=properties["GroupId"], IpPermissions=[permission(properties)])
        rule = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return rule, {"Id": rule}

    return create


def _revoke(direction: str) -> Any:
    def delete(physical_id: str, properties: Properties) -> None:
        operation = getattr(client("ec2"), f"revoke_security_group_{direction}")
        with absent_is_deleted("InvalidGroup.NotFound", "InvalidPermission.NotFound"):
            operation(GroupId=properties["GroupId"], IpPermissions=[permission(properties)])

    return delete


def permission(properties: Properties) -> dict[str, Any]:
    """A rule as the API has it."""
    described = {"Description": properties["Description"]} if properties.get("Description") else {}
    permission: dict[str, Any] = {"IpProtocol": str(properties["IpProtocol"])}
    permission |= {key: int(properties[key]) for key in ("FromPort", "ToPort") if key in properties}
    group = properties.get("SourceSecurityGroupId") or properties.get("DestinationSecurityGroupId")
    prefixes = properties.get("SourcePrefixListId") or properties.get("DestinationPrefixListId")
    if "CidrIp" in properties:
        permission["IpRanges"] = [{"CidrIp": properties["CidrIp"], **described}]
    if "CidrIpv6" in properties:
        permission["Ipv6Ranges"] = [{"CidrIpv6": properties["CidrIpv6"], **described}]
    if group:
        permission["UserIdGroupPairs"] = [{"GroupId": group, **described}]
    if prefixes:
        permission["PrefixListIds"] = [{"PrefixListId": prefixes, **described}]
    return permission
