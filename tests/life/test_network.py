"""A network of `shoal network` and the front door: a cluster in it passes, one in its dead end does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.process import ACCOUNT_ID, REGION, SECRET_ACCESS_KEY
from shoal_cli.network import stack
from tests.support.command_line import Shoal, command
from tests.support.front_door import FrontDoor, queue

Configure = Callable[..., dict[str, Any]]


@pytest.fixture
def cli(shoal: FrontDoor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shoal:
    """The command with the account's credentials."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", shoal.server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(stack, "PAUSE_SECONDS", stack.LOCAL_PAUSE_SECONDS)
    return command(monkeypatch, capsys)


def placed(configure: Configure, head: str, compute: str) -> dict[str, Any]:
    return configure(
        HeadNode={"InstanceType": "t3.small", "Networking": {"SubnetId": head}},
        Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue(compute)]},
    )


def test_a_cluster_is_planned_in_a_network_that_shoal_has_made_and_refused_in_a_dead_end(
    shoal: FrontDoor, cli: Shoal, name: str, configure: Configure
) -> None:
    before = shoal.state()
    made = {}
    for network, options in ((name, ()), (f"{name}-closed", ("--without-nat",))):
        ended = cli("network", "create", network, *options, "--wait", "--output", "json")
        assert ended.code == 0, ended.err
        made[network] = json.loads(ended.out)
    whole, closed = made.values()

    fits = placed(configure, whole["publicSubnetIds"][0], whole["privateSubnetIds"][0])
    assert "nothing has been made" in shoal.succeed("plan", name, fits)["summary"]

    dead_end = placed(configure, closed["publicSubnetIds"][0], closed["privateSubnetIds"][0])
    refused = shoal.operate("create", name, dead_end)
    assert (refused.status, refused.error) == ("FAILED", "InvalidConfiguration")
    assert "Scheduling.AwsBatchQueues[0].Networking.SubnetIds[0] is " in refused.cause
    assert "cannot reach ecr.api, ecr.dkr, ecs, ecs-agent, ecs-telemetry, logs" in refused.cause
    assert shoal.succeed("plan", name, dead_end, suppressValidators=["type:SubnetRoutesValidator"])

    for network in made:
        assert cli("network", "delete", network, "--wait").code == 0
    assert shoal.left_since(before) == []
