"""Is a change set read as CloudFormation means it?"""

from __future__ import annotations

from typing import Any

import pytest

from shoal.change_set import HOLDERS, NO_CHANGES, ResourceChange, resource_changes


def detail(name: str | None, recreation: str = "Never", cause: str | None = None) -> dict[str, Any]:
    target = {"Attribute": "Properties", "Name": name} if name else {"Attribute": "Tags"}
    return {
        "Target": target | {"RequiresRecreation": recreation},
        "Evaluation": "Dynamic" if cause else "Static",
        "ChangeSource": "ResourceReference" if cause else "DirectModification",
        **({"CausingEntity": cause} if cause else {}),
    }


def modification(kind: str, replacement: str, *details: dict[str, Any]) -> ResourceChange:
    change = {
        "Type": "Resource",
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": "Thing",
            "ResourceType": kind,
            "Replacement": replacement,
            "Details": list(details),
        },
    }
    (found,) = resource_changes([change])
    return found


def test_a_replacement_is_told_by_the_properties_that_call_for_it() -> None:
    found = modification(
        "AWS::EC2::Volume",
        "True",
        detail(None),
        detail("Size"),
        detail("Encrypted", "Always"),
        detail("KmsKeyId", "Always"),
    )
    assert found.properties == ("Encrypted", "KmsKeyId")
    assert (found.replaced, found.held) == (True, "the volume")


def test_a_modification_in_place_replaces_nothing() -> None:
    found = modification("AWS::EC2::Volume", "False", detail("Size"), detail(None))
    assert found.properties == ("Size", "Tags")
    assert (found.replaced, found.held) == (False, None)


def test_what_comes_and_goes_is_not_replaced() -> None:
    base = {"LogicalResourceId": "Thing", "ResourceType": "AWS::Batch::JobQueue"}
    found = resource_changes([{"ResourceChange": {**base, "Action": action}} for action in ("Add", "Remove")])
    assert [(change.action, change.replaced, change.properties) for change in found] == [
        ("Add", False, ()),
        ("Remove", False, ()),
    ]


@pytest.mark.parametrize("kind", [kind for kind in HOLDERS if kind not in {"AWS::Batch::ComputeEnvironment"}])
def test_what_may_be_replaced_counts_as_replaced(kind: str) -> None:
    assert modification(kind, "Conditional", detail("SomeProperty", "Conditionally")).held


def test_an_environment_that_says_it_changes_in_place_does() -> None:
    assert not modification("AWS::Batch::ComputeEnvironment", "Conditional", detail("X", "Conditionally")).replaced
    assert modification("AWS::Batch::ComputeEnvironment", "True", detail("Type", "Always")).held


@pytest.mark.parametrize("name", ["SecurityGroupIds", "UserData", "InstanceType", "EbsOptimized"])
def test_a_head_node_on_ebs_keeps_its_disks_through_a_restart(name: str) -> None:
    assert not modification("AWS::EC2::Instance", "Conditional", detail(name, "Conditionally")).replaced
    with_another = modification(
        "AWS::EC2::Instance", "Conditional", detail(name, "Conditionally"), detail("SubnetId", "Always", "Subnet")
    )
    assert with_another.replaced


def test_the_resource_that_causes_a_change_is_remembered() -> None:
    found = modification("AWS::EC2::Instance", "Conditional", detail("X", "Always", "HeadNodeGroup.GroupId"))
    assert found.causes == ("HeadNodeGroup",)


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_cloudformations_two_ways_to_say_that_nothing_changes_are_known(reason: str) -> None:
    assert NO_CHANGES.search(reason)
