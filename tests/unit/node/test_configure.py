"""Is a new configuration of the stack applied once, acknowledged, and taken back where Slurm does not have it?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from shoal_node import configure
from shoal_node.contract import Action
from shoal_node.controller import Effect
from shoal_node.fleet import ComputeResource, Fleet, Partition
from shoal_node.shell import NodeError
from shoal_node.slurm.commands import SlurmRefusedError
from tests.support.fleet_account import FleetAccount, fleet_account
from tests.support.node_settings import HEAD

OLD = Fleet(
    "c",
    "eu-west-1",
    "queue",
    "nodes",
    (ComputeResource("main", "small", "shoal-c_main-small", cpus=2, memory=3800, max_count=4),),
    queues=(Partition("main", is_default=True), Partition("old")),
    version="1",
)
NEW = replace(OLD, queues=(OLD.queues[0], Partition("more")), version="2")


class Head:
    """The head node around `configure`: what was asked of Slurm and systemd, and what Slurm does with it."""

    def __init__(self, account: FleetAccount, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.account = account
        self.stack = NEW
        self.done: list[str] = []
        self.busy: set[str] = set()
        """Partitions with jobs."""
        self.refuses: set[str] = set()
        """Versions that Slurm refuses."""
        self.files = (folder / "fleet.json", folder / "shared.json")
        monkeypatch.setattr(configure, "FLEET_FILE", str(self.files[0]))
        monkeypatch.setattr(configure, "SHARED_FLEET_FILE", str(self.files[1]))
        monkeypatch.setattr(configure, "STATE_FILE", folder / "configuration.json")
        monkeypatch.setattr(configure, "place", lambda: None)
        monkeypatch.setattr(configure, "stack_fleet", lambda _: self.stack)
        monkeypatch.setattr(configure, "write_configuration", self._write)
        monkeypatch.setattr(configure, "tell_controller", lambda effect: self.done.append(effect.name))
        monkeypatch.setattr(configure, "keep_placeholders", self._keep)
        monkeypatch.setattr(configure, "start", lambda names: self.done.append("restart daemons"))
        monkeypatch.setattr(configure, "run_actions", self._run_actions)
        monkeypatch.setattr(configure, "restore_key", lambda _: None)
        monkeypatch.setattr(configure, "_has_jobs", lambda name: name in self.busy)
        configure.share(OLD)
        configure.acknowledge(HEAD, configure.Acknowledged("1", configure.APPLIED))

    def _write(self, fleet: Fleet, _: None, retired: tuple[str, ...]) -> Effect:
        self.done.append(f"write {fleet.version} keeping {','.join(retired) or 'nothing'}")
        return Effect.READ

    def _keep(self, fleet: Fleet) -> None:
        if fleet.version in self.refuses:
            raise SlurmRefusedError("scontrol: Invalid node state specified")

    def _run_actions(self, _: object, when: str, actions: tuple[Action, ...], occasion: str) -> None:
        for action in actions:
            if action.url.endswith("bad"):
                raise NodeError(f"{when} {action.url} ended with exit code 3")
            self.done.append(f"{when} {action.url} for {occasion}")

    def told(self, version: str) -> dict[str, str]:
        """What the table says of a version."""
        item = self.account.item(f"configuration#{version}")
        return {name: item[name]["S"] for name in ("state", "error") if name in item}

    def versions(self) -> list[str]:
        """The versions that daemons and compute nodes go by."""
        return [Fleet.from_json(path.read_text()).version for path in self.files]


@pytest.fixture
def head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Head]:
    with fleet_account(()) as account:
        yield Head(account, tmp_path, monkeypatch)


def test_a_new_version_is_applied_shared_and_acknowledged(head: Head) -> None:
    assert configure.configure(HEAD) == 0
    assert head.done == ["write 2 keeping nothing", "READ", "restart daemons"]
    assert head.versions() == ["2", "2"]
    assert head.told("2") == {"state": "APPLIED"}


def test_the_version_that_is_applied_is_left_alone(head: Head) -> None:
    head.stack = OLD
    assert configure.configure(HEAD) == 0
    assert head.done == []


def test_a_table_that_was_emptied_is_told_again_what_is_applied(head: Head) -> None:
    configure.configure(HEAD)
    head.account.client("dynamodb").delete_item(TableName="nodes", Key={"pk": {"S": "configuration#2"}})
    configure.configure(HEAD)
    assert head.told("2") == {"state": "APPLIED"}


def test_a_queue_that_is_removed_stays_until_it_has_no_jobs(head: Head) -> None:
    head.busy = {"old"}
    configure.configure(HEAD)
    configure.configure(HEAD)
    assert [step for step in head.done if step.startswith("write")] == ["write 2 keeping old"]
    head.busy = set()
    configure.configure(HEAD)
    assert head.done[-2:] == ["write 2 keeping nothing", "READ"]
    done = len(head.done)
    configure.configure(HEAD)
    assert len(head.done) == done


def test_what_slurm_refuses_is_taken_back_and_said_once(head: Head) -> None:
    head.refuses = {"2"}
    assert configure.configure(HEAD) == 1
    assert head.told("2") == {"state": "FAILED", "error": "scontrol: Invalid node state specified"}
    assert head.done[-3:] == ["write 1 keeping nothing", "READ", "restart daemons"]
    assert head.versions() == ["1", "1"]
    done = len(head.done)
    assert configure.configure(HEAD) == 0
    assert len(head.done) == done


def test_after_a_failure_the_version_before_is_applied_when_the_stack_has_it_again(head: Head) -> None:
    head.refuses = {"2"}
    configure.configure(HEAD)
    head.stack = OLD
    assert configure.configure(HEAD) == 0
    assert head.told("1") == {"state": "APPLIED"}


def test_the_users_scripts_run_after_an_update(head: Head) -> None:
    head.stack = replace(NEW, on_node_updated=(Action("s3://b/script"),))
    configure.configure(HEAD)
    assert head.done[-1] == "OnNodeUpdated s3://b/script for 2"


def test_an_update_fails_with_the_users_script(head: Head) -> None:
    head.stack = replace(NEW, on_node_updated=(Action("s3://b/bad"),))
    assert configure.configure(HEAD) == 1
    assert head.told("2")["error"] == "OnNodeUpdated s3://b/bad ended with exit code 3"


def test_a_configuration_that_is_not_acknowledged_is_tried_again(head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(configure, "acknowledge", _no_answer)
        with pytest.raises(OSError, match="no answer"):
            configure.configure(HEAD)
    assert configure.configure(HEAD) == 0
    assert head.told("2") == {"state": "APPLIED"}


def _no_answer(*_: object, **__: object) -> None:
    raise OSError("no answer")


METADATA = json.dumps({"Shoal": {"Fleet": NEW.as_dict()}})


@pytest.mark.parametrize(
    ("metadata", "problem"), [("{}", "hold no fleet"), ('{"Shoal": {"Fleet": {"version": "1"}}}', "hold no fleet")]
)
def test_metadata_without_a_fleet_are_one_clear_error(
    metadata: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NodeError, match=problem):
        _stack_fleet(metadata, monkeypatch)


def test_the_fleet_is_read_from_the_metadata_of_the_head_nodes_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _stack_fleet(METADATA, monkeypatch) == NEW


def _stack_fleet(metadata: str, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    cloudformation = boto3.client(
        "cloudformation", region_name="eu-west-1", aws_access_key_id="t", aws_secret_access_key="t"
    )
    detail = {
        "LogicalResourceId": "HeadNode",
        "ResourceType": "AWS::EC2::Instance",
        "LastUpdatedTimestamp": "2026-11-24T10:00:00Z",
        "ResourceStatus": "CREATE_IN_PROGRESS",
        "Metadata": metadata,
    }
    asked = {"StackName": "shoal-cluster-c", "LogicalResourceId": "HeadNode"}
    with Stubber(cloudformation) as stub:
        stub.add_response("describe_stack_resource", {"StackResourceDetail": detail}, asked)
        monkeypatch.setattr(configure, "client", lambda *_: cloudformation)
        return configure.stack_fleet(HEAD)
