"""EC2: what a configuration names, looked up; what does not exist is left out of the answer.

Describe calls fail as a whole when one id is wrong, so they filter instead: all that is missing is told at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import batched
from typing import Any

from shoal.aws.session import client

_VALUES_PER_FILTER = 200
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html"""


def _filtered(operation: str, key: str, name: str, values: Collection[str]) -> Iterator[dict[str, Any]]:
    """Every item of a Describe call whose attribute is one of the values."""
    paginator = client("ec2").get_paginator(operation)
    for chunk in batched(sorted(set(values)), _VALUES_PER_FILTER, strict=False):
        for page in paginator.paginate(Filters=[{"Name": name, "Values": list(chunk)}]):
            yield from page[key]


def subnets(ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Subnets by id."""
    return {item["SubnetId"]: item for item in _filtered("describe_subnets", "Subnets", "subnet-id", ids)}


def vpc_cidrs(ids: Collection[str]) -> dict[str, str]:
    """The primary IPv4 block of VPCs by id."""
    return {item["VpcId"]: item["CidrBlock"] for item in _filtered("describe_vpcs", "Vpcs", "vpc-id", ids)}


def route_tables(vpc_ids: Collection[str]) -> tuple[dict[str, Any], ...]:
    """The route tables of VPCs."""
    return tuple(_filtered("describe_route_tables", "RouteTables", "vpc-id", vpc_ids))


def vpc_endpoints(vpc_ids: Collection[str]) -> tuple[dict[str, Any], ...]:
    """The endpoints of AWS's services in VPCs."""
    return tuple(_filtered("describe_vpc_endpoints", "VpcEndpoints", "vpc-id", vpc_ids))


def security_groups(ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Security groups by id."""
    found = _filtered("describe_security_groups", "SecurityGroups", "group-id", ids)
    return {item["GroupId"]: item for item in found}


def instance_types(names: Collection[str]) -> dict[str, dict[str, Any]]:
    """Instance types by name, as the Region offers them."""
    found = _filtered("describe_instance_types", "InstanceTypes", "instance-type", names)
    return {item["InstanceType"]: item for item in found}


def offered(names: Collection[str], zones: Collection[str]) -> set[tuple[str, str]]:
    """The pairs (instance type, availability zone) that EC2 offers, of those asked for."""
    pages = client("ec2").get_paginator("describe_instance_type_offerings")
    found: set[tuple[str, str]] = set()
    for chunk in batched(sorted(set(names)), _VALUES_PER_FILTER, strict=False):
        filters = [{"Name": "instance-type", "Values": list(chunk)}, {"Name": "location", "Values": sorted(set(zones))}]
        for page in pages.paginate(LocationType="availability-zone", Filters=filters):
            found |= {(offer["InstanceType"], offer["Location"]) for offer in page["InstanceTypeOfferings"]}
    return found


def images(ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """AMIs that the account can launch, by id."""
    return {item["ImageId"]: item for item in _filtered("describe_images", "Images", "image-id", ids)}


def placement_groups(names: Collection[str]) -> set[str]:
    """Those of the names that are cluster placement groups which can be used."""
    if not names:
        return set()
    filters = [{"Name": "group-name", "Values": sorted(set(names))}, {"Name": "strategy", "Values": ["cluster"]}]
    found = client("ec2").describe_placement_groups(Filters=filters)["PlacementGroups"]
    return {group["GroupName"] for group in found if group["State"] == "available"}


def key_pair_type(name: str) -> str | None:
    """`rsa` or `ed25519`, or none if there is no such key pair."""
    pairs = client("ec2").describe_key_pairs(Filters=[{"Name": "key-name", "Values": [name]}])["KeyPairs"]
    return str(pairs[0].get("KeyType", "rsa")) if pairs else None


def snapshots(ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """EBS snapshots by id."""
    return {item["SnapshotId"]: item for item in _filtered("describe_snapshots", "Snapshots", "snapshot-id", ids)}


def volumes(ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """EBS volumes by id."""
    return {item["VolumeId"]: item for item in _filtered("describe_volumes", "Volumes", "volume-id", ids)}


def instances(ids: Collection[str]) -> list[dict[str, Any]]:
    """Those of the instances that EC2 knows; one that was terminated is known for about an hour."""
    found = _filtered("describe_instances", "Reservations", "instance-id", ids)
    return [item for reservation in found for item in reservation["Instances"]]


def instance_states(ids: Collection[str]) -> dict[str, str]:
    """The states of instances (`running`, `stopped`, ...) by id."""
    return {item["InstanceId"]: item["State"]["Name"] for item in instances(ids)}


def instance_tags(instance_id: str) -> dict[str, str]:
    """The tags of an instance; none of one that EC2 does not know."""
    return {tag["Key"]: tag["Value"] for item in instances([instance_id]) for tag in item.get("Tags", [])}


def allocation_id(elastic_ip: str) -> str | None:
    """The allocation id of an Elastic IP that is named by it or by its address, or none if there is none such."""
    name = "allocation-id" if elastic_ip.startswith("eipalloc-") else "public-ip"
    found = client("ec2").describe_addresses(Filters=[{"Name": name, "Values": [elastic_ip]}])["Addresses"]
    return str(found[0]["AllocationId"]) if found else None
