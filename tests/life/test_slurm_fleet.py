"""A Slurm cluster at work: described, logged in to, stopped and started."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shoal_cli.login import find_head_node, session_command
from tests.support import front_door
from tests.support.front_door import FrontDoor
from tests.support.polling import until
from tests.support.slurm_life import SlurmCluster, configuration, queue, resource


@pytest.fixture
def cluster(shoal: FrontDoor, name: str) -> Iterator[SlurmCluster]:
    """A cluster with one node that is always there, and some that come with jobs; nothing is left of it."""
    before = shoal.state()
    queues = [queue(shoal.subnet, "main", resource(MinCount=1)), queue(shoal.subnet, "other")]
    shoal.succeed("create", name, configuration(shoal.subnet, *queues))
    yield SlurmCluster(shoal, name)
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []


def test_describe_shows_queues_nodes_and_decisions(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    until(lambda: shoal.succeed("describe", cluster.name)["nodes"], 20, "a node")
    described = shoal.succeed("describe", cluster.name)
    assert described["scheduler"]["state"] == "up"
    rows = {(row["queue"], row["computeResource"]): row for row in described["queues"]}
    assert (rows["main", "work"]["ready"], rows["main", "work"]["maxCount"]) == (1, 4)
    assert rows["other", "work"]["ready"] == 0
    (node,) = described["nodes"]
    assert (node["queue"], node["computeResource"], node["instanceId"]) == ("main", "work", cluster.nodes()[0])
    assert node["instanceId"] in described["scalingDecisions"][-1]["about"] or described["scalingDecisions"]
    assert described["fleetStatus"] == "RUNNING"


def test_a_user_logs_in_to_the_head_node(shoal: FrontDoor, cluster: SlurmCluster) -> None:
    node = find_head_node(shoal.application, cluster.name, front_door.PREFIX)
    assert node.instance_id == cluster.physical("HeadNode")
    command = session_command(node, [], shoal.server.url)
    assert command[:3] == ["aws", "ssm", "start-session"]
    assert command[command.index("--target") + 1] == node.instance_id


def test_stop_ends_every_node_and_start_brings_back_those_that_are_always_there(
    shoal: FrontDoor, cluster: SlurmCluster
) -> None:
    names = {("main" if "_main" in name else "other"): name for name in cluster.groups()}
    cluster.start_nodes(names["other"], 1)
    cluster.until_ready("other", 1)
    cluster.protect(names["other"])
    head = cluster.physical("HeadNode")
    stopped = shoal.succeed("stop", cluster.name)
    assert stopped["fleetStatus"] == "STOPPED"
    assert (cluster.nodes(), cluster.item("fleet")["status"]) == ([], "STOPPED")
    assert {
        process["ProcessName"] for group in cluster.groups().values() for process in group["SuspendedProcesses"]
    } == {"Launch"}
    assert shoal.succeed("describe", cluster.name)["fleetStatus"] == "STOPPED"
    shoal.succeed(
        "update",
        cluster.name,
        configuration(
            shoal.subnet, queue(shoal.subnet, "main", resource(MinCount=1, MaxCount=5)), queue(shoal.subnet, "other")
        ),
    )
    assert cluster.nodes() == []
    assert shoal.succeed("start", cluster.name)["fleetStatus"] == "RUNNING"
    assert [row["ready"] for row in cluster.status("queues")["main"]] == [1]
    assert cluster.physical("HeadNode") == head
