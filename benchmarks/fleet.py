"""A fleet of the embedded AWS for measurements: a group, a queue, and a table of nodes for each of two programs."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.clients import client
from embedded_aws.ec2.images import IMAGES
from embedded_aws.process import REGION, Server
from shoal_node.fleet import ComputeResource, Fleet
from shoal_node.notices import Kind, node_message

INSTANCE_TYPE = "c5.large"
MOST_ENTRIES = 10
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""
_SECONDS = 300


class BenchFleet:
    """The account's parts; `name` tells apart what several fleets make."""

    def __init__(self, server: Server, name: str, most: int) -> None:
        self._server = server
        self.resource = ComputeResource("main", "small", f"bench-{name}", cpus=2, memory=1000, max_count=most)
        self.queue = str(self._client("sqs").create_queue(QueueName=f"bench-{name}")["QueueUrl"])
        self.tables = {key: self._make_table(f"bench-{name}-{key}", key) for key in ("pk", "instanceId")}
        self.fleet = Fleet(name, REGION, self.queue, self.tables["pk"], (self.resource,), endpoint_url=server.url)
        self._make_group(most)

    def scale(self, number: int) -> dict[str, str]:
        """Have so many instances; the private address of each, by id.

        Raises:
            TimeoutError: Auto Scaling does not do it.
        """
        self._client("autoscaling").set_desired_capacity(
            AutoScalingGroupName=self.resource.group, DesiredCapacity=number
        )
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            found = self._running()
            if len(found) == number:
                return found
            time.sleep(0.2)
        raise TimeoutError(f"{len(found)} instances run, not {number}")

    def post(self, bodies: Sequence[str]) -> None:
        """Put messages into the queue."""
        for start in range(0, len(bodies), MOST_ENTRIES):
            some = bodies[start : start + MOST_ENTRIES]
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(some)]
            self._client("sqs").send_message_batch(QueueUrl=self.queue, Entries=entries)

    def empty_table(self, key: str) -> None:
        """Forget every node."""
        dynamodb, table = self._client("dynamodb"), self.tables[key]
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                dynamodb.delete_item(TableName=table, Key={key: item[key]})

    def _running(self) -> dict[str, str]:
        filters = [
            {"Name": "tag:aws:autoscaling:groupName", "Values": [self.resource.group]},
            {"Name": "instance-state-name", "Values": ["running"]},
        ]
        pages = self._client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
        told = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
        return {one["InstanceId"]: one["PrivateIpAddress"] for one in told}

    def _make_table(self, name: str, key: str) -> str:
        self._client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    def _make_group(self, most: int) -> None:
        ec2, group = self._client("ec2"), self.resource.group
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/16", AvailabilityZone=f"{REGION}a")["Subnet"]
        data = {"ImageId": IMAGES[0][0], "InstanceType": INSTANCE_TYPE}
        ec2.create_launch_template(LaunchTemplateName=group, LaunchTemplateData=data)
        self._client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=group,
            LaunchTemplate={"LaunchTemplateName": group, "Version": "$Latest"},
            MinSize=0,
            MaxSize=most,
            DesiredCapacity=0,
            VPCZoneIdentifier=subnet["SubnetId"],
        )

    def _client(self, service: str) -> Any:
        return client(self._server, service)


def joined(side: str, instance_id: str, address: str) -> str:
    """What a node posts when it is ready: Shoal's, or ParallelCluster's as its cookbook sends it."""
    if side == "shoal":
        return node_message(Kind.READY, instance_id, "main", "small", [])
    ready = {
        "Event": "parallelcluster:COMPUTE_READY",
        "EC2InstanceId": instance_id,
        "Slots": "2",
        "LocalHostname": f"ip-{address.replace('.', '-')}.{REGION}.compute.internal",
        "EC2InstanceType": INSTANCE_TYPE,
    }
    return json.dumps({"Type": "Notification", "Message": json.dumps(ready)})


def ended(group: str, instance_id: str) -> str:
    """Auto Scaling's notice of an instance's end, as SNS wraps it.

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-sns-notifications.html
    """
    moment = "2026-11-24T10:00:00.000Z"
    notice = {
        "Progress": 50,
        "AccountId": "111111111111",
        "Description": f"Terminating EC2 instance: {instance_id}",
        "RequestId": "11111111-1111-1111-1111-111111111111",
        "EndTime": moment,
        "AutoScalingGroupARN": f"autoScalingGroup:11111111:autoScalingGroupName/{group}",
        "ActivityId": "11111111-1111-1111-1111-111111111111",
        "StartTime": moment,
        "Service": "AWS Auto Scaling",
        "Time": moment,
        "EC2InstanceId": instance_id,
        "StatusCode": "InProgress",
        "StatusMessage": "",
        "Details": {"Subnet ID": "subnet-11111111", "Availability Zone": f"{REGION}a"},
        "AutoScalingGroupName": group,
        "Cause": f"At {moment} a user request explicitly set group desired capacity changing it.",
        "Event": "autoscaling:EC2_INSTANCE_TERMINATE",
    }
    return json.dumps({"Type": "Notification", "Subject": "Auto Scaling: termination", "Message": json.dumps(notice)})
