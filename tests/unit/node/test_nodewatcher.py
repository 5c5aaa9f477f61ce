"""Does nodewatcher end its own instance when that is idle, and never while a job runs?"""

from __future__ import annotations

import json
import threading
import urllib.error
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from shoal_node import groups, nodewatcher
from shoal_node.fleet import Fleet
from shoal_node.nodewatcher import WARNINGS, FleetFile, Watcher, warning
from shoal_node.shell import write
from tests.support.fleet_account import REGION, FleetAccount, compute_resource, fleet_account
from tests.support.node_settings import COMPUTE
from tests.support.paper_slurm import PaperSlurm

BELOW = (
    "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min "
    "size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size."
)
IN_SERVICE = {
    "InstanceId": "i-1",
    "AutoScalingGroupName": "shoal-c-small",
    "AvailabilityZone": "eu-west-1a",
    "LifecycleState": "InService",
    "HealthStatus": "HEALTHY",
    "ProtectedFromScaleIn": False,
}
UNKNOWN_INSTANCE = "Instance Id not found - No managed instance found for instance ID i-1"


@pytest.fixture
def account() -> Iterator[FleetAccount]:
    with fleet_account((compute_resource(),), idle_seconds=0) as made:
        yield made


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PaperSlurm:
    return PaperSlurm(tmp_path, monkeypatch)


@pytest.fixture
def node(account: FleetAccount, slurm: PaperSlurm) -> str:
    """The name of the one node there is."""
    (instance,) = account.launch()
    name = account.fleet.resources[0].node_name(account.address(instance))
    slurm.join(name)
    return name


@pytest.fixture
def watcher(account: FleetAccount, node: str) -> Watcher:
    return Watcher(account.fleet, account.fleet.resources[0], account.instances()[0], node)


def nothing() -> None:
    return None


def test_an_idle_node_drains_looks_again_and_ends_with_one_less_wanted(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher, node: str
) -> None:
    watcher.look(nothing)
    assert slurm.nodes == {node: "IDLE+DRAIN"}
    assert len(account.instances()) == 1
    watcher.look(nothing)
    assert (account.instances(), account.group()["DesiredCapacity"]) == ([], 0)
    watcher.look(nothing)


def test_a_job_that_came_while_it_drained_keeps_the_node(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher, node: str
) -> None:
    watcher.look(nothing)
    slurm.run("7")
    watcher.look(nothing)
    assert slurm.nodes == {node: "IDLE"}
    assert len(account.instances()) == 1


