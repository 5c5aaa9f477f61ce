"""A launch template's tags from its stack.

CloudFormation passes a stack's tags, and three of its own, to everything that can be tagged
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-add-tags.html). MiniStack does so for types
with a `Tags` property, which a launch template has not.
"""

from __future__ import annotations

from typing import Any

from embedded_aws.cfn import stack_record
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation", "_stacks"),
    ("services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    ("services.ec2", "_tags"),
    ("services.ec2", "_launch_templates"),
)

KIND = "AWS::EC2::LaunchTemplate"
OWN = "aws:cloudformation:"


def install() -> None:
    """Tag after creating and after updating."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS[KIND]
    create, update = handlers["create"], handlers["update"]

    def create_tagged(logical_id: str, properties: Any, stack: str) -> Any:
        return _tagged(create(logical_id, properties, stack), stack, logical_id)

    def update_tagged(physical_id: str, old: Any, new: Any, stack: str, logical_id: str) -> Any:
        return _tagged(update(physical_id, old, new, stack, logical_id), stack, logical_id)

    handlers.update(create=create_tagged, update=update_tagged)


def _tagged(made: Any, stack: str, logical_id: str) -> Any:
    from ministack.services import ec2

    template, record = ec2._launch_templates[made[0]], stack_record(stack)
    tags = {
        **{tag["Key"]: tag["Value"] for tag in record.get("Tags") or []},
        f"{OWN}stack-name": record["StackName"],
        f"{OWN}stack-id": record["StackId"],
        f"{OWN}logical-id": logical_id,
        **{tag["Key"]: tag["Value"] for tag in template.get("Tags") or []},
    }
    template["Tags"] = ec2._tags[made[0]] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return made
