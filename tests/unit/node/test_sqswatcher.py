"""Do table, Slurm and groups agree after what sqswatcher heard, or did not hear?"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from shoal_node import daemon, groups, reconcile
from shoal_node.capacity import FIRST_PAUSE, FORGOTTEN, LONGEST_PAUSE, refused_again
from shoal_node.decide import UNKNOWN, Instance, State
from shoal_node.look import YOUNG_SECONDS, Look
from shoal_node.node_table import MOST_WRITES, NodeTable
from shoal_node.notices import Kind, node_message
from shoal_node.sqswatcher import BATCH, Watcher
from tests.support.fleet_account import RECEIVES, FleetAccount, compute_resource, fleet_account
from tests.support.paper_slurm import PaperSlurm


@pytest.fixture
def account() -> Iterator[FleetAccount]:
    with fleet_account((compute_resource(), compute_resource("large", cpus=8))) as made:
        yield made


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PaperSlurm:
    return PaperSlurm(tmp_path, monkeypatch)


@pytest.fixture
def watcher(account: FleetAccount, slurm: PaperSlurm) -> Watcher:
    """One that has swept, and sweeps no more by itself."""
    watcher = Watcher(account.fleet, sweep_seconds=1e9, long_poll=0)
    watcher.look()
    return watcher


def sweep(account: FleetAccount) -> None:
    """The minute timer of a watcher that was just started."""
    Watcher(account.fleet, long_poll=0).look()


def name(account: FleetAccount, instance_id: str) -> str:
    return account.fleet.resources[0].node_name(account.address(instance_id))


def test_a_launch_is_recorded_and_the_node_ready_once_slurm_has_it(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    (instance,) = account.launch()
    account.notify("LAUNCH", instance)
    watcher.look()
    assert account.states() == {instance: "LAUNCHING"}
    slurm.join(name(account, instance))
    account.send(node_message(Kind.READY, instance, "main", "small", []))
    watcher.look()
    assert account.states() == {instance: "READY"}
    assert account.waiting() == 0


def test_an_ended_instance_leaves_slurm_and_table(account: FleetAccount, slurm: PaperSlurm, watcher: Watcher) -> None:
    (instance,) = account.launch()
    slurm.join(name(account, instance))
    sweep(account)
    account.end(instance)
    account.notify("TERMINATE", instance)
    watcher.look()
    assert (account.states(), slurm.nodes) == ({}, {})
    item = account.item(f"node#{instance}")
    assert int(item["expiresAt"]["N"]) > int(item["changedAt"]["N"])


def test_a_late_launch_of_a_dead_instance_and_the_end_of_an_unknown_one_do_nothing(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    (instance,) = account.launch()
    account.end(instance)
    account.notify("LAUNCH", instance)
    account.notify("TERMINATE", "i-0123456789abcdef0")
    watcher.look()
    assert (account.states(), account.waiting()) == ({}, 0)


def test_lost_messages_are_made_up_for_by_the_timer(account: FleetAccount, slurm: PaperSlurm) -> None:
    first, second = account.launch(2)
    slurm.join(name(account, first))
    sweep(account)
    sweep(account)
    assert account.states() == {first: "READY", second: "LAUNCHING"}
    account.end(first)
    sweep(account)
    assert (set(account.states()), slurm.nodes) == ({second}, {})


def test_an_emptied_table_is_filled_again(account: FleetAccount, slurm: PaperSlurm) -> None:
    (instance,) = account.launch()
    slurm.join(name(account, instance))
    sweep(account)
    account.client("dynamodb").delete_item(TableName="nodes", Key={"pk": {"S": f"node#{instance}"}})
    sweep(account)
    assert account.states() == {instance: "READY"}


def test_a_node_that_failed_is_ended_and_its_log_kept(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    (instance,) = account.launch()
    account.send(node_message(Kind.FAILED, instance, "main", "small", ["fetching key", "munge: no key"]))
    watcher.look()
    assert account.instances() == []
    item = account.item(f"node#{instance}")
    assert item["state"]["S"] == "FAILED"
    assert item["why"]["S"] == "it says: munge: no key"
    assert [line["S"] for line in item["log"]["L"]] == ["fetching key", "munge: no key"]
    sweep(account)
    assert account.states() == {}


def test_a_node_without_an_instance_leaves_slurm_at_the_second_look(account: FleetAccount, slurm: PaperSlurm) -> None:
    slurm.join("main-small-10-9-1-99")
    slurm.join("static-node-of-somebody", features="theirs")
    reconciler = reconcile.Reconciler(account.fleet)
    reconciler.sweep()
    assert len(slurm.nodes) == 2
    reconciler.sweep()
    assert list(slurm.nodes) == ["static-node-of-somebody"]


def test_a_node_stays_when_another_instance_took_its_address(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    old, new = account.launch(2)
    NodeTable(account.fleet).put_new([groups.instances(account.fleet, [new]).alive[new]], 1)
    table = account.client("dynamodb")
    item = {**account.item(f"node#{new}"), "pk": {"S": f"node#{old}"}, "instanceId": {"S": old}}
    table.put_item(TableName="nodes", Item=item)
    slurm.join(name(account, new))
    account.end(old)
    account.notify("TERMINATE", old)
    watcher.look()
    assert list(slurm.nodes) == [name(account, new)]
    assert account.states() == {new: "LAUNCHING"}


def test_nothing_is_removed_while_slurm_is_away_and_the_message_stays(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    (instance,) = account.launch()
    slurm.join(name(account, instance))
    sweep(account)
    account.end(instance)
    account.notify("TERMINATE", instance)
    slurm.away()
    watcher.look()
    assert set(account.states()) == {instance}
    assert account.waiting() == 1
    slurm.away(False)
    watcher.look()
    assert (account.states(), slurm.nodes, account.waiting()) == ({}, {}, 0)


def test_an_instance_that_ec2_does_not_know_yet_is_not_given_up(account: FleetAccount, slurm: PaperSlurm) -> None:
    reconciler = reconcile.Reconciler(account.fleet)
    look = Look(groups.Seen({}, frozenset()), {}, {})
    (instance,) = account.launch()
    reconciler.sweep()
    record = NodeTable(account.fleet).all()[instance]
    young = Look(look.instances, {instance: record}, {})
    assert young.instance(instance, record.launched_at + YOUNG_SECONDS - 1) is UNKNOWN
    assert young.instance(instance, record.launched_at + YOUNG_SECONDS) is None


def test_a_poison_message_goes_to_the_dead_letters_and_holds_nobody_up(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    account.send("poison")
    for _ in range(RECEIVES + 1):
        (instance,) = account.launch()
        account.notify("LAUNCH", instance)
        watcher.look()
        assert instance in account.states()
        account.end(instance)
    assert (account.waiting(), account.waiting(account.dead_letters)) == (0, 1)
    assert "stays in the queue: it is not JSON" in caplog.text


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Instances that the table takes no record of."""
    put_new, refused = NodeTable.put_new, set[str]()

    def refuse(table: NodeTable, instances: list[Instance], now: int) -> None:
        if refused.intersection(instance.instance_id for instance in instances):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slowly"}}, "PutItem")
        put_new(table, instances, now)

    monkeypatch.setattr(NodeTable, "put_new", refuse)
    return refused


