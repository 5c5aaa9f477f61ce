"""Does a session policy name what is cleaned and nothing else?"""

from __future__ import annotations

import json

import pytest

from shoal.cleanup.custom_resource import Target
from shoal.cleanup.policies import emptying, marking

HERE = {"partition": "aws", "region": "us-east-1", "account_id": "111111111111"}
TARGETS = [
    Target("bucket", "shoal-genomics"),
    Target("bucket", "data", "shoal/genomics/"),
    Target("repository", "shoal/genomics"),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.physical_id)
def test_every_resource_is_the_targets_own(target: Target) -> None:
    for statement in emptying(target, **HERE)["Statement"]:
        assert target.name in statement["Resource"]
        assert statement["Effect"] == "Allow"


def test_in_a_users_bucket_objects_outside_the_prefix_cannot_be_touched() -> None:
    statements = emptying(TARGETS[1], **HERE)["Statement"]
    acting = [item for item in statements if any("Delete" in action or "Get" in action for action in item["Action"])]
    objects = [item["Resource"] for item in acting if "/" in item["Resource"]]
    assert objects == ["arn:aws:s3:::data/shoal/genomics/*", "arn:aws:s3:::data/shoal/genomics/.shoal-stack"]
    listing = next(item for item in statements if "s3:ListBucketVersions" in item["Action"])
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["shoal/genomics/*"]}}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.physical_id)
def test_no_policy_deletes_the_thing_itself(target: Target) -> None:
    actions = {action for item in emptying(target, **HERE)["Statement"] for action in item["Action"]}
    assert not actions & {"s3:DeleteBucket", "ecr:DeleteRepository"}


def test_marking_writes_one_object() -> None:
    writing = [item for item in marking(TARGETS[1], partition="aws")["Statement"] if "s3:PutObject" in item["Action"]]
    assert [item["Resource"] for item in writing] == ["arn:aws:s3:::data/shoal/genomics/.shoal-stack"]


def test_a_policy_fits_into_a_session() -> None:
    longest = Target("bucket", "b" * 63, "shoal/" + "c" * 31 + "/")
    assert len(json.dumps(emptying(longest, **HERE), separators=(",", ":"))) <= 2048
