"""Do the stand-ins for a Slurm cluster's nodes do what AWS sees of real ones, with their roles' rights alone?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shoal_node.contract import BOOTSTRAP_TAG
from tests.support.embedded import Account
from tests.support.polling import until
from tests.support.scaling_group import ScalingGroup
from tests.support.slurm_template import COMPUTE, HEAD, parts
from tests.support.stacks import Stack


@pytest.fixture
def cluster(account: Account) -> str:
    return f"c{account.id}"


@pytest.fixture
def stack(account: Account) -> Stack:
    return Stack(account)


@pytest.fixture
def plant(account: Account, cluster: str) -> Iterator[Callable[..., None]]:
    """Plant what goes wrong on this cluster's nodes; taken back after the test."""

    def switch(**fault: Any) -> None:
        account.server.call("POST", "/_shoal/nodes", {"cluster": cluster, **fault})

    yield switch
    switch()


def item(stack: Stack, key: str) -> dict[str, Any]:
    """An item of the node table, its numbers and texts as values."""
    dynamodb = stack.account.client("dynamodb")
    found = dynamodb.get_item(TableName=stack.physical_id("Table"), Key={"pk": {"S": key}}).get("Item", {})
    return {name: next(iter(value.values())) for name, value in found.items()}


def ready(stack: Stack) -> int:
    """How many nodes of the group Slurm has ready, as the head node publishes it; while it cannot say, none."""
    rows = json.loads(item(stack, "status#head").get("queues", "{}")).get("main", [])
    return int(rows[0]["ready"]) if rows else 0


def shown(stack: Stack) -> list[tuple[str, ...]]:
    """The nodes as the head node publishes them."""
    nodes = json.loads(item(stack, "status#head").get("nodes", '{"nodes": []}'))["nodes"]
    return [(node["queue"], node["computeResource"], node["state"], node["slurm"]) for node in nodes]


def denied(stack: Stack) -> list[str]:
    told: Any = stack.account.server.call("GET", "/_shoal/iam")
    rows = [row for row in told["decisions"] if row["account"] == stack.account.id and row["decision"] == "DENY"]
    return sorted({row["action"] for row in rows})


def test_a_cluster_s_nodes_join_and_are_published(stack: Stack, cluster: str) -> None:
    stack.create(parts(cluster, 2))
    assert item(stack, "configuration#one")["state"] == "APPLIED"
    assert until(lambda: ready(stack) == 2, 20, "two nodes that are ready")
    told = item(stack, "status#head")
    assert (told["slurm"], told["version"]) == ('"up"', '"one"')
    assert until(lambda: shown(stack) == [("main", "work", "READY", "IDLE")] * 2, 20, "the nodes")
    assert denied(stack) == []


def test_a_node_leaves_when_its_group_ends_it(account: Account, stack: Stack, cluster: str) -> None:
    stack.create(parts(cluster, 0))
    group = ScalingGroup(account, f"{cluster}-main-work")
    group.client.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=1)
    assert until(lambda: ready(stack) == 1, 20, "a node that is ready")
    group.client.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=0)
    assert until(lambda: shown(stack) == [], 20, "no node")


def test_changed_metadata_are_applied_and_acknowledged(stack: Stack, cluster: str) -> None:
    stack.create(parts(cluster, 0))
    stack.update(parts(cluster, 0, "two"))
    assert until(lambda: item(stack, "configuration#two"), 20, "an answer")["state"] == "APPLIED"
    assert until(lambda: item(stack, "status#head").get("version") == '"two"', 20, "the new version")


def test_metadata_are_refused_with_the_planted_error(stack: Stack, cluster: str, plant: Callable[..., None]) -> None:
    stack.create(parts(cluster, 0))
    plant(configuration="slurmctld refuses the partition")
    stack.update(parts(cluster, 0, "two"))
    found = until(lambda: item(stack, "configuration#two"), 20, "an answer")
    assert (found["state"], found["error"]) == ("FAILED", "slurmctld refuses the partition")
    assert json.loads(item(stack, "status#head")["version"]) == "one"


def test_a_head_node_fails_with_the_planted_lines(stack: Stack, cluster: str, plant: Callable[..., None]) -> None:
    plant(head=["fetching packages", "munge: no such package"])
    stack.create(parts(cluster, 0), status="CREATE_FAILED", OnFailure="DO_NOTHING")
    instance = stack.physical_id("HeadNode")
    tags = stack.account.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"]
    told = {tag["Key"]: tag["Value"] for tag in tags}
    assert told[BOOTSTRAP_TAG] == "FAILURE munge: no such package"
    events = stack.account.client("logs").get_log_events(
        logGroupName="logs", logStreamName=f"{instance}/bootstrap", startFromHead=True
    )["events"]
    assert [event["message"] for event in events] == ["fetching packages", "munge: no such package"]


def test_compute_nodes_fail_with_the_planted_lines(stack: Stack, cluster: str, plant: Callable[..., None]) -> None:
    plant(compute=["mounting /home", "mount.nfs4: access denied"])
    stack.create(parts(cluster, 1))

    def failures() -> Any:
        told = json.loads(item(stack, "status#head").get("failures", "[]"))
        return told if len(told) >= 3 else None

    newest = until(failures, 60, "three failures")[0]
    assert newest["log"] == ["mounting /home", "mount.nfs4: access denied"]


def without(action: str) -> list[dict[str, Any]]:
    """What compute nodes may do, but for this."""
    return [statement for statement in COMPUTE if action not in statement["Action"]]


def test_a_compute_node_that_may_not_read_the_key_does_not_join(stack: Stack, cluster: str) -> None:
    stack.create(parts(cluster, 1, compute=without("dynamodb:GetItem")))
    assert until(lambda: "dynamodb:GetItem" in denied(stack), 20, "the refusal")
    assert ready(stack) == 0


def test_a_compute_node_that_may_not_tell_of_itself_is_refused(stack: Stack, cluster: str) -> None:
    stack.create(parts(cluster, 1, compute=without("sqs:SendMessage")))
    assert until(lambda: "sqs:SendMessage" in denied(stack), 20, "the refusal")


def test_a_head_node_that_may_not_read_its_metadata_applies_nothing(stack: Stack, cluster: str) -> None:
    signal = [{"Effect": "Allow", "Action": "cloudformation:SignalResource", "Resource": "*"}]
    stack.create(parts(cluster, 0, head=[*HEAD[1:], *signal]), status="ROLLBACK_COMPLETE")
    assert "cloudformation:DescribeStackResource" in denied(stack)
