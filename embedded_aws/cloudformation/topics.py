"""CloudFormation's SNS topic, subscription and topic policy, made with the rights of the stack's service role.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SNS.html, and the calls that their handlers
make: `handlers` in AWS's schemas of the types. MiniStack writes into its store, whoever may, and lets one subscribe to
a topic that does not exist.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
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

ATTRIBUTES = ("DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")
"""Properties of a topic that are attributes of it."""
OWN = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "DeliveryPolicy")
"""Properties of a subscription that are attributes of it."""
_ABSENT = "Properties validation failed: #: extraneous key [{0}] is not permitted"


def install() -> None:
    """Put the types in place of MiniStack's."""
    identity = ("Endpoint", "Protocol", "TopicArn")
    register(
        ResourceType("AWS::SNS::Topic", _create, _delete, _update, ("TopicName", "FifoTopic"), ("Tags", "list")),
        ResourceType("AWS::SNS::Subscription", _subscribe, _unsubscribe, _resubscribe, identity),
        ResourceType("AWS::SNS::TopicPolicy", _create_policy, _delete_policy, _update_policy),
    )


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    if unknown := sorted(properties.keys() - {"TopicName", "Tags", "Subscription", *ATTRIBUTES}):
        raise ValueError(_ABSENT.format(unknown[0]))
    name = properties.get("TopicName") or physical_name(stack, logical_id, 256)
    tags = [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in properties.get("Tags") or []]
    made = client("sns").create_topic(Name=name, Attributes=_texts(properties, ATTRIBUTES), Tags=tags)["TopicArn"]
    for subscription in properties.get("Subscription") or []:
        client("sns").subscribe(TopicArn=made, Protocol=subscription["Protocol"], Endpoint=subscription["Endpoint"])
    return made, _topic(made)


def _topic(arn: str) -> dict[str, Any]:
    """What Fn::GetAtt reads; the type's read handler asks for more than it shows."""
    sns = client("sns")
    sns.get_topic_attributes(TopicArn=arn)
    sns.list_subscriptions_by_topic(TopicArn=arn)
    sns.list_tags_for_resource(ResourceArn=arn)
    return {"TopicArn": arn, "TopicName": arn.rsplit(":", 1)[-1]}


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    for key, value in _changed(old, new, ATTRIBUTES):
        client("sns").set_topic_attributes(TopicArn=physical_id, AttributeName=key, AttributeValue=value)
    gone, tags = tag_changes(old, new)
    if gone:
        client("sns").untag_resource(ResourceArn=physical_id, TagKeys=gone)
    if tags:
        pairs = [{"Key": key, "Value": text} for key, text in tags.items()]
        client("sns").tag_resource(ResourceArn=physical_id, Tags=pairs)
    return physical_id, _topic(physical_id)


def _delete(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("NotFound"):
        client("sns").delete_topic(TopicArn=physical_id)


def _subscribe(logical_id: str, properties: Properties, stack: str) -> Created:
    topic = properties["TopicArn"]
    arn = client("sns").subscribe(
        TopicArn=topic,
        Protocol=properties["Protocol"],
        Endpoint=properties["Endpoint"],
        Attributes=_texts(properties, OWN),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    client("sns").list_subscriptions_by_topic(TopicArn=topic)
    client("sns").get_subscription_attributes(SubscriptionArn=arn)
    return arn, {"Arn": arn}


def _resubscribe(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    for key, value in _changed(old, new, OWN):
        client("sns").set_subscription_attributes(SubscriptionArn=physical_id, AttributeName=key, AttributeValue=value)
    return physical_id, {"Arn": physical_id}


def _unsubscribe(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("NotFound"):
        client("sns").unsubscribe(SubscriptionArn=physical_id)


def _create_policy(logical_id: str, properties: Properties, stack: str) -> Created:
    name = physical_name(stack, logical_id, 255)
    return _update_policy(name, {}, properties, stack)


def _update_policy(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    for topic in new["Topics"]:
        _put_policy(topic, new["PolicyDocument"])
    _delete_policy(physical_id, {"Topics": [topic for topic in old.get("Topics") or [] if topic not in new["Topics"]]})
    return physical_id, {"Id": physical_id}


def _delete_policy(physical_id: str, properties: Properties) -> None:
    """A topic without a policy of its own is open to its account."""
    for topic in properties["Topics"]:
        account = topic.split(":")[4]
        everybody = {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["SNS:Publish", "SNS:Subscribe"],
            "Resource": topic,
            "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
        }
        with absent_is_deleted("NotFound"):
            _put_policy(topic, {"Version": "2008-10-17", "Statement": [everybody]})


def _put_policy(topic: str, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=text)


def _changed(old: Properties, new: Properties, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The attributes that differ, with their new values; one that is given no more becomes empty."""
    before, after = _texts(old, names), _texts(new, names)
    for key in before.keys() | after.keys():
        if before.get(key) != after.get(key):
            yield key, after.get(key, "")


def _texts(properties: Properties, names: tuple[str, ...]) -> dict[str, str]:
    """Properties as attributes, which are all text."""
    given = {name: properties[name] for name in names if properties.get(name) is not None}
    return {name: found if isinstance(found, str) else json.dumps(found) for name, found in given.items()}
