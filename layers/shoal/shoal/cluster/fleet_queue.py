"""Notices: Auto Scaling tells a topic what it launches and ends, and the topic tells the queue that sqswatcher reads.

The compute nodes write to the same queue. What nobody can read goes to the dead letters after `MOST_RECEIVES` times.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, allow, arn, get_att, ref, tag_list

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

TOPIC = "FleetTopic"
QUEUE = "FleetQueue"
QUEUE_POLICY = "FleetQueuePolicy"
SUBSCRIPTION = "FleetSubscription"
DEAD_LETTERS = "FleetDeadLetters"
MOST_RECEIVES = 10
"""Times that a message is read before it counts as one that nobody can read. Where Slurm or EC2 do not answer, messages
are left as well: ten times are ten minutes.
"""
VISIBILITY = 60
"""Seconds for which a message that was read is hidden."""
RETENTION = 4 * 24 * 3600
"""Seconds that a message stays; the minute's reconciliation does not need it."""
DEAD_RETENTION = 14 * 24 * 3600
"""The most that SQS offers, https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
CHINA = ".cn"


def queue_arn(site: Site) -> Value:
    """The ARN of the queue."""
    return arn(site, "sqs", names(site).nodes)


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """Topic, queue and dead letters. SNS can write to a queue with SQS's own encryption, and Auto Scaling to a topic
    without: one with a key needs a customer's key, whose policy lets Auto Scaling in.
    """
    yield (
        TOPIC,
        {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": names(site).nodes, "Tags": tag_list(cluster, site)}},
    )
    yield DEAD_LETTERS, _queue(cluster, site, names(site).dead_letters, DEAD_RETENTION)
    queue = _queue(cluster, site, names(site).nodes, RETENTION)
    queue["Properties"] |= {
        "VisibilityTimeout": VISIBILITY,
        "RedrivePolicy": {"deadLetterTargetArn": get_att(DEAD_LETTERS, "Arn"), "maxReceiveCount": MOST_RECEIVES},
    }
    yield QUEUE, queue
    yield QUEUE_POLICY, _only_the_topic_sends(site)
    yield (
        SUBSCRIPTION,
        {
            "Type": "AWS::SNS::Subscription",
            "DependsOn": [QUEUE_POLICY],
            "Properties": {"TopicArn": ref(TOPIC), "Protocol": "sqs", "Endpoint": get_att(QUEUE, "Arn")},
        },
    )


def _queue(cluster: Cluster, site: Site, name: str, retention: int) -> Resource:
    return {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "QueueName": name,
            "MessageRetentionPeriod": retention,
            "SqsManagedSseEnabled": True,
            "Tags": tag_list(cluster, site),
        },
    }


def _only_the_topic_sends(site: Site) -> Resource:
    """SNS, for this topic alone; the nodes of this account write by their roles. SNS has one name in all partitions
    (https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html), without China's suffix.
    """
    sender = f"sns.{site.url_suffix.removesuffix(CHINA)}"
    condition = {"aws:SourceArn": ref(TOPIC)}
    send = allow("TheTopicSends", "sqs:SendMessage", on=get_att(QUEUE, "Arn"), ArnEquals=condition)
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [ref(QUEUE)],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [send | {"Principal": {"Service": sender}}],
            },
        },
    }
