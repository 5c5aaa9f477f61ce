"""Tags of EC2's, Auto Scaling's and EFS's resources, where policies and the tagging API look for them.

AWS: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html - `aws:ResourceTag` holds
the tags of the resource of a request. MiniStack collects those of nine services, and these three are not among them.
"""

from __future__ import annotations

from collections.abc import Iterator

from embedded_aws.access.resources import EC2_KINDS
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.tagging", "_RESOURCE_TAG_COLLECTORS"),
    ("services.tagging", "_collect_efs"),
    ("services.ec2", "_tags"),
    ("services.autoscaling", "_asgs"),
    ("services.autoscaling", "_tags"),
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
)


def install() -> None:
    """Let MiniStack find them by ARN."""
    from ministack.services import tagging

    tagging._RESOURCE_TAG_COLLECTORS["ec2"] = collect
    tagging._RESOURCE_TAG_COLLECTORS["autoscaling"] = _groups
    tagging._RESOURCE_TAG_COLLECTORS["elasticfilesystem"] = tagging._collect_efs


def collect() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Every tagged resource of the current account and Region: its ARN, and its tags."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import ec2

    for identifier, tags in list(ec2._tags.items()):
        if kind := EC2_KINDS.get(identifier.split("-")[0]):
            yield f"arn:aws:ec2:{get_region()}:{get_account_id()}:{kind}/{identifier}", list(tags)


def _groups() -> Iterator[tuple[str, list[dict[str, str]]]]:
    from ministack.services import autoscaling

    for name, record in autoscaling._asgs.items():
        tags = autoscaling._tags.get(name, [])
        yield record["AutoScalingGroupARN"], [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]
