"""A Slurm cluster's stack written by hand: what its stand-in nodes use, with the rights of their roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from embedded_aws.ec2.images import IMAGES
from embedded_aws.process import REGION
from shoal_node.contract import ComputeSettings, NodePackage, Settings
from shoal_node.fleet import ComputeResource, Fleet, Partition
from tests.support.scaling_group import SUBNETS, TRUST
from tests.support.stacks import resource

TYPES = ["autoscaling:EC2_INSTANCE_LAUNCH", "autoscaling:EC2_INSTANCE_TERMINATE"]
PACKAGE = NodePackage("bucket", "key", None)


def ref(logical_id: str) -> dict[str, str]:
    return {"Ref": logical_id}


def arn(logical_id: str) -> dict[str, str]:
    return {"Fn::GetAtt": f"{logical_id}.Arn"}


def allow(actions: list[str], where: Any = "*", **condition: Any) -> dict[str, Any]:
    """A statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": where} | ({"Condition": condition} if condition else {})


HEAD = [
    allow(["cloudformation:DescribeStackResource", "cloudformation:SignalResource", "ec2:CreateTags"]),
    allow(["ec2:DescribeInstances", "autoscaling:Describe*", "autoscaling:TerminateInstanceInAutoScalingGroup"]),
    allow(["logs:CreateLogStream", "logs:PutLogEvents"]),
    allow(["sqs:ReceiveMessage", "sqs:DeleteMessage"], arn("Queue")),
    allow(["dynamodb:*Item", "dynamodb:Scan"], arn("Table")),
]
COMPUTE = [
    allow(["sqs:SendMessage"], arn("Queue")),
    allow(
        ["dynamodb:GetItem"],
        arn("Table"),
        **{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["secret#munge"]}},
    ),
]


def parts(
    cluster: str, minimum: int, version: str = "one", head: Any = HEAD, compute: Any = COMPUTE
) -> dict[str, dict[str, Any]]:
    """The resources of a cluster with one group `<cluster>-main-work`."""
    group = f"{cluster}-main-work"
    settings = Settings(
        cluster, ref("AWS::StackName"), "HeadNode", REGION, "amazonaws.com", PACKAGE, (), (), "/scratch",
        "logs", False, "slurm", table=ref("Table"),
    )  # fmt: skip
    told = ComputeSettings(
        cluster, ref("AWS::StackName"), REGION, "amazonaws.com", PACKAGE, ref("Table"), ref("Queue"), "main", "work",
        group, {"Fn::GetAtt": "HeadNode.PrivateIp"}, (), (), "/scratch", None, False,
    )  # fmt: skip
    work = ComputeResource("main", "work", group, 2, 3000, 4, minimum)
    queues = (Partition("main", True),)
    fleet = Fleet(cluster, REGION, ref("Queue"), ref("Table"), (work,), version=version, queues=queues)
    return {
        **_channel(),
        "Table": resource(
            "AWS::DynamoDB::Table",
            {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            },
        ),
        "Logs": resource("AWS::Logs::LogGroup", {"LogGroupName": "logs"}),
        **_role("Head", head),
        **_role("Compute", compute),
        "HeadNode": resource(
            "AWS::EC2::Instance",
            {
                "ImageId": IMAGES[0][0],
                "InstanceType": "c5.large",
                "IamInstanceProfile": ref("HeadProfile"),
                "UserData": {"Fn::Base64": user_data(settings.as_dict())},
            },
            Metadata={"Shoal": {"Fleet": fleet.as_dict()}},
            CreationPolicy={"ResourceSignal": {"Count": 1, "Timeout": "PT40S"}},
            DependsOn=["Policy", "Logs"],
        ),
        "Template": resource(
            "AWS::EC2::LaunchTemplate",
            {
                "LaunchTemplateData": {
                    "ImageId": IMAGES[0][0],
                    "InstanceType": "c5.large",
                    "IamInstanceProfile": {"Arn": arn("ComputeProfile")},
                    "UserData": {"Fn::Base64": user_data(told.as_dict())},
                }
            },
        ),
        "Nodes": resource(
            "AWS::AutoScaling::AutoScalingGroup",
            {
                "AutoScalingGroupName": group,
                "MinSize": str(minimum),
                "MaxSize": "4",
                "VPCZoneIdentifier": [SUBNETS[0]],
                "LaunchTemplate": {"LaunchTemplateId": ref("Template"), "Version": "1"},
                "NotificationConfigurations": [{"TopicARN": ref("Topic"), "NotificationTypes": TYPES}],
            },
            DependsOn=["HeadNode"],
        ),
    }


def _channel() -> dict[str, dict[str, Any]]:
    policy = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn("Queue"),
        "Condition": {"ArnEquals": {"aws:SourceArn": ref("Topic")}},
    }
    subscription = {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": arn("Queue")}
    document = {"Version": "2012-10-17", "Statement": [policy]}
    return {
        "Topic": resource("AWS::SNS::Topic"),
        "Queue": resource("AWS::SQS::Queue"),
        "Subscription": resource("AWS::SNS::Subscription", subscription),
        "Policy": resource("AWS::SQS::QueuePolicy", {"Queues": [ref("Queue")], "PolicyDocument": document}),
    }


def _role(name: str, rights: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    policies = [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": rights}}]
    return {
        f"{name}Role": resource("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST, "Policies": policies}),
        f"{name}Profile": resource("AWS::IAM::InstanceProfile", {"Roles": [ref(f"{name}Role")]}),
    }


def user_data(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A node's script, as far as a stand-in reads it: the settings, with the template's references in them."""
    named: dict[str, Any] = {}
    text = json.dumps(_with_marks(settings, named))
    return {"Fn::Sub": [f"#!/bin/sh\ncat <<'END_OF_SETTINGS'\n{text}\nEND_OF_SETTINGS\n", named]}


def _with_marks(value: Any, named: dict[str, Any]) -> Any:
    """The value with `${name}` for each reference, which is kept under that name."""
    if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in ("Ref", "Fn::GetAtt"):
        name = f"r{len(named)}"
        named[name] = value
        return f"${{{name}}}"
    if isinstance(value, Mapping):
        return {key: _with_marks(item, named) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_marks(item, named) for item in value]
    return value
