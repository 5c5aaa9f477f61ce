"""What does an event ask for, and what is answered?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cleanup.custom_resource import BODY_LIMIT, Target, answer_body, execution_name
from shoal.errors import OperationError

NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=3, max_size=63)
PREFIX = st.lists(st.text("abc-_", min_size=1, max_size=10), max_size=3).map(
    lambda parts: "".join(f"{p}/" for p in parts)
)
TARGETS = st.builds(Target, st.just("bucket"), NAME, PREFIX) | st.builds(
    lambda parts: Target("repository", "/".join(parts)), st.lists(NAME, min_size=1, max_size=3)
)
EVENT: dict[str, Any] = {
    "RequestType": "Delete",
    "RequestId": "11111111-2222-3333-4444-555555555555",
    "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/shoal-cluster-genomics/1",
    "LogicalResourceId": "EmptyBucket",
    "PhysicalResourceId": "empty-bucket/shoal-genomics",
    "ResourceType": "Custom::EmptyBucket",
    "ResourceProperties": {"ServiceToken": "arn", "BucketName": "shoal-genomics"},
}


def event(**changed: Any) -> dict[str, Any]:
    return EVENT | changed


@given(TARGETS)
def test_a_physical_id_says_what_is_cleaned(target: Target) -> None:
    assert Target.from_physical_id(target.physical_id) == target


@pytest.mark.parametrize(
    "physical_id", ["", "not-made/EmptyBucket", "empty-bucket/", "empty-bucket", "vol-1", "empty-/x"]
)
def test_a_physical_id_that_is_not_ours_names_nothing(physical_id: str) -> None:
    assert Target.from_physical_id(physical_id) is None


def test_a_physical_id_is_the_same_for_every_request() -> None:
    ids = {
        json.loads(answer_body(event(RequestType=kind)))["PhysicalResourceId"]
        for kind in ("Create", "Update", "Delete")
    }
    assert ids == {"empty-bucket/shoal-genomics"}


def test_a_prefix_is_part_of_the_physical_id() -> None:
    properties = {"BucketName": "data", "Prefix": "shoal/genomics/"}
    assert Target.from_event(event(ResourceProperties=properties)).physical_id == "empty-bucket/data/shoal/genomics/"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"ResourceType": "Custom::Other"}, "'Custom::Other' is not a type of Shoal"),
        ({"ResourceProperties": {}}, "BucketName of Custom::EmptyBucket is missing"),
        ({"ResourceProperties": {"BucketName": ["a"]}}, "BucketName of Custom::EmptyBucket is missing"),
        ({"ResourceProperties": {"BucketName": "data", "Prefix": "/x/"}}, "it ends in a slash"),
        ({"ResourceProperties": {"BucketName": "data", "Prefix": "x"}}, "it ends in a slash"),
        ({"ResourceType": "Custom::EmptyRepository"}, "RepositoryName of Custom::EmptyRepository is missing"),
    ],
)
def test_a_wrong_event_is_refused_naming_the_property(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(OperationError, match=told):
        Target.from_event(event(**changed))


def test_a_second_delivery_of_an_event_has_the_same_execution() -> None:
    assert execution_name(event()) == execution_name(event())
    assert len(execution_name(event())) <= 80


@pytest.mark.parametrize("key", ["StackId", "PhysicalResourceId", "RequestId"])
def test_another_request_has_another_execution(key: str) -> None:
    assert execution_name(event()) != execution_name(event(**{key: "other"}))


@given(st.none() | st.text(max_size=5_000), st.text(max_size=200))
def test_an_answer_is_never_longer_than_cloudformation_takes(reason: str | None, logical_id: str) -> None:
    body = answer_body(event(LogicalResourceId=logical_id), reason=reason)
    assert len(body) <= BODY_LIMIT == 4096
    assert json.loads(body)["Status"] == ("SUCCESS" if reason is None else "FAILED")


def test_a_failed_answer_says_why() -> None:
    body = json.loads(answer_body(event(), reason="3 object versions\n resist deletion"))
    assert body == {
        "Status": "FAILED",
        "PhysicalResourceId": "empty-bucket/shoal-genomics",
        "StackId": EVENT["StackId"],
        "RequestId": EVENT["RequestId"],
        "LogicalResourceId": "EmptyBucket",
        "Reason": "3 object versions resist deletion",
    }
