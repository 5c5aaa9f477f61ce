"""An account of moto with what the daemons of a Slurm cluster need: groups, queue with dead letters, table, topic.

moto sends no notices of Auto Scaling, so the tests send them; and it takes a desired capacity above the maximum or
below the minimum, which AWS refuses: what the daemons do then is tested against botocore's Stubber.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import boto3
from botocore.client import BaseClient
from moto import mock_aws

from shoal_node import aws
from shoal_node.fleet import ComputeResource, Fleet

REGION = "eu-west-1"
RECEIVES = 5
IMAGE = "ami-03cf127a"


@dataclass
class FleetAccount:
    """The fleet, and clients to look behind the daemons' backs."""

    fleet: Fleet
    dead_letters: str

    def client(self, service: str) -> Any:
        """The daemons' client of a service: making one takes longer than most tests."""
        return aws.client(service, REGION, None)

    def launch(self, number: int = 1, group: str = "small") -> list[str]:
        """Raise a group's desired capacity; the ids of its instances."""
        before = set(self.instances(group))
        self.client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=f"shoal-c-{group}", DesiredCapacity=len(before) + number
        )
        return sorted(set(self.instances(group)) - before)

    def instances(self, group: str = "small") -> list[str]:
        """The ids of a group's instances."""
        return [told["InstanceId"] for told in self.group(group)["Instances"]]

    def group(self, group: str = "small") -> dict[str, Any]:
        """A group as Auto Scaling tells of it."""
        told = self.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[f"shoal-c-{group}"])
        return dict(told["AutoScalingGroups"][0])

    def address(self, instance_id: str) -> str:
        """An instance's private address."""
        told = self.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        return str(told["PrivateIpAddress"])

    def end(self, instance_id: str) -> None:
        """End an instance through its group, one less wanted."""
        self.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=True
        )

    def notify(self, event: str, instance_id: str, group: str = "small", cause: str = "") -> None:
        """Put a notice of Auto Scaling into the queue as SNS wraps it."""
        notice = {
            "Service": "AWS Auto Scaling",
            "Event": f"autoscaling:EC2_INSTANCE_{event}",
            "AutoScalingGroupName": f"shoal-c-{group}",
            "EC2InstanceId": instance_id,
            "StatusMessage": cause,
        }
        self.send(json.dumps({"Type": "Notification", "Message": json.dumps(notice)}))

    def send(self, body: str) -> None:
        """Put a message into the queue."""
        self.client("sqs").send_message(QueueUrl=self.fleet.queue_url, MessageBody=body)

    def waiting(self, queue: str | None = None) -> int:
        """Messages in a queue, those on their way counted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.client("sqs").get_queue_attributes(QueueUrl=queue or self.fleet.queue_url, AttributeNames=names)
        return sum(int(told["Attributes"][name]) for name in names)

    def states(self) -> dict[str, str]:
        """The state of every node in the table that has not ended."""
        items = self.client("dynamodb").scan(TableName=self.fleet.table)["Items"]
        nodes = [item for item in items if item["pk"]["S"].startswith("node#")]
        states = {item["instanceId"]["S"]: item["state"]["S"] for item in nodes}
        return {name: state for name, state in states.items() if state != "TERMINATING"}

    def item(self, key: str) -> dict[str, Any]:
        """An item of the table, or nothing."""
        told = self.client("dynamodb").get_item(TableName=self.fleet.table, Key={"pk": {"S": key}})
        return dict(told.get("Item", {}))


@contextmanager
def one_call_at_a_time() -> Iterator[None]:
    """moto knows no threads: of two receives at once, one fails."""
    lock, call = threading.RLock(), BaseClient._make_api_call  # type: ignore[attr-defined]  # nothing public is there

    def alone(*arguments: Any) -> Any:
        with lock:
            return call(*arguments)

    with patch.object(BaseClient, "_make_api_call", alone):
        yield


@contextmanager
def fleet_account(resources: tuple[ComputeResource, ...], visibility: int = 0, **told: Any) -> Iterator[FleetAccount]:
    """An account with a fleet of these compute resources; `told` goes into the fleet."""
    with patch.dict(os.environ, MOTO_EC2_LOAD_DEFAULT_AMIS="false"), mock_aws(), one_call_at_a_time():
        aws.client.cache_clear()
        sqs = boto3.client("sqs", region_name=REGION)
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(RECEIVES)})
        queue = sqs.create_queue(
            QueueName="fleet", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": str(visibility)}
        )["QueueUrl"]
        boto3.client("dynamodb", region_name=REGION).create_table(
            TableName="nodes",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        _make_groups(resources)
        yield FleetAccount(Fleet("c", REGION, queue, "nodes", resources, **told), dead)
        aws.client.cache_clear()


def _make_groups(resources: tuple[ComputeResource, ...]) -> None:
    ec2, scaling = boto3.client("ec2", region_name=REGION), boto3.client("autoscaling", region_name=REGION)
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone=f"{REGION}a")["Subnet"]["SubnetId"]
    for resource in resources:
        ec2.create_launch_template(
            LaunchTemplateName=resource.group, LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "c5.large"}
        )
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=resource.group,
            LaunchTemplate={"LaunchTemplateName": resource.group, "Version": "$Latest"},
            MinSize=resource.min_count,
            MaxSize=resource.max_count,
            DesiredCapacity=resource.min_count,
            VPCZoneIdentifier=subnet,
        )


def compute_resource(name: str = "small", **fields: Any) -> ComputeResource:
    """A compute resource of the queue `main`, of two CPUs a node."""
    values: dict[str, Any] = {"queue": "main", "cpus": 2, "memory": 1000, "max_count": 4, **fields}
    return ComputeResource(name=name, group=f"shoal-c-{name}", **values)
