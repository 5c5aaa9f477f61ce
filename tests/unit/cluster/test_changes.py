"""Is every difference between two configurations found, named and judged by what its key says?"""

from __future__ import annotations

from typing import Any

import pytest

from shoal.cluster.changes import KeyChange, key_changes, taken_back
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.grammar import Change
from tests.support.clusters import compute_resource, configuration, queue, storage


def changes(old: dict[str, Any], new: dict[str, Any]) -> tuple[KeyChange, ...]:
    return key_changes(load(old), load(new))


def only(old: dict[str, Any], new: dict[str, Any]) -> KeyChange:
    (change,) = changes(old, new)
    return change


def queues(*items: dict[str, Any]) -> dict[str, Any]:
    return configuration(Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": list(items)})


def test_the_same_configuration_has_no_changes() -> None:
    assert changes(configuration(), configuration()) == ()


def test_writing_a_default_out_is_no_change() -> None:
    written = queue("main", CapacityType="ONDEMAND")
    assert changes(queues(queue("main")), queues(written)) == ()


def test_a_key_deep_inside_is_named_by_its_whole_path() -> None:
    change = only(
        queues(queue("main", compute_resource("small", MaxvCpus=10))),
        queues(queue("main", compute_resource("small", MaxvCpus=20))),
    )
    assert change.to_item() == {
        "parameter": "Scheduling.AwsBatchQueues[main].ComputeResources[small].MaxvCpus",
        "currentValue": 10,
        "requestedValue": 20,
        "change": "live",
    }


def test_queues_are_recognised_by_name_wherever_they_stand() -> None:
    change = only(queues(queue("a")), queues(queue("new"), queue("a")))
    assert (change.parameter, change.current) == ("Scheduling.AwsBatchQueues[new]", None)


def test_another_order_is_a_change_of_the_list() -> None:
    change = only(queues(queue("a"), queue("b")), queues(queue("b"), queue("a")))
    assert (change.parameter, change.current, change.requested) == ("Scheduling.AwsBatchQueues", ["a", "b"], ["b", "a"])


def test_a_new_name_is_another_item() -> None:
    found = {change.parameter: change.requested is None for change in changes(queues(queue("a")), queues(queue("b")))}
    assert found == {"Scheduling.AwsBatchQueues[a]": True, "Scheduling.AwsBatchQueues[b]": False}


def test_a_section_that_appears_is_told_key_by_key() -> None:
    found = changes(configuration(), configuration(ContainerImage={"Uri": "debian:12"}))
    assert [change.parameter for change in found] == ["ContainerImage.Uri"]


@pytest.mark.parametrize(("size", "refused"), [(50, False), (30, True)])
def test_a_volume_may_grow_and_not_shrink(size: int, refused: bool) -> None:
    change = only(
        configuration(SharedStorage=[storage("data", EbsSettings={"Size": 40})]),
        configuration(SharedStorage=[storage("data", EbsSettings={"Size": size})]),
    )
    assert (change.change, change.refused) == (Change.GROWS, refused)


def test_the_volumes_of_an_array_do_not_grow_since_the_array_would_not() -> None:
    raid = {"Type": 0, "NumberOfVolumes": 2}
    change = only(
        configuration(SharedStorage=[storage("data", EbsSettings={"Size": 40, "Raid": raid})]),
        configuration(SharedStorage=[storage("data", EbsSettings={"Size": 80, "Raid": raid})]),
    )
    assert (change.parameter, change.refused) == ("SharedStorage[data].EbsSettings.Size", True)


@pytest.mark.parametrize("change", Change)
def test_what_an_update_may_not_do_is_decided_by_the_key(change: Change) -> None:
    assert KeyChange(("Key",), 1, 2, change).refused == (change in {Change.REPLACES, Change.FIXED})


EDITS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (queues(queue("a")), queues(queue("a"), queue("b"))),
    (queues(queue("a"), queue("b")), queues(queue("b"))),
    (queues(queue("a", CapacityType="SPOT")), queues(queue("a"))),
    (configuration(), configuration(Tags=[{"Key": "team", "Value": "genomics"}])),
    (configuration(), configuration(Monitoring={"Logs": {"CloudWatch": {"RetentionInDays": 7}}})),
    (configuration(ContainerImage={"Uri": "debian:12"}), configuration()),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_taking_every_change_back_gives_the_old_configuration(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, document = load(old), load(new).dump()
    for change in key_changes(before, load(new)):
        document = taken_back(change, before.dump(), document)
    restored: Cluster = load(document)
    assert {change.parameter for change in key_changes(before, restored)} <= {"Scheduling.AwsBatchQueues"}


def test_taking_one_change_back_leaves_the_others() -> None:
    old, new = queues(queue("a")), queues(queue("a", CapacityType="SPOT"), queue("b"))
    spot = next(change for change in changes(old, new) if change.parameter.endswith("CapacityType"))
    left = load(taken_back(spot, load(old).dump(), load(new).dump()))
    assert [change.parameter for change in key_changes(load(old), left)] == ["Scheduling.AwsBatchQueues[b]"]


def test_a_queue_that_goes_takes_its_jobs_with_it() -> None:
    gone = only(queues(queue("main"), queue("more")), queues(queue("main")))
    assert gone.to_item()["effect"] == "its instances end, and with them the jobs that run there"
    assert "effect" not in only(queues(queue("main")), queues(queue("main"), queue("more"))).to_item()


@pytest.mark.parametrize(
    ("step", "effect"),
    [
        ("AwsBatchQueues", "AWS Batch replaces instances that run; their jobs get some time to end"),
        ("SlurmQueues", "nodes that run keep the old value until they end"),
    ],
)
def test_what_rolls_says_what_becomes_of_instances_that_run(step: str, effect: str) -> None:
    location = ("Scheduling", step, ("Name", "main"), "CapacityType")
    assert KeyChange(location, "ONDEMAND", "SPOT", Change.ROLLS).effect == effect


@pytest.mark.parametrize("change", [Change.LIVE, Change.GROWS, Change.FIXED, Change.REPLACES])
def test_what_disturbs_nothing_or_is_refused_has_no_effect(change: Change) -> None:
    assert KeyChange(("Scheduling", "SlurmQueues", ("Name", "main"), "Key"), 1, 2, change).effect is None