def test_one_instance_that_cannot_be_handled_keeps_no_other_waiting(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher, refused: set[str]
) -> None:
    first, second = account.launch(2)
    refused.add(first)
    account.notify("LAUNCH", first)
    account.notify("LAUNCH", second)
    watcher.look()
    assert set(account.states()) == {second}
    assert account.waiting() == 1


def test_one_instance_that_cannot_be_handled_does_not_end_the_sweep(
    account: FleetAccount, slurm: PaperSlurm, refused: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = account.launch(2)
    refused.add(first)
    sweep(account)
    assert set(account.states()) == {second}
    assert f"{first}: An error occurred (ThrottlingException)" in caplog.text


def test_twice_the_same_message_does_once_the_same(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shoal_node")
    (instance,) = account.launch()
    for _ in range(BATCH):
        account.notify("LAUNCH", instance)
    watcher.look()
    watcher.look()
    assert account.waiting() == 0
    assert [line for line in caplog.messages if "record: a new instance" in line] == [
        f"{name(account, instance)} ({instance}): record: a new instance"
    ]


def test_a_launch_error_is_kept_until_a_launch_succeeds(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    account.notify("LAUNCH_ERROR", "", cause="InsufficientInstanceCapacity")
    watcher.look()
    refusal = NodeTable(account.fleet).refusals()["shoal-c-small"]
    assert refusal["cause"] == "InsufficientInstanceCapacity"
    (instance,) = account.launch()
    account.notify("LAUNCH", instance)
    watcher.look()
    assert NodeTable(account.fleet).refusals() == {}


def test_the_pause_after_refusals_doubles_to_a_limit_and_is_forgotten() -> None:
    refusal = refused_again(None, "no capacity", 0)
    pauses = [refusal["pause"]]
    for _ in range(6):
        refusal = refused_again(refusal, "no capacity", refusal["until"])
        pauses.append(refusal["pause"])
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert refused_again(refusal, "no capacity", refusal["until"] - 1)["until"] == refusal["until"]
    assert refused_again(refusal, "no capacity", refusal["until"] + FORGOTTEN)["pause"] == FIRST_PAUSE


def test_nodes_and_the_last_decisions_are_published(account: FleetAccount, slurm: PaperSlurm) -> None:
    (instance,) = account.launch()
    Watcher(account.fleet, long_poll=0).look()
    assert instance in account.item("status#head")["nodes"]["S"]
    assert "a new instance" in account.item("status#head")["nodeDecisions"]["S"]


def test_a_change_that_somebody_else_made_is_not_made_again(account: FleetAccount) -> None:
    (instance,) = account.launch()
    table = NodeTable(account.fleet)
    seen = groups.instances(account.fleet, [instance]).alive[instance]
    table.put_new([seen], 5)
    table.put_new([seen], 6)
    record = table.of([instance])[instance]
    assert record.changed_at == 5
    table.change([(record, State.READY)], 7)
    table.change([(record, State.FAILED)], 8)
    assert table.of([instance])[instance].state is State.READY


def test_of_many_changes_only_those_are_made_that_nobody_else_made(account: FleetAccount) -> None:
    instances = account.launch(3)
    table = NodeTable(account.fleet)
    seen = groups.instances(account.fleet, instances).alive
    table.put_new([seen[instances[0]]], 5)
    table.put_new(seen.values(), 6)
    records = table.of(instances)
    assert [records[name].launched_at for name in instances] == [5, 6, 6]
    table.change([(records[instances[1]], State.READY)], 7)
    table.change([(record, State.TERMINATING) for record in records.values()], 8)
    states = [record.state for record in map(table.of(instances).__getitem__, instances)]
    assert states == [State.TERMINATING, State.READY, State.TERMINATING]


def test_no_transaction_has_more_writes_than_dynamodb_takes(account: FleetAccount) -> None:
    instances = [Instance(f"i-{number}", "main", "small", f"10.9.1.{number}", f"n{number}") for number in range(250)]
    sizes: list[int] = []
    dynamodb = account.client("dynamodb")
    dynamodb.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: sizes.append(len(params["TransactItems"])),
    )
    NodeTable(account.fleet).put_new(instances, 5)
    assert sizes == [MOST_WRITES, MOST_WRITES, 50]
    assert len(account.states()) == len(instances)


def test_more_messages_than_one_call_brings_are_handled_at_one_look(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    instances = account.launch(4)
    for _ in range(7):
        for instance in instances:
            account.notify("LAUNCH", instance)
    before = len(slurm.calls)
    watcher.look()
    assert (account.waiting(), set(account.states())) == (0, set(instances))
    assert len(slurm.calls) - before == 1


def test_the_loop_waits_longer_after_each_failure_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    stop, looks = threading.Event(), iter([OSError("no\nroute"), None])

    def look() -> None:
        error = next(looks)
        if error:
            raise error
        stop.set()

    daemon.run("test", look, 0, stop)
    assert "test: no route" in caplog.text
    assert [daemon.backoff(0, failures) for failures in (1, 2, 3, 9)] == [1, 2, 4, daemon.LONGEST_PAUSE]
    assert daemon.backoff(10, 1) == 10


def fail(account: FleetAccount, watcher: Watcher) -> None:
    """An instance starts, and says that it failed."""
    (instance,) = account.launch()
    account.send(node_message(Kind.FAILED, instance, "main", "small", ["mount: no"]))
    watcher.look()


def test_a_kind_whose_nodes_fail_is_left_alone_until_one_becomes_a_node(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    table = NodeTable(account.fleet)
    fail(account, watcher)
    assert "its nodes fail: it says: mount: no" in table.refusals()["shoal-c-small"]["cause"]
    (instance,) = account.launch()
    account.notify("LAUNCH", instance)
    watcher.look()
    assert "shoal-c-small" in table.refusals()
    slurm.join(name(account, instance))
    account.send(node_message(Kind.READY, instance, "main", "small", []))
    watcher.look()
    assert account.states()[instance] == "READY"
    assert table.refusals() == {}


def test_why_a_node_failed_is_kept_after_it_has_ended(
    account: FleetAccount, slurm: PaperSlurm, watcher: Watcher
) -> None:
    fail(account, watcher)
    sweep(account)
    (failure,) = json.loads(account.item("status#head")["failures"]["S"])
    assert (failure["why"], failure["log"]) == ("it says: mount: no", ["mount: no"])


def test_a_node_whose_compute_resource_is_removed_is_not_taken_for_ended(
    account: FleetAccount, slurm: PaperSlurm
) -> None:
    (instance,) = account.launch()
    node = name(account, instance)
    slurm.join(node)
    sweep(account)
    sweep(account)
    account.fleet = replace(account.fleet, resources=())
    sweep(account)
    assert (account.states(), slurm.nodes) == ({instance: "READY"}, {node: "IDLE"})
    account.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=instance, ShouldDecrementDesiredCapacity=True
    )
    sweep(account)
    assert (account.states(), slurm.nodes) == ({}, {})
