"""Do stacks make what a fleet talks through (topic, queue, table), and are they used with AWS's rights?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded import Account
from tests.support.polling import until
from tests.support.stacks import Stack, resource

TAG = {"Key": "shoal:cluster", "Value": "demo"}


def ref(logical_id: str) -> dict[str, str]:
    return {"Ref": logical_id}


def arn(logical_id: str) -> dict[str, str]:
    return {"Fn::GetAtt": f"{logical_id}.Arn"}


def channel(receive_wait: int = 20) -> dict[str, Any]:
    """Topic, queue with dead letters, and the policy that lets the one into the other."""
    policy = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn("Queue"),
        "Condition": {"ArnEquals": {"aws:SourceArn": ref("Topic")}},
    }
    return {
        "Topic": resource("AWS::SNS::Topic", {"TopicName": "nodes", "Tags": [TAG]}),
        "Dead": resource("AWS::SQS::Queue", {"QueueName": "nodes-dead"}),
        "Queue": resource(
            "AWS::SQS::Queue",
            {
                "QueueName": "nodes",
                "ReceiveMessageWaitTimeSeconds": receive_wait,
                "VisibilityTimeout": "1",
                "RedrivePolicy": {"deadLetterTargetArn": arn("Dead"), "maxReceiveCount": 2},
                "Tags": [TAG],
            },
        ),
        "Subscription": resource(
            "AWS::SNS::Subscription",
            {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": arn("Queue"), "RawMessageDelivery": True},
        ),
        "Policy": resource(
            "AWS::SQS::QueuePolicy",
            {"Queues": [ref("Queue")], "PolicyDocument": {"Version": "2012-10-17", "Statement": [policy]}},
        ),
    }


def table(**changed: Any) -> dict[str, Any]:
    """A table of nodes."""
    properties = {
        "TableName": "nodes",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "expiresAt", "Enabled": True},
        "Tags": [TAG],
    }
    return {"Table": resource("AWS::DynamoDB::Table", properties | changed)}


@pytest.fixture
def stack(account: Account) -> Stack:
    return Stack(account)


def received(account: Account, queue: str, seconds: int = 0) -> list[str]:
    found = account.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=seconds)
    return [message["Body"] for message in found.get("Messages", [])]


def test_what_is_published_reaches_the_queue_whose_policy_lets_the_topic_in(account: Account, stack: Stack) -> None:
    stack.create(channel(), Tags=[{"Key": "cost", "Value": "7"}])
    account.client("sns").publish(TopicArn=stack.physical_id("Topic"), Message="hello")
    assert received(account, stack.physical_id("Queue"), 5) == ["hello"]
    tags = account.client("sqs").list_queue_tags(QueueUrl=stack.physical_id("Queue"))["Tags"]
    assert (tags["shoal:cluster"], tags["cost"]) == ("demo", "7")
    told = account.client("sns").list_tags_for_resource(ResourceArn=stack.physical_id("Topic"))["Tags"]
    assert {"shoal:cluster", "cost", "aws:cloudformation:stack-name"} <= {tag["Key"] for tag in told}


def test_a_queue_without_that_policy_hears_nothing(account: Account, stack: Stack) -> None:
    stack.create({name: part for name, part in channel().items() if name != "Policy"})
    account.client("sns").publish(TopicArn=stack.physical_id("Topic"), Message="hello")
    assert received(account, stack.physical_id("Queue"), 1) == []


def test_what_nobody_can_read_ends_among_the_dead_letters(account: Account, stack: Stack) -> None:
    stack.create(channel())
    queue, dead = stack.physical_id("Queue"), stack.physical_id("Dead")
    account.client("sqs").send_message(QueueUrl=queue, MessageBody="poison")
    until(lambda: received(account, dead) or (received(account, queue) and None), 20, "the dead letter")


def test_a_queue_changes_in_place_and_goes_with_its_messages(account: Account, stack: Stack) -> None:
    stack.create(channel())
    queue = stack.physical_id("Queue")
    account.client("sqs").send_message(QueueUrl=queue, MessageBody="kept")
    stack.update(channel(receive_wait=3))
    assert stack.physical_id("Queue") == queue
    attributes = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (attributes["ReceiveMessageWaitTimeSeconds"], attributes["ApproximateNumberOfMessages"]) == ("3", "1")
    stack.delete()
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []
    assert account.client("sns").list_topics()["Topics"] == []
    assert account.client("sns").list_subscriptions()["Subscriptions"] == []


def test_a_table_has_its_time_to_live_and_its_tags_and_changes_in_place(account: Account, stack: Stack) -> None:
    stack.create(table())
    dynamodb = account.client("dynamodb")
    found = dynamodb.describe_time_to_live(TableName="nodes")["TimeToLiveDescription"]
    assert (found["TimeToLiveStatus"], found["AttributeName"]) == ("ENABLED", "expiresAt")
    dynamodb.put_item(TableName="nodes", Item={"pk": {"S": "fleet"}})
    stack.update(table(DeletionProtectionEnabled=False, Tags=[TAG, {"Key": "new", "Value": "1"}]))
    assert "Item" in dynamodb.get_item(TableName="nodes", Key={"pk": {"S": "fleet"}})
    where = dynamodb.describe_table(TableName="nodes")["Table"]["TableArn"]
    tags = {tag["Key"]: tag["Value"] for tag in dynamodb.list_tags_of_resource(ResourceArn=where)["Tags"]}
    assert (tags["shoal:cluster"], tags["new"]) == ("demo", "1")
    stack.delete()
    assert dynamodb.list_tables()["TableNames"] == []


def test_metadata_has_its_references_resolved_and_changes_without_replacing(account: Account, stack: Stack) -> None:
    def written(version: str) -> Mapping[str, Any]:
        metadata = {"Shoal": {"Fleet": {"version": version, "queue_url": ref("Queue"), "table": ref("Table")}}}
        parts = channel() | table()
        return parts | {"Role": resource("AWS::SNS::Topic", {"TopicName": "head"}, Metadata=metadata)}

    stack.create(written("one"))

    def fleet() -> dict[str, Any]:
        found = account.client("cloudformation").describe_stack_resource(StackName=stack.id, LogicalResourceId="Role")
        read: dict[str, Any] = json.loads(found["StackResourceDetail"]["Metadata"])["Shoal"]["Fleet"]
        return read

    assert fleet() == {"version": "one", "queue_url": stack.physical_id("Queue"), "table": "nodes"}
    change = stack.changes(written("two"))["Role"]
    assert (change["Action"], change["Scope"], change["Replacement"]) == ("Modify", ["Metadata"], "False")
    before = stack.physical_id("Role")
    stack.update(written("two"))
    assert (fleet()["version"], stack.physical_id("Role")) == ("two", before)


def items(*keys: str) -> list[dict[str, Any]]:
    """The right to read items of these partition keys, and no others."""
    only = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": list(keys)}}
    actions = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:PutItem"]
    return [{"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": only}]


def refused(call: Any, **asked: Any) -> bool:
    try:
        call(**asked)
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "AccessDeniedException")
    return False


def test_a_role_reads_only_the_items_whose_keys_its_policy_names(account: Account, stack: Stack) -> None:
    stack.create(table())
    reader = account.assume(account.role("reader", *items("status#head", "fleet")), "dynamodb")
    allowed, hidden = {"pk": {"S": "fleet"}}, {"pk": {"S": "secret#munge"}}
    assert not refused(reader.get_item, TableName="nodes", Key=allowed)
    assert refused(reader.get_item, TableName="nodes", Key=hidden)
    assert refused(reader.put_item, TableName="nodes", Item=hidden)
    assert refused(reader.batch_get_item, RequestItems={"nodes": {"Keys": [allowed, hidden]}})
    assert not refused(reader.batch_get_item, RequestItems={"nodes": {"Keys": [allowed]}})
    asking = {"TableName": "nodes", "KeyConditionExpression": "#p = :k", "ExpressionAttributeNames": {"#p": "pk"}}
    assert refused(reader.query, **asking, ExpressionAttributeValues={":k": {"S": "secret#munge"}})
    assert not refused(reader.query, **asking, ExpressionAttributeValues={":k": {"S": "fleet"}})


@pytest.mark.parametrize("action", ["sns:TagResource", "sqs:TagQueue", "dynamodb:UpdateTimeToLive", "sns:Subscribe"])
def test_a_service_role_without_a_further_right_makes_none_of_it(account: Account, stack: Stack, action: str) -> None:
    role = account.role("service", {"Effect": "Allow", "NotAction": action, "Resource": "*"})
    stack.create(channel() | table(), RoleARN=role, status="ROLLBACK_COMPLETE")
    assert any(action in reason for reason in stack.reasons()), stack.reasons()


@pytest.mark.parametrize(("right", "works"), [("sqs:DeleteMessage", True), ("sqs:DeleteMessageBatch", False)])
def test_several_messages_are_deleted_with_the_right_to_delete_one(
    account: Account, stack: Stack, right: str, works: bool
) -> None:
    stack.create(channel())
    queue = stack.physical_id("Queue")
    account.client("sqs").send_message(QueueUrl=queue, MessageBody="one")
    (message,) = account.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    role = account.role("reader", {"Effect": "Allow", "Action": right, "Resource": "*"})
    entries = [{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}]
    reader = account.assume(role, "sqs")
    if not works:
        with pytest.raises(ClientError, match="sqs:DeleteMessage "):
            reader.delete_message_batch(QueueUrl=queue, Entries=entries)
        return
    assert len(reader.delete_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 1
