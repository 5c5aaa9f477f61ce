"""What an instance's metadata say: EC2's own records, and a session of the role of its profile.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html has the categories; those that
nodes and cloud-init read are here.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from embedded_aws import clients
from embedded_aws.ec2 import profiles
from embedded_aws.ec2.request import Record
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *profiles.HOOKS,
    ("services.ec2", "_instances"),
    ("services.ec2", "_vpcs"),
    ("services.ec2", "_network_interfaces"),
    ("services.ec2", "_tags"),
)

Tree = dict[str, Any]
"""Entries by name; a tree for those below one."""
_LIFE = datetime.timedelta(hours=6)


def entries(instance: Record, region: str, notices: Tree) -> Tree:
    """Everything below `meta-data`.

    Args:
        instance: EC2's record.
        region: where it is.
        notices: what AWS tells it to do, by the entry's path below `spot` and `events`.
    """
    from ministack.services import ec2

    zone, address = instance["Placement"]["AvailabilityZone"], instance["PrivateIpAddress"]
    interface = primary_interface(instance)
    tags = {tag["Key"]: tag["Value"] for tag in ec2._tags.get(instance["InstanceId"], [])}
    shows_tags = instance["MetadataOptions"]["InstanceMetadataTags"] == "enabled"
    return {
        "ami-id": instance["ImageId"],
        "ami-launch-index": "0",
        "hostname": private_name(address, region),
        "instance-id": instance["InstanceId"],
        "instance-life-cycle": "spot" if instance.get("InstanceLifecycle") == "spot" else "on-demand",
        "instance-type": instance["InstanceType"],
        "local-hostname": private_name(address, region),
        "local-ipv4": address,
        "mac": interface["MacAddress"],
        "network": {"interfaces": {"macs": {interface["MacAddress"]: _network(instance, interface, region)}}},
        "placement": {"availability-zone": zone, "region": region},
        "security-groups": "\n".join(group["GroupName"] for group in instance["SecurityGroups"]),
        "services": {"domain": "amazonaws.com", "partition": "aws"},
        **({"public-ipv4": instance["PublicIpAddress"]} if instance.get("PublicIpAddress") else {}),
        **({"tags": {"instance": tags}} if shows_tags and tags else {}),
        **_profile(instance),
        **notices,
    }


def primary_interface(instance: Record) -> Record:
    """The interface with which an instance was launched."""
    from ministack.services import ec2

    return next(
        interface
        for interface in ec2._network_interfaces.values()
        if (attachment := interface.get("Attachment"))
        and attachment.get("InstanceId") == instance["InstanceId"]
        and int(attachment.get("DeviceIndex", 0)) == 0
    )


def vpc_ranges(instance: Record) -> list[str]:
    """The IPv4 ranges of an instance's VPC."""
    from ministack.services import ec2

    vpc = ec2._vpcs[instance["VpcId"]]
    associated = [one["CidrBlock"] for one in vpc.get("CidrBlockAssociationSet") or []]
    return list(dict.fromkeys([vpc["CidrBlock"], *associated]))


def private_name(address: str, region: str) -> str:
    """The name of an instance by its address (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html)."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{domain}"


def _network(instance: Record, interface: Record, region: str) -> Tree:
    ranges = vpc_ranges(instance)
    return {
        "device-number": "0",
        "interface-id": interface["NetworkInterfaceId"],
        "local-hostname": private_name(instance["PrivateIpAddress"], region),
        "local-ipv4s": instance["PrivateIpAddress"],
        "mac": interface["MacAddress"],
        "owner-id": interface["OwnerId"],
        "security-group-ids": "\n".join(group["GroupId"] for group in instance["SecurityGroups"]),
        "subnet-id": instance["SubnetId"],
        "vpc-id": instance["VpcId"],
        "vpc-ipv4-cidr-block": ranges[0],
        "vpc-ipv4-cidr-blocks": "\n".join(ranges),
    }


def _profile(instance: Record) -> Tree:
    """The profile's role: its name, and a session that is checked like every other."""
    arn = (instance.get("IamInstanceProfile") or {}).get("Arn", "")
    role = profiles.role_arn(arn)
    if not role:
        return {}
    now = datetime.datetime.now(datetime.UTC)
    key, secret, token = clients.role_session(role, instance["InstanceId"])
    session = {
        "Code": "Success",
        "LastUpdated": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "Type": "AWS-HMAC",
        "AccessKeyId": key,
        "SecretAccessKey": secret,
        "Token": token,
        "Expiration": f"{now + _LIFE:%Y-%m-%dT%H:%M:%SZ}",
    }
    told = {"Code": "Success", "LastUpdated": session["LastUpdated"], "InstanceProfileArn": arn}
    return {"iam": {"info": json.dumps(told), "security-credentials": {role.rsplit("/", 1)[-1]: json.dumps(session)}}}
