"""The head node of a Batch cluster, set up by the user data of its own stack."""

from __future__ import annotations

from tests.instances import booted
from tests.support import front_door
from tests.support.front_door import FrontDoor

SECONDS = 240.0


def test_a_batch_head_node_signals_shares_its_volume_and_is_gone_with_its_cluster(shoal: FrontDoor) -> None:
    volume = {"MountDir": "/shared", "Name": "shared", "StorageType": "Ebs"}
    configuration = front_door.configuration(shoal.subnet, Image={"Os": "debian12"}, SharedStorage=[volume])
    created = shoal.wait(shoal.begin("create", "batch-head", configuration), SECONDS)
    assert created.status == "SUCCEEDED", f"{created.error}: {created.cause}"
    head = shoal.operate("describe", "batch-head").answer["headNode"]["instanceId"]
    exported = booted.shell(shoal.server, head, "mountpoint /shared && exportfs -s")
    assert {line.split()[0] for line in exported.splitlines()[1:]} == {"/home", "/shared"}
    assert "the node is ready" in booted.shell(shoal.server, head, "cat /var/log/shoal/bootstrap.log")
    shoal.wait(shoal.begin("delete", "batch-head"), SECONDS)
    assert head not in booted.shown(shoal.server)
