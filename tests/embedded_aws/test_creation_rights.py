"""Does creating something need the rights for its tags and for everything it uses?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded import Account

TAGS = [{"Key": "shoal:cluster", "Value": "genomics"}]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
CREATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "iam:TagRole": ("iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": TRUST, "Tags": TAGS}),
    "iam:TagInstanceProfile": ("iam", "create_instance_profile", {"InstanceProfileName": "p", "Tags": TAGS}),
    "ecr:TagResource": ("ecr", "create_repository", {"repositoryName": "images", "tags": TAGS}),
    "batch:TagResource": (
        "batch",
        "register_job_definition",
        {"jobDefinitionName": "j", "type": "container", "containerProperties": {"image": "i"}, "tags": {"a": "b"}},
    ),
    "logs:TagResource": ("logs", "create_log_group", {"logGroupName": "/g", "tags": {"a": "b"}}),
    "elasticfilesystem:TagResource": ("efs", "create_file_system", {"CreationToken": "t", "Tags": TAGS}),
    "ec2:CreateTags": (
        "ec2",
        "create_volume",
        {
            "AvailabilityZone": "us-east-1a",
            "Size": 1,
            "TagSpecifications": [{"ResourceType": "volume", "Tags": TAGS}],
        },
    ),
}


def _refusal(account: Account, statements: list[dict[str, Any]], service: str, operation: str, arguments: Any) -> str:
    client = account.assume(account.role("caller", *statements), service)
    try:
        getattr(client, operation)(**arguments)
    except ClientError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("right", CREATIONS)
def test_tags_at_creation_need_the_right_to_tag(account: Account, right: str) -> None:
    statements = [{"Effect": "Allow", "NotAction": right, "Resource": "*"}]

    assert f"is not authorized to perform: {right} on resource:" in _refusal(account, statements, *CREATIONS[right])


@pytest.mark.parametrize("right", CREATIONS)
def test_with_every_right_it_is_created(account: Account, right: str) -> None:
    assert _refusal(account, [{"Effect": "Allow", "Action": "*", "Resource": "*"}], *CREATIONS[right]) == ""


@pytest.mark.parametrize("right", ["ecr:TagResource", "logs:TagResource", "iam:TagRole"])
def test_without_tags_the_right_to_tag_is_not_needed(account: Account, right: str) -> None:
    service, operation, arguments = CREATIONS[right]
    untagged = {name: value for name, value in arguments.items() if name.lower() != "tags"}

    statements = [{"Effect": "Allow", "NotAction": right, "Resource": "*"}]

    assert _refusal(account, statements, service, operation, untagged) == ""


@pytest.mark.parametrize("kind", ["instance", "image", "subnet", "placement-group"])
def test_launching_needs_a_right_on_everything_the_instance_gets(account: Account, kind: str) -> None:
    ec2 = account.client("ec2")
    image, subnet = ec2.describe_images()["Images"][0]["ImageId"], ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    launch = {"MinCount": 1, "MaxCount": 1, "ImageId": image, "SubnetId": subnet, "InstanceType": "t3.micro"}
    ec2.create_placement_group(GroupName="near", Strategy="cluster")
    launch["Placement"] = {"GroupName": "near"}
    deny = {"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": f"arn:aws:ec2:*:*:{kind}/*"}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}

    refusal = _refusal(account, [allow, deny], "ec2", "run_instances", launch)

    assert "not authorized" in refusal or "UnauthorizedOperation" in refusal
