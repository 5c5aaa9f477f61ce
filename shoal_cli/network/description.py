"""What `shoal network` says of a network: for programs, and for people with what goes into a configuration."""

from __future__ import annotations

from typing import Any

import yaml

from shoal_cli.network.stack import Network

COST = (
    "the NAT gateway and its address cost from now on, used or not: 0.05 dollars an hour in us-east-1, and each GB"
    " through it 0.045 dollars (list prices of 2026); --without-nat makes none"
)


def described(network: Network) -> dict[str, Any]:
    """A network for programs, in the manner of the front door's answers."""
    facts = {
        "name": network.name,
        "status": network.status,
        "stackName": network.stack,
        "vpcId": network.outputs.get("VpcId"),
        "cidr": network.outputs.get("Cidr"),
        "availabilityZones": network.ids("AvailabilityZones"),
        "publicSubnetIds": network.ids("PublicSubnetIds"),
        "privateSubnetIds": network.ids("PrivateSubnetIds"),
        "natGatewayId": network.outputs.get("NatGatewayId"),
        "natAddress": network.outputs.get("NatAddress"),
        "configuration": configuration(network) if network.outputs else None,
    }
    return {key: value for key, value in facts.items() if value}


def configuration(network: Network) -> dict[str, Any]:
    """The part of a configuration that puts a cluster into the network; a Slurm cluster has `SlurmQueues`.

    Without a NAT gateway nothing in a private subnet reaches AWS, so that compute instances stand in public ones too.
    """
    compute = network.ids("PrivateSubnetIds" if "NatGatewayId" in network.outputs else "PublicSubnetIds")
    return {
        "HeadNode": {"Networking": {"SubnetId": network.ids("PublicSubnetIds")[0]}},
        "Scheduling": {"AwsBatchQueues": [{"Networking": {"SubnetIds": compute}}]},
    }


def readable(network: Network) -> str:
    """A network for people."""
    facts = described(network)
    lines = [f"network {network.name} is {network.status}"]
    if "configuration" not in facts:
        return "\n".join(lines)
    zones = ", ".join(facts["availabilityZones"])
    lines += [
        f"  stack            {network.stack}",
        f"  VPC              {facts['vpcId']} ({facts['cidr']}, in {zones})",
        f"  public subnets   {', '.join(facts['publicSubnetIds'])}",
        f"  private subnets  {', '.join(facts['privateSubnetIds'])}",
        f"  NAT gateway      {_nat(facts)}",
        "",
        "what a cluster's configuration needs of it:",
        "",
    ]
    pasted = yaml.safe_dump(facts["configuration"], sort_keys=False).rstrip()
    slurm = "# of a Slurm cluster the key is SlurmQueues"
    return "\n".join(lines) + "\n" + pasted.replace("AwsBatchQueues:", f"AwsBatchQueues: {slurm}")


def _nat(facts: dict[str, Any]) -> str:
    if "natGatewayId" in facts:
        return f"{facts['natGatewayId']} ({facts['natAddress']})"
    return "none: private subnets reach S3 and DynamoDB only"
