"""What a Slurm cluster has on the embedded AWS: groups that tell of themselves, queues, table; and looks at them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from embedded_aws.ec2.images import IMAGES
from embedded_aws.process import REGION
from shoal_node.fleet import ComputeResource, Fleet, Partition, queues
from tests.support.embedded import Account

RECEIVES = 3
NETWORK = "10.9.0.0/16"
SUBNETS = {"10.9.1.0/24": "a", "10.9.2.0/24": "b"}
NOTICES = [f"autoscaling:EC2_INSTANCE_{name}" for name in ("LAUNCH", "LAUNCH_ERROR", "TERMINATE", "TERMINATE_ERROR")]


@dataclass
class Cloud:
    """An account with a fleet."""

    account: Account
    fleet: Fleet
    sent: str
    """The queue to which the groups' notices and the nodes' messages go; the test carries them on to the fleet's."""
    dead_letters: str

    def client(self, service: str) -> Any:
        """A client with all rights."""
        return self.account.client(service)

    def group(self, name: str = "small") -> dict[str, Any]:
        """A group as Auto Scaling tells of it."""
        told = self.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[f"shoal-c-{name}"])
        return dict(told["AutoScalingGroups"][0])

    def instances(self, name: str = "small") -> list[str]:
        """The instances that a group has and keeps."""
        alive = [told for told in self.group(name)["Instances"] if told["LifecycleState"] in ("Pending", "InService")]
        return sorted(told["InstanceId"] for told in alive)

    def running(self) -> dict[str, tuple[str, str]]:
        """Address and group of every instance of the cluster that runs, by id."""
        filters = [{"Name": "tag:cluster", "Values": ["c"]}, {"Name": "instance-state-name", "Values": ["running"]}]
        pages = self.client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
        told = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
        group = {one["InstanceId"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]}["group"] for one in told}
        return {one["InstanceId"]: (one["PrivateIpAddress"], group[one["InstanceId"]]) for one in told}

    def states(self) -> dict[str, str]:
        """The state of every node in the table that has not ended."""
        told = self.client("dynamodb").scan(TableName=self.fleet.table, ConsistentRead=True)
        items = [item for item in told["Items"] if item["pk"]["S"].startswith("node#")]
        states = {item["instanceId"]["S"]: item["state"]["S"] for item in items}
        return {name: state for name, state in states.items() if state != "TERMINATING"}

    def item(self, key: str) -> dict[str, Any]:
        """An item of the table, or nothing."""
        told = self.client("dynamodb").get_item(TableName=self.fleet.table, Key={"pk": {"S": key}}, ConsistentRead=True)
        return dict(told.get("Item", {}))

    def published(self, part: str) -> Any:
        """A part of what the head node publishes, or None."""
        text = self.item("status#head").get(part, {}).get("S")
        return json.loads(text) if text else None

    def put(self, key: str, **texts: str) -> None:
        """Put an item of texts into the table."""
        item = {"pk": {"S": key}, **{name: {"S": text} for name, text in texts.items()}}
        self.client("dynamodb").put_item(TableName=self.fleet.table, Item=item)

    def forget(self, key: str) -> None:
        """Take an item out of the table."""
        self.client("dynamodb").delete_item(TableName=self.fleet.table, Key={"pk": {"S": key}})

    def send(self, body: str, queue: str = "") -> None:
        """Send a message, to be carried on, or straight into a queue."""
        self.client("sqs").send_message(QueueUrl=queue or self.sent, MessageBody=body)

    def waiting(self, queue: str) -> int:
        """Messages in a queue, those on their way counted."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        told = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sum(int(told["Attributes"][name]) for name in names)

    def fault(self, name: str, code: str | None) -> None:
        """Let a group's launches fail with this code of EC2, or no longer."""
        body = {"account": self.account.id, "group": f"shoal-c-{name}", "launchError": code}
        self.account.server.call("POST", "/_shoal/auto-scaling", body)


def make_cloud(account: Account, resources: tuple[ComputeResource, ...], endpoint: str, **told: Any) -> Cloud:
    """Make a fleet of these compute resources; `told` goes into what the daemons are told."""
    sqs = account.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": _arn(account, dead), "maxReceiveCount": str(RECEIVES)}
    attributes = {"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": "2"}
    queue = sqs.create_queue(QueueName="fleet", Attributes=attributes)["QueueUrl"]
    account.client("dynamodb").create_table(
        TableName="nodes",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    partitions = tuple(Partition(name, number == 0) for number, name in enumerate(queues(resources)))
    fleet = Fleet(
        "c", REGION, queue, "nodes", resources, endpoint_url=endpoint, version="v1", queues=partitions, **told
    )
    sent, topic = _make_topic(account)
    cloud = Cloud(account, fleet, sent, dead)
    subnets = _make_subnets(account)
    for resource in resources:
        _make_group(account, resource, subnets, topic)
    return cloud


def changed(cloud: Cloud, **told: Any) -> Fleet:
    """The fleet after an update."""
    cloud.fleet = replace(cloud.fleet, **told)
    return cloud.fleet


def _arn(account: Account, queue: str) -> str:
    told = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    return str(told["Attributes"]["QueueArn"])


def _make_topic(account: Account) -> tuple[str, str]:
    """A queue and the topic that it hears: the queue, the topic."""
    sqs, sns = account.client("sqs"), account.client("sns")
    topic = str(sns.create_topic(Name="fleet")["TopicArn"])
    queue = str(sqs.create_queue(QueueName="sent")["QueueUrl"])
    arn = _arn(account, queue)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return queue, topic


def _make_subnets(account: Account) -> str:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=NETWORK)["Vpc"]["VpcId"]
    made = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        for block, zone in SUBNETS.items()
    ]
    return ",".join(made)


def _make_group(account: Account, resource: ComputeResource, subnets: str, topic: str) -> None:
    data = {"ImageId": IMAGES[0][0], "InstanceType": "c5.large"}
    account.client("ec2").create_launch_template(LaunchTemplateName=resource.group, LaunchTemplateData=data)
    tags = {"cluster": "c", "group": resource.name}
    scaling = account.client("autoscaling")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=resource.group,
        LaunchTemplate={"LaunchTemplateName": resource.group, "Version": "$Latest"},
        MinSize=resource.min_count,
        MaxSize=resource.max_count,
        DesiredCapacity=resource.min_count,
        VPCZoneIdentifier=subnets,
        Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in tags.items()],
    )
    scaling.put_notification_configuration(
        AutoScalingGroupName=resource.group, TopicARN=topic, NotificationTypes=NOTICES
    )
