"""What of a cluster has to be emptied before its stack can be deleted?"""

from __future__ import annotations

import pytest

from shoal.cleanup.custom_resource import Target
from shoal.cleanup.removal import is_protected, physical_ids, stores, targets


def resource(kind: str, physical_id: str | None, status: str = "CREATE_COMPLETE") -> dict[str, str]:
    found = {"LogicalResourceId": "Any", "ResourceType": kind, "ResourceStatus": status}
    return found if physical_id is None else found | {"PhysicalResourceId": physical_id}


def test_the_custom_resources_say_what_is_emptied() -> None:
    found = targets(
        [
            resource("Custom::EmptyBucket", "empty-bucket/data/shoal/genomics/"),
            resource("Custom::EmptyRepository", "empty-repository/shoal/genomics"),
        ]
    )
    assert found == [Target("bucket", "data", "shoal/genomics/"), Target("repository", "shoal/genomics")]


def test_a_bucket_without_its_custom_resource_is_emptied_too() -> None:
    assert targets([resource("AWS::S3::Bucket", "shoal-genomics")]) == [Target("bucket", "shoal-genomics")]


def test_a_bucket_and_its_custom_resource_are_one_thing_to_empty() -> None:
    resources = [
        resource("AWS::S3::Bucket", "shoal-genomics"),
        resource("Custom::EmptyBucket", "empty-bucket/shoal-genomics"),
    ]
    assert targets(resources) == [Target("bucket", "shoal-genomics")]


@pytest.mark.parametrize("status", ["DELETE_COMPLETE", "DELETE_SKIPPED"])
def test_what_is_deleted_or_kept_on_purpose_is_not_emptied(status: str) -> None:
    assert targets([resource("AWS::S3::Bucket", "shoal-genomics", status)]) == []


def test_what_was_never_made_has_no_physical_id() -> None:
    assert physical_ids([resource("AWS::Batch::JobQueue", None, "CREATE_FAILED")], "AWS::Batch::JobQueue") == []


def test_every_execution_of_an_operation_has_a_name_of_its_own() -> None:
    found = [Target("bucket", "a"), Target("repository", "b"), Target("bucket", "c")]
    names = [store["executionName"] for lap in (1, 2) for store in stores(found, "op-1", lap)]
    assert len(set(names)) == len(names)
    assert names[:2] == ["op-1-clean-bucket", "op-1-clean-repository"]


@pytest.mark.parametrize(
    ("configuration", "protected"),
    [
        ("Lifecycle: {Protect: true}", True),
        ('{"Lifecycle": {"Protect": true}}', True),
        ("Lifecycle: {Protect: false}", False),
        ("Lifecycle:", False),
        ("Region: us-east-1", False),
        ("", False),
    ],
)
def test_protection_is_read_from_the_stored_configuration(configuration: str, protected: bool) -> None:
    assert is_protected(configuration) is protected
