"""Can a policy tie the tagging of instances to a tag that they have?"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ec2.images import IMAGES
from tests.support.embedded import Account

MINE = {"Key": "shoal:cluster", "Value": "mine"}
OTHER = {"Key": "shoal:cluster", "Value": "other"}
MAY_TAG_MINE = {
    "Effect": "Allow",
    "Action": "ec2:CreateTags",
    "Resource": "arn:aws:ec2:*:*:instance/*",
    "Condition": {"StringEquals": {"aws:ResourceTag/shoal:cluster": "mine"}},
}


def launched(account: Account, tag: dict[str, str]) -> str:
    tags = [{"ResourceType": "instance", "Tags": [tag]}]
    answer = account.client("ec2").run_instances(
        ImageId=IMAGES[0][0], InstanceType="t3.micro", MinCount=1, MaxCount=1, TagSpecifications=tags
    )
    return str(answer["Instances"][0]["InstanceId"])


@pytest.fixture
def ec2(account: Account) -> Any:
    return account.assume(account.role("tagger", MAY_TAG_MINE), "ec2")


def test_a_role_tags_an_instance_with_the_tag_its_policy_asks_for(account: Account, ec2: Any) -> None:
    mine = launched(account, MINE)
    ec2.create_tags(Resources=[mine], Tags=[{"Key": "state", "Value": "ready"}])
    found = account.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [mine]}])["Tags"]
    assert {tag["Key"] for tag in found} == {"shoal:cluster", "state"}


def test_a_role_may_not_tag_another_clusters_instance(account: Account, ec2: Any) -> None:
    other = launched(account, OTHER)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.create_tags(Resources=[other], Tags=[{"Key": "state", "Value": "ready"}])


def test_a_role_deletes_a_mount_target_only_of_a_file_system_with_the_tag(account: Account) -> None:
    efs = account.client("efs")
    subnet = account.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    systems = [efs.create_file_system(CreationToken=tag["Value"], Tags=[tag])["FileSystemId"] for tag in (MINE, OTHER)]
    mine, other = (efs.create_mount_target(FileSystemId=system, SubnetId=subnet)["MountTargetId"] for system in systems)
    deleting = MAY_TAG_MINE | {
        "Action": "elasticfilesystem:DeleteMountTarget",
        "Resource": "arn:aws:elasticfilesystem:*:*:file-system/*",
    }
    narrow = account.assume(account.role("deleter", deleting), "efs")
    narrow.delete_mount_target(MountTargetId=mine)
    with pytest.raises(ClientError, match="AccessDenied"):
        narrow.delete_mount_target(MountTargetId=other)
