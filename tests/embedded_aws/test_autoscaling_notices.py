"""Does a group tell of what it does through SNS, and fail as on AWS where a test says so?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded import Account
from tests.support.polling import until
from tests.support.scaling_group import ScalingGroup

ALL = ("LAUNCH", "TERMINATE", "LAUNCH_ERROR", "TERMINATE_ERROR")


class Inbox:
    """A topic, and a queue that gets what is published there."""

    def __init__(self, account: Account) -> None:
        self.sqs, sns = account.client("sqs"), account.client("sns")
        self.topic = sns.create_topic(Name="fleet")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="fleet")["QueueUrl"]
        about = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": about["QueueArn"],
            "Condition": {"ArnEquals": {"aws:SourceArn": self.topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=about["QueueArn"])
        self.subjects: list[str] = []

    def next(self) -> dict[str, Any]:
        """The next notice."""

        def received() -> list[dict[str, Any]]:
            found = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=1)
            return list(found.get("Messages", []))

        message = until(received, what="a notice")[0]
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        envelope = json.loads(message["Body"])
        self.subjects.append(envelope["Subject"])
        notice: dict[str, Any] = json.loads(envelope["Message"])
        return notice


@pytest.fixture
def inbox(account: Account) -> Inbox:
    return Inbox(account)


@pytest.fixture
def group(account: Account, inbox: Inbox) -> ScalingGroup:
    """A group of no instance whose notices all come, the test's read already."""
    found = ScalingGroup(account)
    found.create()
    found.notify(inbox.topic, *ALL)
    assert inbox.next()["Event"] == "autoscaling:TEST_NOTIFICATION"
    return found


@pytest.fixture
def plant(account: Account) -> Iterator[Callable[..., None]]:
    """Plant a fault in the account, which is taken back after the test."""

    def switch(**fault: Any) -> None:
        account.server.call("POST", "/_shoal/auto-scaling", {"account": account.id, **fault})

    yield switch
    switch()


def test_a_launch_is_told_with_the_body_that_aws_sends(group: ScalingGroup, inbox: Inbox) -> None:
    group.want(1)
    notice = inbox.next()
    (instance_id,) = group.ids()
    zone = group.instance(instance_id)["Placement"]["AvailabilityZone"]
    assert notice["Event"] == "autoscaling:EC2_INSTANCE_LAUNCH"
    assert (notice["EC2InstanceId"], notice["AutoScalingGroupName"]) == (instance_id, group.name)
    assert notice["Details"] == {"Subnet ID": group.instance(instance_id)["SubnetId"], "Availability Zone": zone}
    assert "changing the desired capacity from 0 to 1" in notice["Cause"]
    assert inbox.subjects[-1] == f'Auto Scaling: launch for group "{group.name}"'
    assert {"Service", "AccountId", "ActivityId", "RequestId", "StatusCode", "StartTime", "EndTime"} <= notice.keys()


def test_a_termination_behind_the_groups_back_is_told_and_then_the_launch_in_its_place(
    group: ScalingGroup, inbox: Inbox
) -> None:
    group.want(1)
    gone = inbox.next()["EC2InstanceId"]
    group.ec2.terminate_instances(InstanceIds=[gone])
    ended, launched = inbox.next(), inbox.next()
    assert (ended["Event"], ended["EC2InstanceId"]) == ("autoscaling:EC2_INSTANCE_TERMINATE", gone)
    assert (launched["Event"], launched["EC2InstanceId"] != gone) == ("autoscaling:EC2_INSTANCE_LAUNCH", True)


def test_only_what_was_asked_for_is_told(group: ScalingGroup, inbox: Inbox) -> None:
    group.notify(inbox.topic, "TERMINATE")
    assert inbox.next()["Event"] == "autoscaling:TEST_NOTIFICATION"
    group.want(1)
    group.in_service(1)
    group.want(0)
    assert inbox.next()["Event"] == "autoscaling:EC2_INSTANCE_TERMINATE"


def test_notices_are_listed_and_taken_back(group: ScalingGroup, inbox: Inbox) -> None:
    listed = group.client.describe_notification_configurations(AutoScalingGroupNames=[group.name])
    types = [one["NotificationType"] for one in listed["NotificationConfigurations"]]
    assert types == [f"autoscaling:EC2_INSTANCE_{event}" for event in ALL]
    group.client.delete_notification_configuration(AutoScalingGroupName=group.name, TopicARN=inbox.topic)
    assert group.client.describe_notification_configurations()["NotificationConfigurations"] == []


def test_a_topic_that_is_none_is_refused(group: ScalingGroup, inbox: Inbox) -> None:
    with pytest.raises(ClientError, match="Unable to publish test notification message"):
        group.notify(f"{inbox.topic}-other", "LAUNCH")


def test_a_launch_without_capacity_fails_and_is_told_until_there_is_some(
    group: ScalingGroup, inbox: Inbox, plant: Callable[..., None]
) -> None:
    plant(launchError="InsufficientInstanceCapacity")
    group.want(2)
    notice = inbox.next()
    assert (notice["Event"], notice["EC2InstanceId"]) == ("autoscaling:EC2_INSTANCE_LAUNCH_ERROR", "")
    assert "We currently do not have sufficient c5.large capacity" in notice["StatusMessage"]
    (activity, *_) = group.activities()
    assert (activity["StatusCode"], group.ids()) == ("Failed", [])
    assert activity["StatusMessage"] == notice["StatusMessage"]
    assert "Status Reason: We currently do not have" in activity["Description"]
    plant()
    assert len(group.in_service(2)) == 2


def test_a_zone_without_capacity_is_left_for_another(group: ScalingGroup, plant: Callable[..., None]) -> None:
    plant(launchError="InsufficientInstanceCapacity", zones=["us-east-1a"])
    group.want(2)
    zones = {group.instance(one)["Placement"]["AvailabilityZone"] for one in group.in_service(2)}
    assert zones == {"us-east-1b"}


def test_a_template_that_ec2_refuses_fails_its_launches(group: ScalingGroup, inbox: Inbox) -> None:
    group.account.client("iam").remove_role_from_instance_profile(InstanceProfileName="node", RoleName="node")
    group.account.client("iam").delete_instance_profile(InstanceProfileName="node")
    group.want(1)
    notice = inbox.next()
    assert notice["Event"] == "autoscaling:EC2_INSTANCE_LAUNCH_ERROR"
    assert "Invalid IAM Instance Profile name. Launching EC2 instance failed." in notice["StatusMessage"]


def test_a_termination_that_fails_is_told_and_tried_again(
    group: ScalingGroup, inbox: Inbox, plant: Callable[..., None]
) -> None:
    group.want(1)
    instance_id = inbox.next()["EC2InstanceId"]
    plant(terminateError="InternalError")
    group.want(0)
    notice = inbox.next()
    assert (notice["Event"], notice["EC2InstanceId"]) == ("autoscaling:EC2_INSTANCE_TERMINATE_ERROR", instance_id)
    plant()
    assert inbox.next()["Event"] == "autoscaling:EC2_INSTANCE_TERMINATE"
    assert group.ids() == []
