"""A CloudFormation change set, read: which resources change, and whether any that holds data or jobs is replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NO_CHANGES = re.compile("didn't contain changes|No updates are to be performed")
"""What CloudFormation gives as the reason when a change set fails because there is nothing to change."""
HOLDERS = {
    "AWS::EC2::Volume": "the volume",
    "AWS::EFS::FileSystem": "the file system",
    "AWS::EC2::Instance": "the head node",
    "AWS::S3::Bucket": "the bucket",
    "AWS::ECR::Repository": "the repository",
    "AWS::Batch::JobQueue": "the queue",
    "AWS::Batch::ComputeEnvironment": "the environment",
    "AWS::AutoScaling::AutoScalingGroup": "the nodes' group",
    "AWS::DynamoDB::Table": "the table of nodes",
    "AWS::SQS::Queue": "the queue of the nodes' messages",
}
"""What holds data or jobs, so that no update may replace it."""

_IN_PLACE = {
    "AWS::EC2::Instance": {"EbsOptimized", "InstanceType", "SecurityGroupIds", "UserData"},
    "AWS::Batch::ComputeEnvironment": None,
}
"""Types with the properties (none: all) whose conditional replacement never is one here.

The head node is EBS-backed and in a VPC
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-instance.html), environments
say `ReplaceComputeEnvironment: false` (https://docs.aws.amazon.com/batch/latest/userguide/updating-compute-environments.html).
"""


@dataclass(frozen=True)
class ResourceChange:
    """What a change set says of one resource."""

    logical_id: str
    type: str
    action: str
    """`Add`, `Modify` or `Remove`."""
    replacement: str
    """`True`, `False` or `Conditional`, as CloudFormation says it of a modification."""
    properties: tuple[str, ...] = ()
    """The properties that change, those first which call for the replacement."""
    causes: tuple[str, ...] = ()
    """Logical ids of other resources whose change causes this one's."""

    @property
    def held(self) -> str | None:
        """What data or jobs it holds that the update would, or may, replace."""
        return HOLDERS.get(self.type) if self.replaced else None

    @property
    def replaced(self) -> bool:
        """Whether the resource would, or may, be replaced."""
        if self.replacement != "Conditional":
            return self.replacement == "True"
        harmless = _IN_PLACE.get(self.type, set())
        return harmless is not None and not set(self.properties) <= harmless

    def to_item(self) -> dict[str, Any]:
        """As plans show it."""
        return {
            "logicalId": self.logical_id,
            "type": self.type,
            "action": self.action,
            "replaced": self.replaced,
            "properties": list(self.properties),
        }


def resource_changes(changes: Sequence[Mapping[str, Any]]) -> tuple[ResourceChange, ...]:
    """The changes of a change set, as `DescribeChangeSet` lists them."""
    return tuple(_resource_change(change["ResourceChange"]) for change in changes if "ResourceChange" in change)


def _resource_change(change: Mapping[str, Any]) -> ResourceChange:
    details = change.get("Details", ())
    targets = sorted((detail["Target"] for detail in details), key=_calls_for_replacement, reverse=True)
    causes = [str(detail["CausingEntity"]).split(".")[0] for detail in details if detail.get("CausingEntity")]
    decisive = [target for target in targets if target.get("RequiresRecreation", "Never") != "Never"] or targets
    return ResourceChange(
        logical_id=change["LogicalResourceId"],
        type=change["ResourceType"],
        action=change["Action"],
        replacement=change.get("Replacement", "False"),
        properties=tuple(dict.fromkeys(target.get("Name") or target["Attribute"] for target in decisive)),
        causes=tuple(dict.fromkeys(causes)),
    )


def _calls_for_replacement(target: Mapping[str, Any]) -> int:
    return ("Never", "Conditionally", "Always").index(target.get("RequiresRecreation", "Never"))
