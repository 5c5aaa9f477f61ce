"""What becomes of messages before the daemons get them: faithful, lost, doubled, late, in another order."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.slurm.cloud import Cloud

BATCH = 10
Policy = Callable[[list[str]], list[tuple[str, int]]]
"""Takes the messages that came together; what is handed on of them, each after so many seconds."""


def faithful(messages: list[str]) -> list[tuple[str, int]]:
    """Every message once, at once, in order."""
    return [(message, 0) for message in messages]


def lost(_: list[str]) -> list[tuple[str, int]]:
    """No message at all."""
    return []


def doubled_and_reordered(messages: list[str]) -> list[tuple[str, int]]:
    """Every message twice, in another order, the second some time after the first."""
    chance = random.Random(7)
    twice = [*((message, 0) for message in messages), *((message, chance.randrange(4)) for message in messages)]
    return chance.sample(twice, len(twice))


def delayed(messages: list[str]) -> list[tuple[str, int]]:
    """Every message late: that an instance starts, when it has long been a node; that it ends, long after that."""
    return [(message, 6) for message in messages]


def carry(cloud: Cloud, policy: Policy) -> None:
    """Hand on all that has come."""
    while _carry_some(cloud, policy) == BATCH:
        pass


def _carry_some(cloud: Cloud, policy: Policy) -> int:
    sqs = cloud.client("sqs")
    found = sqs.receive_message(QueueUrl=cloud.sent, MaxNumberOfMessages=BATCH).get("Messages", [])
    for body, seconds in policy([message["Body"] for message in found]):
        sqs.send_message(QueueUrl=cloud.fleet.queue_url, MessageBody=body, DelaySeconds=seconds)
    for message in found:
        sqs.delete_message(QueueUrl=cloud.sent, ReceiptHandle=message["ReceiptHandle"])
    return len(found)
