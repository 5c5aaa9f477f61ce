"""A Slurm cluster's stack as the control plane's functions find it: moto's groups, table and head node, and
CloudFormation's answers, which moto does not give for a stack that it did not make.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import boto3

from shoal.aws.items import encode
from shoal.ledger import cluster_key
from tests.support.stubs import Stubs

NAME, STACK_NAME = "genomics", "shoal-cluster-genomics"
STACK = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{STACK_NAME}/0a1b"
TABLE = "shoal-genomics-nodes"
GROUP = "shoal-genomics-main-small"
VERSION = "0a1b2c3d"
FLEET = {
    "version": VERSION,
    "resources": [{"queue": "main", "name": "small", "group": GROUP, "min_count": 2, "max_count": 10}],
}
AT_ONCE = {"version": VERSION, "static": [{"queue": "main", "computeResource": "small", "minCount": 2}]}
"""What the plan says of the fleet."""


class SlurmStack:
    """A stack whose parts exist."""

    def __init__(self, aws: Stubs, ledger: str, *, kind: str = "slurm") -> None:
        self.aws = aws
        self.scaling, self.ec2 = boto3.client("autoscaling"), boto3.client("ec2")
        self.dynamodb = boto3.client("dynamodb")
        self.ledger = ledger
        self.image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        self.head = self.ec2.run_instances(ImageId=self.image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        self.register(kind=kind)

    def register(self, **facts: Any) -> None:
        """The cluster's item in the ledger."""
        item = {**cluster_key(NAME), "clusterName": NAME, "kind": "slurm", "stackId": STACK, **facts}
        self.dynamodb.put_item(TableName=self.ledger, Item=encode(item))

    def registered(self) -> dict[str, Any]:
        """That item."""
        table = boto3.resource("dynamodb").Table(self.ledger)
        return dict(table.get_item(Key=cluster_key(NAME))["Item"])

    def group(self, desired: int = 2, minimum: int = 2, *, protected: bool = False) -> None:
        """The group of the one compute resource."""
        self.ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData={"ImageId": self.image})
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName=GROUP,
            MinSize=minimum,
            MaxSize=10,
            DesiredCapacity=desired,
            AvailabilityZones=["us-east-1a"],
            LaunchTemplate={"LaunchTemplateName": "nodes"},
            NewInstancesProtectedFromScaleIn=protected,
        )

    def described(self) -> dict[str, Any]:
        """The group as it is now."""
        return dict(self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0])

    def put(self, key: str, **values: Any) -> None:
        """An item of the node table."""
        self.dynamodb.put_item(TableName=TABLE, Item=encode({"pk": key, **values}))

    def item(self, key: str) -> dict[str, Any]:
        """One as it is now."""
        return dict(boto3.resource("dynamodb").Table(TABLE).get_item(Key={"pk": key}).get("Item", {}))

    def publish(self, *, changed_at: int, **parts: Any) -> None:
        """What the head node publishes."""
        self.put("status#head", changedAt=changed_at, **{name: json.dumps(part) for name, part in parts.items()})

    def resources(self, *more: tuple[str, str]) -> None:
        """The next question for the stack's resources is answered, with more of them: type and physical id."""
        kinds = [
            ("AWS::EC2::Instance", self.head),
            ("AWS::DynamoDB::Table", TABLE),
            ("AWS::AutoScaling::AutoScalingGroup", GROUP),
            *more,
        ]
        self.aws.expect(
            "cloudformation", "list_stack_resources", {"StackResourceSummaries": summaries(kinds)}, StackName=STACK
        )

    def status(self, status: str = "CREATE_COMPLETE") -> None:
        """The next question for the stack is answered."""
        stack = {
            "StackName": STACK_NAME,
            "StackId": STACK,
            "StackStatus": status,
            "CreationTime": "2026-11-24T10:00:00Z",
        }
        self.aws.expect("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName=STACK_NAME)

    def metadata(self) -> None:
        """The next question for the head node's metadata is answered."""
        detail = {
            "LogicalResourceId": "HeadNode",
            "ResourceType": "AWS::EC2::Instance",
            "LastUpdatedTimestamp": "2026-11-24T10:00:00Z",
            "ResourceStatus": "CREATE_COMPLETE",
            "Metadata": json.dumps({"Shoal": {"Fleet": FLEET}}),
        }
        asked = {"StackName": STACK, "LogicalResourceId": "HeadNode"}
        self.aws.expect("cloudformation", "describe_stack_resource", {"StackResourceDetail": detail}, **asked)


def summaries(found: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Resources that exist, as CloudFormation lists them."""
    return [
        {
            "LogicalResourceId": kind.split(":")[-1],
            "PhysicalResourceId": physical_id,
            "ResourceType": kind,
            "LastUpdatedTimestamp": "2026-11-24T10:00:00Z",
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for kind, physical_id in found
    ]
