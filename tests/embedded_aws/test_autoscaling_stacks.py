"""Do stacks make, change and delete Auto Scaling groups, with the rights that AWS asks for?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ec2.images import IMAGES
from tests.support.embedded import ALLOW_ALL, Account
from tests.support.polling import until
from tests.support.scaling_group import SUBNETS, TRUST, ScalingGroup
from tests.support.stacks import Stack, resource

TAG = {"Key": "shoal:cluster", "Value": "demo"}


def ref(logical_id: str) -> dict[str, str]:
    return {"Ref": logical_id}


def resources(kind: str = "c5.large", **changed: Any) -> dict[str, Any]:
    """A group of one instance, and what it needs."""
    data = {"ImageId": IMAGES[0][0], "InstanceType": kind, "IamInstanceProfile": {"Arn": {"Fn::GetAtt": "Profile.Arn"}}}
    group = {
        "AutoScalingGroupName": "nodes",
        "MinSize": "0",
        "MaxSize": "4",
        "DesiredCapacity": "1",
        "VPCZoneIdentifier": list(SUBNETS),
        "LaunchTemplate": {
            "LaunchTemplateId": ref("Template"),
            "Version": {"Fn::GetAtt": "Template.LatestVersionNumber"},
        },
        "NotificationConfigurations": [
            {"TopicARN": [ref("Topic")], "NotificationTypes": ["autoscaling:EC2_INSTANCE_LAUNCH"]}
        ],
        "Tags": [{"Key": "shoal:queue", "Value": "main", "PropagateAtLaunch": True}],
        **changed,
    }
    return {
        "Role": resource("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST}),
        "Profile": resource("AWS::IAM::InstanceProfile", {"Roles": [ref("Role")]}),
        "Topic": resource("AWS::SNS::Topic"),
        "Template": resource("AWS::EC2::LaunchTemplate", {"LaunchTemplateData": data}),
        "Nodes": resource("AWS::AutoScaling::AutoScalingGroup", group),
    }


@pytest.fixture
def stack(account: Account) -> Stack:
    return Stack(account)


@pytest.fixture
def group(account: Account) -> ScalingGroup:
    """What the stack's group is looked at through."""
    return ScalingGroup(account)


@pytest.fixture
def plant(account: Account) -> Iterator[Callable[..., None]]:
    """Plant a fault in the account, which is taken back after the test."""

    def switch(**fault: Any) -> None:
        account.server.call("POST", "/_shoal/auto-scaling", {"account": account.id, **fault})

    yield switch
    switch()


def test_a_group_is_there_once_its_instances_are_in_service(stack: Stack, group: ScalingGroup) -> None:
    stack.create(resources(), Tags=[TAG])
    assert group.states() == ["InService"]
    tags = {tag["Key"]: tag["Value"] for tag in group.instance(group.ids()[0])["Tags"]}
    assert (tags["shoal:queue"], tags["shoal:cluster"]) == ("main", "demo")
    assert tags["aws:cloudformation:logical-id"] == "Nodes"
    told = group.client.describe_notification_configurations()["NotificationConfigurations"]
    assert [one["TopicARN"] for one in told] == [stack.physical_id("Topic")]


def test_a_group_changes_in_place(stack: Stack, group: ScalingGroup) -> None:
    stack.create(resources())
    (before,) = group.ids()
    tags = [{"Key": "shoal:queue", "Value": "other", "PropagateAtLaunch": False}]
    wanted = resources("c5.xlarge", MaxSize="6", DesiredCapacity="2", Tags=tags, NotificationConfigurations=[])
    stack.update(wanted)
    found = group.describe()
    assert (found["MaxSize"], found["DesiredCapacity"], before in group.ids()) == (6, 2, True)
    kinds = sorted(group.instance(one)["InstanceType"] for one in group.ids())
    assert kinds == ["c5.large", "c5.xlarge"]
    own = [tag for tag in found["Tags"] if tag["Key"] == "shoal:queue"]
    assert [(tag["Value"], tag["PropagateAtLaunch"]) for tag in own] == [("other", False)]
    assert group.client.describe_notification_configurations()["NotificationConfigurations"] == []


def test_a_stack_says_which_metrics_a_group_sends(stack: Stack, group: ScalingGroup) -> None:
    def measured(*names: str) -> dict[str, Any]:
        return resources(MetricsCollection=[{"Granularity": "1Minute", "Metrics": list(names)}], CapacityRebalance=True)

    def shown() -> list[str]:
        return sorted(one["Metric"] for one in group.describe()["EnabledMetrics"])

    stack.create(measured("GroupDesiredCapacity"))
    assert (shown(), group.describe()["CapacityRebalance"]) == (["GroupDesiredCapacity"], True)
    stack.update(measured("GroupInServiceInstances", "GroupTotalInstances"))
    assert shown() == ["GroupInServiceInstances", "GroupTotalInstances"]


