"""Are placement groups looked up by name, and only those taken that nodes can stand in?"""

from __future__ import annotations

from typing import Any

from shoal.aws import ec2
from tests.support.stubs import stubs


def group(name: str, state: str = "available") -> dict[str, Any]:
    return {"GroupName": name, "State": state, "Strategy": "cluster"}


def test_cluster_placement_groups_that_can_be_used_are_found() -> None:
    filters = [{"Name": "group-name", "Values": ["a", "b", "gone"]}, {"Name": "strategy", "Values": ["cluster"]}]
    with stubs() as aws:
        answer = {"PlacementGroups": [group("a"), group("b", "deleting")]}
        aws.expect("ec2", "describe_placement_groups", answer, Filters=filters)
        assert ec2.placement_groups(["b", "a", "gone"]) == {"a"}


def test_nothing_is_asked_where_no_group_is_named() -> None:
    with stubs():
        assert ec2.placement_groups([]) == set()
