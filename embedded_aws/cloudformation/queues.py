"""CloudFormation's SQS queue and queue policy, made with the rights of the stack's service role.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SQS.html, and the calls that their handlers
make: `handlers` in AWS's schemas of the types. MiniStack writes into its store, whoever may.
"""

from __future__ import annotations

import json
from typing import Any

from embedded_aws.cloudformation.operations import client
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

DEFAULTS = {
    "DelaySeconds": "0", "MaximumMessageSize": "262144", "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "30", "RedrivePolicy": "", "RedriveAllowPolicy": "",
    "KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300", "SqsManagedSseEnabled": "true",
}  # fmt: skip
"""Properties that are attributes, with what a queue has where its template is silent."""
GONE = "AWS.SimpleQueueService.NonExistentQueue"


def install() -> None:
    """Put the types in place of MiniStack's."""
    register(
        ResourceType("AWS::SQS::Queue", _create, _delete, _update, ("QueueName", "FifoQueue"), ("Tags", "list")),
        ResourceType("AWS::SQS::QueuePolicy", _create_policy, _delete_policy, _update_policy),
    )


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    if unknown := sorted(properties.keys() - {"QueueName", "Tags", *DEFAULTS}):
        message = f"Properties validation failed: #: extraneous key [{unknown[0]}] is not permitted"
        raise ValueError(message)
    name = properties.get("QueueName") or physical_name(stack, logical_id, 80)
    tags = {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags") or []}
    url = client("sqs").create_queue(QueueName=name, Attributes=_attributes(properties), tags=tags)["QueueUrl"]
    return url, _read(url)


def _read(url: str) -> dict[str, Any]:
    """What Fn::GetAtt reads; the type's read handler asks for the tags as well."""
    found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    client("sqs").list_queue_tags(QueueUrl=url)
    return {"Arn": found["QueueArn"], "QueueName": found["QueueArn"].rsplit(":", 1)[-1], "QueueUrl": url}


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    before, after = _attributes(old), _attributes(new)
    changed = {
        key: after.get(key, DEFAULTS[key]) for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    }
    if changed:
        client("sqs").set_queue_attributes(QueueUrl=physical_id, Attributes=changed)
    gone, tags = tag_changes(old, new)
    if gone:
        client("sqs").untag_queue(QueueUrl=physical_id, TagKeys=gone)
    if tags:
        client("sqs").tag_queue(QueueUrl=physical_id, Tags=tags)
    return physical_id, _read(physical_id)


def _delete(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted(GONE):
        client("sqs").delete_queue(QueueUrl=physical_id)


def _create_policy(logical_id: str, properties: Properties, stack: str) -> Created:
    return _update_policy(physical_name(stack, logical_id, 255), {}, properties, stack)


def _update_policy(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    document = new["PolicyDocument"]
    text = document if isinstance(document, str) else json.dumps(document)
    for url in new["Queues"]:
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
    _delete_policy(physical_id, {"Queues": [url for url in old.get("Queues") or [] if url not in new["Queues"]]})
    return physical_id, {"Id": physical_id}


def _delete_policy(physical_id: str, properties: Properties) -> None:
    for url in properties["Queues"]:
        with absent_is_deleted(GONE):
            client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})


def _attributes(properties: Properties) -> dict[str, str]:
    """The attributes that a template sets, which are all text."""
    given = {name: properties[name] for name in DEFAULTS if properties.get(name) is not None}
    return {name: _text(found) for name, found in given.items()}


def _text(found: Any) -> str:
    if isinstance(found, str):
        return found
    return json.dumps(found)