def test_a_deleted_stack_leaves_no_group_and_no_instance(stack: Stack, group: ScalingGroup) -> None:
    stack.create(resources())
    instances = group.ids()
    stack.delete()
    assert not group.exists()
    assert [group.instance(one)["State"]["Name"] for one in instances] == ["terminated"]


def test_a_group_that_gets_no_instance_fails_its_stack_with_what_ec2_says(
    stack: Stack, group: ScalingGroup, plant: Callable[..., None]
) -> None:
    plant(launchError="InsufficientInstanceCapacity")
    stack.create(resources(), status="ROLLBACK_COMPLETE")
    assert any("We currently do not have sufficient c5.large capacity" in reason for reason in stack.reasons())
    assert not group.exists()


def test_a_property_that_the_embedded_aws_does_not_have_fails_by_its_name(stack: Stack, group: ScalingGroup) -> None:
    policy = {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateId": group.template, "Version": "1"}}}
    stack.create(resources(LaunchTemplate=None, MixedInstancesPolicy=policy), status="ROLLBACK_COMPLETE")
    assert any("MixedInstancesPolicy" in reason for reason in stack.reasons())


def creation(group: ScalingGroup) -> dict[str, Any]:
    """A request for a group, with everything that needs a right of its own."""
    return {
        "AutoScalingGroupName": "nodes",
        "MinSize": 0,
        "MaxSize": 1,
        "VPCZoneIdentifier": SUBNETS[0],
        "LaunchTemplate": {"LaunchTemplateId": group.template, "Version": "1"},
        "Tags": [{"Key": "shoal:queue", "Value": "main", "PropagateAtLaunch": True}],
    }


@pytest.mark.parametrize(
    "right",
    [
        "autoscaling:CreateAutoScalingGroup",
        "autoscaling:CreateOrUpdateTags",
        "ec2:RunInstances",
        "ec2:CreateTags",
        "iam:PassRole",
        "iam:CreateServiceLinkedRole",
    ],
)
def test_whoever_makes_a_group_needs_the_rights_to_launch_what_its_template_says(
    account: Account, group: ScalingGroup, right: str
) -> None:
    role = account.role("maker", {"Effect": "Allow", "NotAction": right, "Resource": "*"})
    with pytest.raises(ClientError, match=f"not authorized to perform: {right} "):
        account.assume(role, "autoscaling").create_auto_scaling_group(**creation(group))


def test_with_every_right_the_group_is_made(account: Account, group: ScalingGroup) -> None:
    account.assume(account.role("maker", ALLOW_ALL), "autoscaling").create_auto_scaling_group(**creation(group))
    assert group.exists()


def test_a_second_group_needs_no_right_to_make_the_service_linked_role(account: Account, group: ScalingGroup) -> None:
    group.named("first").create()
    role = account.role("maker", {"Effect": "Allow", "NotAction": "iam:CreateServiceLinkedRole", "Resource": "*"})
    account.assume(role, "autoscaling").create_auto_scaling_group(**creation(group))
    assert group.exists()


def test_a_role_may_be_kept_to_the_groups_of_its_cluster_by_their_tags(account: Account, group: ScalingGroup) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/shoal:queue": "main"}}
    actions = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    role = account.role("head", {"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition})
    scaling = account.assume(role, "autoscaling")
    other = group.named("other")
    group.create()
    other.create(Tags=[])
    scaling.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=1)
    (instance_id,) = group.in_service(1)
    scaling.terminate_instance_in_auto_scaling_group(InstanceId=instance_id, ShouldDecrementDesiredCapacity=True)
    assert until(lambda: group.ids() == [])
    with pytest.raises(ClientError, match="not authorized"):
        scaling.set_desired_capacity(AutoScalingGroupName=other.name, DesiredCapacity=1)


def test_describing_has_no_resource(account: Account, group: ScalingGroup) -> None:
    group.create()
    named = {"Effect": "Allow", "Action": "autoscaling:*", "Resource": group.describe()["AutoScalingGroupARN"]}
    scaling = account.assume(account.role("reader", named), "autoscaling")
    with pytest.raises(ClientError, match="not authorized"):
        scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group.name])


def test_a_service_role_that_may_not_make_groups_fails_its_stack(account: Account, stack: Stack) -> None:
    statement = {"Effect": "Allow", "NotAction": "autoscaling:PutNotificationConfiguration", "Resource": "*"}
    role = account.role("stacks", statement)
    stack.create(resources(), status="ROLLBACK_COMPLETE", RoleARN=role)
    assert any("autoscaling:PutNotificationConfiguration" in json.dumps(reason) for reason in stack.reasons())
