"""Do roles, buckets, repositories and projects of a stack have every setting, and the tags that AWS gives them?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.embedded import Account
from tests.support.stacks import Stack, resource

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


@pytest.fixture
def stack(account: Account) -> Stack:
    return Stack(account)


@pytest.fixture
def boundary(account: Account) -> str:
    made = account.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(NOTHING))
    return str(made["Policy"]["Arn"])


def role(boundary: str, **properties: Any) -> dict[str, Any]:
    policies = [{"PolicyName": "inline", "PolicyDocument": NOTHING}]
    wanted = {
        "AssumeRolePolicyDocument": TRUST,
        "PermissionsBoundary": boundary,
        "Path": "/shoal/",
        "Policies": policies,
    }
    return resource("AWS::IAM::Role", wanted | properties)


def tags(found: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found}


def own(stack: Stack, logical_id: str) -> dict[str, str]:
    """The tags that CloudFormation itself gives."""
    prefix = "aws:cloudformation:"
    return {
        f"{prefix}stack-id": stack.id,
        f"{prefix}stack-name": stack.name,
        f"{prefix}logical-id": logical_id,
    }


def test_a_role_has_its_boundary_and_its_path(account: Account, stack: Stack, boundary: str) -> None:
    stack.create({"Role": role(boundary)})
    found = account.client("iam").get_role(RoleName=stack.physical_id("Role"))["Role"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert (found["Path"], ":role/shoal/" in found["Arn"]) == ("/shoal/", True)


def test_a_service_role_that_must_bound_roles_cannot_make_one_without_a_boundary(
    account: Account, stack: Stack, boundary: str
) -> None:
    condition = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    account.role(
        "service",
        {"Effect": "Allow", "Action": "iam:CreateRole", "Resource": "*", "Condition": condition},
        {"Effect": "Allow", "NotAction": "iam:CreateRole", "Resource": "*"},
    )
    arn = f"arn:aws:iam::{account.id}:role/service"
    stack.create({"Role": role(boundary)}, RoleARN=arn)
    free = role(boundary)
    del free["Properties"]["PermissionsBoundary"]
    other = Stack(account, "other").create({"Role": free}, RoleARN=arn, status="ROLLBACK_COMPLETE")
    assert any("iam:CreateRole" in reason for reason in other.reasons())


def test_an_updated_role_keeps_its_id_and_gets_the_new_policies(account: Account, stack: Stack, boundary: str) -> None:
    stack.create({"Role": role(boundary)})
    managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    second = [{"PolicyName": "second", "PolicyDocument": NOTHING}]
    wanted = {"Role": role(boundary, Policies=second, ManagedPolicyArns=[managed], Description="new")}
    assert stack.changes(wanted)["Role"]["Replacement"] == "False"
    name = stack.update(wanted).physical_id("Role")
    iam = account.client("iam")
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["second"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [managed]
    stack.delete()
    assert iam.list_roles(PathPrefix="/shoal/")["Roles"] == []


def test_the_ref_of_an_instance_profile_is_its_name(account: Account, stack: Stack, boundary: str) -> None:
    profile = resource("AWS::IAM::InstanceProfile", {"Roles": [{"Ref": "Role"}], "Path": "/shoal/"})
    stack.create({"Role": role(boundary), "Profile": profile})
    name = stack.physical_id("Profile")
    found = account.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [member["RoleName"] for member in found["Roles"]] == [stack.physical_id("Role")]
    stack.delete()
    assert account.client("iam").list_instance_profiles()["InstanceProfiles"] == []


def test_a_bucket_has_its_settings_and_its_tags(account: Account, stack: Stack) -> None:
    properties = {
        "BucketName": f"settings-{account.id}",
        "VersioningConfiguration": {"Status": "Enabled"},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
            ]
        },
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": "old",
                    "Status": "Enabled",
                    "NoncurrentVersionExpirationInDays": "30",
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                }
            ]
        },
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": True},
        "Tags": [{"Key": "team", "Value": "a"}],
    }
    stack.create({"Bucket": resource("AWS::S3::Bucket", properties)}, Tags=[{"Key": "shoal:cluster", "Value": "demo"}])
    s3, name = account.client("s3"), stack.physical_id("Bucket")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    lifecycle = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0]
    assert lifecycle["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert tags(s3.get_bucket_tagging(Bucket=name)["TagSet"]) == {
        "team": "a",
        "shoal:cluster": "demo",
        **own(stack, "Bucket"),
    }


def test_a_bucket_with_a_version_in_it_is_not_deleted_until_it_is_empty(account: Account, stack: Stack) -> None:
    properties = {"VersioningConfiguration": {"Status": "Enabled"}}
    name = stack.create({"Bucket": resource("AWS::S3::Bucket", properties)}).physical_id("Bucket")
    s3 = account.client("s3")
    version = s3.put_object(Bucket=name, Key="a", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=name, Key="a")["VersionId"]
    stack.delete(status="DELETE_FAILED")
    assert any("not empty" in reason for reason in stack.reasons())
    for one in (version, marker):
        s3.delete_object(Bucket=name, Key="a", VersionId=one)
    stack.delete()
    assert s3.list_buckets()["Buckets"] == []


@pytest.mark.parametrize(("empty_on_delete", "status"), [(True, "DELETE_COMPLETE"), (False, "DELETE_FAILED")])
def test_a_repository_with_an_image_goes_only_with_empty_on_delete(
    account: Account, stack: Stack, empty_on_delete: bool, status: str
) -> None:
    properties = {"EmptyOnDelete": empty_on_delete, "ImageTagMutability": "IMMUTABLE"}
    name = stack.create({"Images": resource("AWS::ECR::Repository", properties)}).physical_id("Images")
    manifest = {"schemaVersion": 2, "config": {"digest": "sha256:" + "0" * 64, "size": 1}, "layers": []}
    ecr = account.client("ecr")
    found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert (
        own(stack, "Images").items()
        <= tags(ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]).items()
    )
    ecr.put_image(repositoryName=name, imageTag="one", imageManifest=json.dumps(manifest))
    stack.delete(status=status)


def test_a_bus_policy_names_who_may_put_events(account: Account, stack: Stack) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}
    policy = resource("AWS::Events::EventBusPolicy", {"StatementId": "Callers", "Statement": statement})
    stack.create({"Policy": policy})
    found = account.client("events").describe_event_bus(Name="default")
    assert "Callers" in found["Policy"]
    stack.delete()
    assert "Callers" not in account.client("events").describe_event_bus(Name="default").get("Policy", "")
