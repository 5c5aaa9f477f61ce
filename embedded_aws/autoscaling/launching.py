"""A group's instances as EC2 has them: launched from the group's template in the emptiest of its subnets, and ended.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html#arch-AutoScalingMultiAZ - instances are
spread over the zones, and where one lacks capacity another is tried. They get the group's tags that are to be
propagated (https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html), and
`aws:autoscaling:groupName`. MiniStack's groups have ids that EC2 does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from embedded_aws import clients
from embedded_aws.autoscaling import faults
from embedded_aws.ec2.request import Record
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.ec2", "_instances"),
    ("services.ec2", "_subnets"),
    ("services.ec2", "_resolve_launch_template_data"),
    ("services.autoscaling", "_tags"),
)

GROUP_TAG = "aws:autoscaling:groupName"
NO_CAPACITY = "InsufficientInstanceCapacity"
ON_IN_SERVICE: list[Callable[[str], None]] = []
"""Called with the id of an instance that came into service: where a stand-in begins to act for it."""


class LaunchError(Exception):
    """EC2 refused to launch an instance; the message is a failed activity's status."""


def launch(record: Record) -> Record:
    """Launch one instance of a group.

    Returns:
        What EC2 tells of it.

    Raises:
        LaunchError: no subnet of the group takes it.
    """
    reason = "The group has no subnet."
    for subnet in _emptiest_first(record):
        try:
            return _launched(record, subnet)
        except ClientError as error:
            reason = error.response["Error"]["Message"]
            if error.response["Error"]["Code"] != NO_CAPACITY:
                break
    raise LaunchError(f"{reason.removesuffix('.')}. Launching EC2 instance failed.")


def terminate(record: Record, instance_id: str) -> str | None:
    """End an instance; why EC2 refuses, or None."""
    from ministack.core.responses import get_account_id

    if refused := faults.termination_refusal(get_account_id(), record["AutoScalingGroupName"]):
        return refused
    try:
        clients.client("ec2").terminate_instances(InstanceIds=[instance_id])
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
            return str(error.response["Error"]["Message"])
    return None


def is_alive(instance_id: str) -> bool:
    """Whether EC2 has an instance pending or running."""
    from ministack.services import ec2

    instance = ec2._instances.get(instance_id)
    return instance is not None and instance["State"]["Name"] in ("pending", "running")


def show(instance_id: str, code: int, state: str) -> None:
    """Let EC2 tell that an instance that is alive is pending, or running."""
    from ministack.services import ec2

    if is_alive(instance_id):
        ec2._instances[instance_id]["State"] = {"Code": code, "Name": state}


def template_data(template: Record) -> tuple[Record, Record] | None:
    """What a launch template says in the version that a group uses, and the template; None if there is none."""
    from ministack.services import ec2

    data, found, problem = ec2._resolve_launch_template_data(template)
    return None if problem or not found else (data, found)


def _emptiest_first(record: Record) -> list[str]:
    """The group's subnets, those with the fewest of its instances first."""
    used = [instance["_subnet"] for instance in record["Instances"]]
    return sorted(record["_subnets"], key=lambda subnet: (used.count(subnet), record["_subnets"].index(subnet)))


def _launched(record: Record, subnet: str) -> Record:
    from ministack.core.responses import get_account_id
    from ministack.services import ec2

    data = (template_data(record["LaunchTemplate"]) or ({}, {}))[0]
    zone = (ec2._subnets.get(subnet) or {}).get("AvailabilityZone", "")
    kind = data.get("InstanceType", "m1.small")
    if refused := faults.launch_refusal(get_account_id(), record["AutoScalingGroupName"], kind, zone):
        raise ClientError({"Error": {"Code": refused[0], "Message": refused[1]}}, "RunInstances")
    answer = clients.client("ec2").run_instances(
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        LaunchTemplate={key: record["LaunchTemplate"][key] for key in ("LaunchTemplateId", "Version")},
        TagSpecifications=_tags(record, data),
    )
    launched: Record = answer["Instances"][0]
    show(launched["InstanceId"], 0, "pending")
    return launched


def _tags(record: Record, data: Record) -> list[dict[str, Any]]:
    """What the template tags, and the instance's tags with those of the group above them."""
    from ministack.services import autoscaling

    name = record["AutoScalingGroupName"]
    tagged: dict[str, dict[str, str]] = {"instance": {}}
    for specification in data.get("TagSpecifications") or []:
        tags = {tag["Key"]: tag["Value"] for tag in specification.get("Tags") or []}
        tagged.setdefault(specification["ResourceType"], {}).update(tags)
    own = [tag for tag in autoscaling._tags.get(name, []) if tag.get("PropagateAtLaunch")]
    tagged["instance"] |= {tag["Key"]: tag["Value"] for tag in own} | {GROUP_TAG: name}
    return [
        {"ResourceType": kind, "Tags": [{"Key": key, "Value": text} for key, text in tags.items()]}
        for kind, tags in tagged.items()
    ]