def test_a_node_with_a_job_is_protected_and_one_without_is_not(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    slurm.run("7")
    watcher.look(nothing)
    assert account.group()["Instances"][0]["ProtectedFromScaleIn"]
    slurm.finish("7")
    watcher.look(nothing)
    assert not account.group()["Instances"][0]["ProtectedFromScaleIn"]


def test_a_node_is_not_ended_while_slurm_is_away(account: FleetAccount, slurm: PaperSlurm, watcher: Watcher) -> None:
    watcher.look(nothing)
    slurm.away()
    watcher.look(nothing)
    assert len(account.instances()) == 1


def test_a_node_is_not_drained_while_auto_scaling_is_away(
    slurm: PaperSlurm, watcher: Watcher, node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Fleet) -> None:
        raise ClientError({"Error": {"Code": "Throttling", "Message": "slowly"}}, "DescribeAutoScalingGroups")

    monkeypatch.setattr(groups, "groups", refuse)
    watcher.look(nothing)
    assert slurm.nodes == {node: "IDLE"}


def test_a_node_that_aws_takes_away_gives_its_jobs_back_and_ends(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher, node: str
) -> None:
    slurm.run("7")
    watcher.look(lambda: "Spot interruption")
    assert slurm.nodes == {node: "IDLE+DRAIN"}
    watcher.look(lambda: "Spot interruption")
    assert slurm.jobs == []
    watcher.look(lambda: "Spot interruption")
    assert account.instances() == []


@pytest.mark.parametrize(
    ("leaving", "state", "left"), [(None, "IDLE", True), ("Spot interruption", "IDLE+DRAIN", False)]
)
def test_a_node_that_its_group_keeps_goes_on_unless_aws_takes_it(
    account: FleetAccount,
    slurm: PaperSlurm,
    watcher: Watcher,
    node: str,
    monkeypatch: pytest.MonkeyPatch,
    leaving: str | None,
    state: str,
    left: bool,
) -> None:
    end, before = groups.end, account.instances()

    def keep(fleet: Fleet, instance_id: str, fewer: bool) -> bool:
        return not fewer and end(fleet, instance_id, fewer=False)

    monkeypatch.setattr(groups, "end", keep)
    watcher.look(lambda: leaving)
    watcher.look(lambda: leaving)
    assert slurm.nodes == {node: state}
    assert (account.instances() == before) is left
    assert len(account.instances()) == 1


@pytest.mark.parametrize(("message", "done"), [(BELOW, False), (UNKNOWN_INSTANCE, True)])
def test_what_auto_scaling_says_of_an_instance_that_it_does_not_end_is_understood(
    account: FleetAccount, monkeypatch: pytest.MonkeyPatch, message: str, done: bool
) -> None:
    assert ended(account, monkeypatch, "ValidationError", message) is done


@pytest.mark.parametrize(("code", "message"), [("ValidationError", "something else"), ("AccessDenied", BELOW)])
def test_other_errors_of_ending_are_raised(
    account: FleetAccount, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    with pytest.raises(ClientError):
        ended(account, monkeypatch, code, message)


@pytest.mark.parametrize("known", [[], [{**IN_SERVICE, "LifecycleState": "Terminating"}]])
def test_an_instance_that_is_being_ended_already_takes_no_more_from_its_group(
    account: FleetAccount, monkeypatch: pytest.MonkeyPatch, known: list[dict[str, Any]]
) -> None:
    scaling = boto3.client("autoscaling", region_name=REGION)
    monkeypatch.setattr(groups, "client", lambda *_: scaling)
    with Stubber(scaling) as stubber:
        stubber.add_response("describe_auto_scaling_instances", {"AutoScalingInstances": known})
        assert groups.end(account.fleet, "i-1", fewer=True)
        stubber.assert_no_pending_responses()


def ended(account: FleetAccount, monkeypatch: pytest.MonkeyPatch, code: str, message: str) -> bool:
    scaling = boto3.client("autoscaling", region_name=REGION)
    monkeypatch.setattr(groups, "client", lambda *_: scaling)
    with Stubber(scaling) as stubber:
        stubber.add_response("describe_auto_scaling_instances", {"AutoScalingInstances": [IN_SERVICE]})
        stubber.add_client_error("terminate_instance_in_auto_scaling_group", code, message)
        return groups.end(account.fleet, "i-1", fewer=True)


@pytest.mark.parametrize(("path", "told"), WARNINGS.items())
def test_a_warning_of_aws_is_read_from_the_metadata(monkeypatch: pytest.MonkeyPatch, path: str, told: str) -> None:
    monkeypatch.setattr(nodewatcher, "current_metadata", lambda asked: answer(404 if asked != path else None))
    assert warning() == told


@pytest.mark.parametrize("code", [404, 500])
def test_without_an_answer_there_is_no_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    monkeypatch.setattr(nodewatcher, "current_metadata", lambda _: answer(code))
    assert warning() is None
    assert bool(caplog.messages) is (code == 500)


def answer(code: int | None) -> str:
    if code:
        raise urllib.error.HTTPError("http://metadata", code, "no", Message(), None)
    return "{}"


def share(folder: Path, monkeypatch: pytest.MonkeyPatch, fleet: Fleet) -> Path:
    """Let the head node share this fleet."""
    path = folder / "fleet.json"
    path.write_text(fleet.to_json())
    monkeypatch.setattr(nodewatcher, "SHARED_FLEET_FILE", str(path))
    monkeypatch.setattr(nodewatcher, "copy_hosts", lambda: None)
    return path


def watch_until_it_ends_itself(account: FleetAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the daemon on the one instance there is."""
    stop, instance = threading.Event(), account.instances()[0]
    told = {"local-ipv4": account.address(instance)}
    monkeypatch.setattr(nodewatcher, "instance_id", lambda: instance)
    monkeypatch.setattr(nodewatcher, "metadata", lambda path: told[path])
    monkeypatch.setattr(nodewatcher, "current_metadata", lambda _: answer(404))
    end = groups.end

    def last(*arguments: Any, **named: Any) -> bool:
        stop.set()
        return end(*arguments, **named)

    monkeypatch.setattr(groups, "end", last)
    nodewatcher.watch(stop, 0)


def test_a_node_finds_out_what_it_is_and_runs_until_it_is_stopped(
    account: FleetAccount, slurm: PaperSlurm, node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(tmp_path, monkeypatch, account.fleet)
    watch_until_it_ends_itself(account, monkeypatch)
    assert account.instances() == []


def test_a_node_whose_compute_resource_was_removed_before_it_looked_leaves(
    account: FleetAccount, slurm: PaperSlurm, node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (resource,) = account.fleet.resources
    share(tmp_path, monkeypatch, replace(account.fleet, resources=()))
    settings = replace(COMPUTE, queue=resource.queue, compute_resource=resource.name)
    (tmp_path / "settings.json").write_text(json.dumps(settings.as_dict()))
    monkeypatch.setattr(nodewatcher, "SETTINGS_FILE", str(tmp_path / "settings.json"))
    watch_until_it_ends_itself(account, monkeypatch)
    assert account.instances() == []


def test_an_instance_of_no_group_of_the_cluster_says_so(
    account: FleetAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()
    share(tmp_path, monkeypatch, account.fleet)

    def stranger() -> str:
        stop.set()
        return "i-0123456789abcdef0"

    monkeypatch.setattr(nodewatcher, "instance_id", stranger)
    nodewatcher.watch(stop, 0)
    assert "i-0123456789abcdef0 is in none of the cluster's groups" in caplog.text


def test_a_node_goes_by_the_idle_time_of_a_configuration_that_came_later(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher, node: str
) -> None:
    watcher.follow(replace(account.fleet, idle_seconds=3600))
    watcher.look(nothing)
    assert slurm.nodes == {node: "IDLE"}
    watcher.follow(account.fleet)
    watcher.look(nothing)
    assert slurm.nodes == {node: "IDLE+DRAIN"}


def test_a_node_whose_compute_resource_is_removed_leaves_after_its_job(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher, node: str
) -> None:
    slurm.run("7")
    watcher.follow(replace(account.fleet, resources=()))
    watcher.look(nothing)
    watcher.look(nothing)
    assert (slurm.nodes, slurm.jobs) == ({node: "IDLE+DRAIN"}, ["7"])
    slurm.finish("7")
    watcher.look(nothing)
    assert account.instances() == []


def test_a_fleet_is_read_again_when_its_file_has_changed_and_kept_when_that_cannot_be_read(
    account: FleetAccount, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "fleet.json"
    path.write_text(account.fleet.to_json())
    file = FleetFile(path)
    assert file.changed() == account.fleet
    assert file.changed() is None
    write(path, '{"of": "another version"}')
    assert file.changed() is None
    assert "is not followed" in caplog.text
    write(path, replace(account.fleet, idle_seconds=7).to_json())
    assert file.changed() == replace(account.fleet, idle_seconds=7)
