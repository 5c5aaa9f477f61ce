"""Does a job's container have the properties that AWS would give it, from the definition and the request?"""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.batch.properties import gpus, merged, node_containers, node_range, substituted
from tests.support.jobs import CONTAINER, job, multinode

REQUIRED = {
    "image": "debian",
    "resourceRequirements": [{"type": "VCPU", "value": "2"}, {"type": "MEMORY", "value": "64"}],
}


def test_the_submitters_command_takes_the_place_of_the_definitions() -> None:
    assert merged(CONTAINER, {"command": ["false"]}, {})["command"] == ["false"]
    assert merged(CONTAINER, {}, {})["command"] == ["true"]


def test_the_submitters_variables_are_added_and_win() -> None:
    own = {**CONTAINER, "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]}
    found = merged(own, {"environment": [{"name": "B", "value": "2"}, {"name": "C", "value": "2"}]}, {})
    assert {item["name"]: item["value"] for item in found["environment"]} == {"A": "1", "B": "2", "C": "2"}


@pytest.mark.parametrize(
    ("properties", "override", "expected"),
    [
        (CONTAINER, {}, (1, 128)),
        (CONTAINER, {"vcpus": 4, "memory": 512}, (4, 512)),
        (CONTAINER, {"resourceRequirements": [{"type": "VCPU", "value": "8"}]}, (8, 128)),
        (REQUIRED, {}, (2, 64)),
        (REQUIRED, {"vcpus": 4, "memory": 512}, (2, 64)),
        (REQUIRED, {"resourceRequirements": [{"type": "MEMORY", "value": "256"}]}, (2, 256)),
    ],
)
def test_the_older_overrides_change_only_what_is_not_in_the_requirements(
    properties: dict[str, Any], override: dict[str, Any], expected: tuple[int, int]
) -> None:
    found = merged(properties, override, {})
    assert (found["vcpus"], found["memory"]) == expected


def test_gpus_are_counted() -> None:
    assert gpus(merged(CONTAINER, {"resourceRequirements": [{"type": "GPU", "value": "2"}]}, {})) == 2
    assert gpus(merged(CONTAINER, {}, {})) == 0


def test_placeholders_stand_for_parameters_and_unknown_ones_stay() -> None:
    assert substituted("-i=Ref::input", {"input": "a.mp4"}) == "-i=a.mp4"
    assert substituted("Ref::output", {"input": "a.mp4"}) == "Ref::output"


@pytest.mark.parametrize(
    ("target", "expected"), [("0:", [0, 1, 2, 3]), (":1", [0, 1]), ("2:3", [2, 3]), ("1", [1]), (":", [0, 1, 2, 3])]
)
def test_a_range_of_nodes_may_be_open_at_either_end(target: str, expected: list[int]) -> None:
    assert list(node_range(target, 4)) == expected


def test_a_nested_range_of_nodes_is_the_special_one() -> None:
    groups = [{"targetNodes": "0:", "container": CONTAINER}, {"targetNodes": "0:0", "container": REQUIRED}]
    nodes = multinode(2, *groups)["nodeProperties"]
    assert [container["vcpus"] for _, container in node_containers(nodes, {}, {})] == [2, 1]


def test_a_submitter_may_ask_for_more_nodes_than_the_definition_has() -> None:
    overrides = {
        "numNodes": 3,
        "nodePropertyOverrides": [{"targetNodes": "0:", "containerOverrides": {"command": ["hostname"]}}],
    }
    made = job("wide", multinode(1, {"targetNodes": "0:0", "container": CONTAINER}), nodeOverrides=overrides)
    assert [node.id for node in made.children] == ["wide#0", "wide#1", "wide#2"]
    assert all(node.container is not None and node.container["command"] == ["hostname"] for node in made.children)
    assert [node.is_main_node for node in made.children] == [True, False, False]
