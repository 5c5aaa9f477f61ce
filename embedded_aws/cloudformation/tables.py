"""CloudFormation's DynamoDB table, made with the rights of the stack's service role.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html, and the calls
that its handlers make: `handlers` in AWS's schema of the type. MiniStack writes into its store, whoever may, and
forgets time to live and point-in-time recovery.
"""

from __future__ import annotations

from typing import Any

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import picked, request
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    Properties,
    ResourceType,
    absent_is_deleted,
    physical_name,
    register,
    tag_changes,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS

CREATING = (
    "AttributeDefinitions", "BillingMode", "DeletionProtectionEnabled", "GlobalSecondaryIndexes", "KeySchema",
    "LocalSecondaryIndexes", "ProvisionedThroughput", "StreamSpecification", "TableClass", "Tags",
)  # fmt: skip
"""Properties that CreateTable takes as they are."""
LATER = ("PointInTimeRecoverySpecification", "SSESpecification", "TableName", "TimeToLiveSpecification")
CHANGING = ("BillingMode", "DeletionProtectionEnabled", "ProvisionedThroughput", "TableClass")
"""What an update changes here; a change of an index or a stream is refused by name."""
_INVALID = "Properties validation failed: #: extraneous key [{0}] is not permitted"


def install() -> None:
    """Put the type in place of MiniStack's."""
    replacing = ("TableName", "ImportSourceSpecification", "KeySchema", "LocalSecondaryIndexes")
    register(ResourceType("AWS::DynamoDB::Table", _create, _delete, _update, replacing, ("Tags", "list")))


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    if unknown := sorted(properties.keys() - {*CREATING, *LATER}):
        raise ValueError(_INVALID.format(unknown[0]))
    name = properties.get("TableName") or physical_name(stack, logical_id, 255)
    call = request("dynamodb", "CreateTable", {"TableName": name, **picked(properties, *CREATING)})
    streamed = call.get("StreamSpecification")
    if streamed:
        streamed["StreamEnabled"] = True
    client("dynamodb").create_table(**call)
    _expire(name, {}, properties)
    _recover(name, {}, properties)
    return name, _attributes(name)


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    if unknown := sorted(changed - {*CHANGING, *LATER, "Tags", "AttributeDefinitions"}):
        raise ValueError(f"{unknown[0]}: the embedded AWS does not change this of a table")
    if wanted := picked(new, *(key for key in CHANGING if key in changed)):
        client("dynamodb").update_table(**request("dynamodb", "UpdateTable", {"TableName": physical_id, **wanted}))
    _expire(physical_id, old, new)
    _recover(physical_id, old, new)
    attributes = _attributes(physical_id)
    gone, tags = tag_changes(old, new)
    if gone:
        client("dynamodb").untag_resource(ResourceArn=attributes["Arn"], TagKeys=gone)
    if tags:
        pairs = [{"Key": key, "Value": text} for key, text in tags.items()]
        client("dynamodb").tag_resource(ResourceArn=attributes["Arn"], Tags=pairs)
    return physical_id, attributes


def _delete(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("ResourceNotFoundException"):
        client("dynamodb").delete_table(TableName=physical_id)


def _expire(name: str, old: Properties, new: Properties) -> None:
    """Time to live, where it changed; without the property it is off."""
    before, after = old.get("TimeToLiveSpecification"), new.get("TimeToLiveSpecification")
    if before != after:
        wanted: Any = after or {**(before or {}), "Enabled": False}
        call = request("dynamodb", "UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": wanted})
        client("dynamodb").update_time_to_live(**call)


def _recover(name: str, old: Properties, new: Properties) -> None:
    """Point-in-time recovery, where it changed."""
    key = "PointInTimeRecoverySpecification"
    if old.get(key) != new.get(key):
        wanted = new.get(key) or {"PointInTimeRecoveryEnabled": False}
        call = request("dynamodb", "UpdateContinuousBackups", {"TableName": name, key: wanted})
        client("dynamodb").update_continuous_backups(**call)


def _attributes(name: str) -> dict[str, Any]:
    """What Fn::GetAtt reads; the type's read handler asks for more than it shows."""
    dynamodb = client("dynamodb")
    table = dynamodb.describe_table(TableName=name)["Table"]
    dynamodb.describe_time_to_live(TableName=name)
    dynamodb.describe_continuous_backups(TableName=name)
    dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])
    streamed = {"StreamArn": table["LatestStreamArn"]} if table.get("LatestStreamArn") else {}
    return {"Arn": table["TableArn"], **streamed}
