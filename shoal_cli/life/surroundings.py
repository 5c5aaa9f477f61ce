"""What a cluster finds in an account: a network, and its configuration file with that network's ids."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from shoal_cli.application import Application

CIDR = "10.20.0.0/16"
SUBNET_CIDR = "10.20.1.0/24"


def make_subnet(application: Application) -> str:
    """A network with one subnet and a way out; the subnet's id."""
    ec2 = application.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": True}})
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=SUBNET_CIDR, AvailabilityZone=f"{application.session.region_name}a")
    ec2.modify_subnet_attribute(SubnetId=subnet["Subnet"]["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet["Subnet"]["SubnetId"])
    return str(subnet["Subnet"]["SubnetId"])


def configuration(example: Path, subnet: str) -> dict[str, Any]:
    """An example's configuration in that subnet, whatever subnets it names."""
    written: dict[str, Any] = yaml.safe_load(example.read_text())
    written["HeadNode"]["Networking"]["SubnetId"] = subnet
    scheduling = written["Scheduling"]
    for queue in scheduling.get("AwsBatchQueues") or scheduling["SlurmQueues"]:
        queue["Networking"]["SubnetIds"] = [subnet]
    return written


def with_more_queues(configuration: dict[str, Any]) -> dict[str, Any]:
    """The same cluster with a Spot queue more, and more vCPUs in the queue that it has."""
    changed = copy.deepcopy(configuration)
    queues = changed["Scheduling"]["AwsBatchQueues"]
    queues[0]["ComputeResources"][0]["MaxvCpus"] *= 2
    queues.append(
        {
            "Name": "spot",
            "CapacityType": "SPOT",
            "Networking": queues[0]["Networking"],
            "ComputeResources": [{"Name": "spot", "InstanceTypes": ["c6i.large"], "MaxvCpus": 64}],
        }
    )
    return changed


def with_unencrypted_volume(configuration: dict[str, Any]) -> dict[str, Any]:
    """The same cluster with its shared volume not encrypted: CloudFormation would replace the volume, data and all."""
    changed = copy.deepcopy(configuration)
    changed["SharedStorage"][0]["EbsSettings"]["Encrypted"] = False
    return changed
