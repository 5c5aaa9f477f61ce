"""Are decisions recorded, and requests checked with the resources and sessions that AWS checks them with?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.process import Server
from tests.support.embedded import Account


def _allow(action: str, resource: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def _decisions(server: Server, account: Account) -> list[tuple[str, str, str, str]]:
    answer: Any = server.call("GET", "/_shoal/iam")
    mine = [row for row in answer["decisions"] if row["account"] == account.id]
    return [(row["role"], row["action"], row["resource"], row["decision"]) for row in mine]


def _denied(account: Account, role: str, service: str, operation: str, **arguments: Any) -> bool:
    """Whether the call is refused for want of a right; other errors do not matter here."""
    try:
        getattr(account.assume(role, service), operation)(**arguments)
    except ClientError as error:
        return "is not authorized" in str(error) or error.response["Error"]["Code"].startswith("AccessDenied")
    return False


def test_every_decision_about_a_role_is_recorded(server: Server, account: Account) -> None:
    account.client("s3").create_bucket(Bucket=f"b-{account.id}")
    client = account.assume(account.role("reader", _allow("s3:ListBucket", "*")), "s3")

    client.list_objects_v2(Bucket=f"b-{account.id}")
    with pytest.raises(ClientError):
        client.put_object(Bucket=f"b-{account.id}", Key="k", Body=b"")

    bucket = f"arn:aws:s3:::b-{account.id}"
    assert ("reader", "s3:ListBucket", bucket, "ALLOW") in _decisions(server, account)
    assert ("reader", "s3:PutObject", f"{bucket}/k", "DENY") in _decisions(server, account)


def test_what_root_does_is_not_recorded(server: Server, account: Account) -> None:
    account.client("s3").list_buckets()

    assert _decisions(server, account) == []


def test_a_session_policy_narrows_the_session(account: Account) -> None:
    for name in ("mine", "other"):
        account.client("s3").create_bucket(Bucket=f"{name}-{account.id}")
    role = account.role("cleaner", _allow("s3:*", "*"))
    policy = {"Version": "2012-10-17", "Statement": [_allow("s3:ListBucket", f"arn:aws:s3:::mine-{account.id}")]}

    client = account.assume(role, "s3", Policy=json.dumps(policy))

    assert client.list_objects_v2(Bucket=f"mine-{account.id}")["KeyCount"] == 0
    with pytest.raises(ClientError, match="AccessDenied"):
        client.list_objects_v2(Bucket=f"other-{account.id}")


def test_a_permissions_boundary_limits_a_role(account: Account) -> None:
    iam = account.client("iam")
    document = {"Version": "2012-10-17", "Statement": [_allow("s3:ListAllMyBuckets", "*")]}
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    role = account.role("bounded", _allow("*", "*"))
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)

    assert not _denied(account, role, "s3", "list_buckets")
    assert _denied(account, role, "sqs", "list_queues")


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "action", "resource"),
    [
        ("codebuild", "batch_get_builds", {"ids": ["p:1"]}, "codebuild:BatchGetBuilds", "codebuild:{}:project/p"),
        ("codebuild", "stop_build", {"id": "image:1"}, "codebuild:StopBuild", "codebuild:{}:project/image"),
        ("ecr", "describe_repositories", {"repositoryNames": ["rr"]}, "ecr:Describe*", "ecr:{}:repository/rr"),
        ("batch", "update_job_queue", {"jobQueue": "q"}, "batch:UpdateJobQueue", "batch:{}:job-queue/q"),
        ("batch", "terminate_job", {"jobId": "j", "reason": "r"}, "batch:TerminateJob", "batch:{}:job/j"),
        ("logs", "filter_log_events", {"logGroupName": "/g"}, "logs:FilterLogEvents", "logs:{}:log-group:/g:*"),
        ("cloudwatch", "put_dashboard", {"DashboardName": "d", "DashboardBody": "{}"}, "cloudwatch:PutDashboard",
         "cloudwatch::{account}:dashboard/d"),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["a"]}, "cloudwatch:DeleteAlarms", "cloudwatch:{}:alarm:a"),
        ("cloudwatch", "describe_alarms", {}, "cloudwatch:DescribeAlarms", "cloudwatch:{}:alarm:*"),
        ("efs", "describe_file_systems", {"FileSystemId": "fs-1"}, "elasticfilesystem:DescribeFileSystems",
         "elasticfilesystem:{}:file-system/fs-1"),
    ],
)  # fmt: skip
def test_a_grant_on_the_resource_is_enough_and_one_on_another_is_not(
    account: Account, service: str, operation: str, arguments: dict[str, Any], action: str, resource: str
) -> None:
    arn = "arn:aws:" + resource.format(f"us-east-1:{account.id}", account=account.id)
    right = account.role("right", _allow(action, arn))
    wrong = account.role("wrong", _allow(action, arn.replace(account.id, "222222222222")))

    assert not _denied(account, right, service, operation, **arguments)
    assert _denied(account, wrong, service, operation, **arguments)


@pytest.mark.parametrize(("arn", "denied"), [("us-east-1::snapshot/*", False), ("eu-west-1::snapshot/*", True)])
def test_a_snapshots_arn_names_no_account(account: Account, arn: str, denied: bool) -> None:
    role = account.role("deleter", _allow("ec2:DeleteSnapshot", f"arn:aws:ec2:{arn}"))

    assert _denied(account, role, "ec2", "delete_snapshot", SnapshotId="snap-1") is denied


def test_a_roles_path_is_part_of_its_arn(account: Account) -> None:
    account.role("shoal-member", path="/shoal/")
    within = account.role("within", _allow("iam:GetRole", f"arn:aws:iam::{account.id}:role/shoal/*"))
    without = account.role("without", _allow("iam:GetRole", f"arn:aws:iam::{account.id}:role/shoal-*"))

    assert not _denied(account, within, "iam", "get_role", RoleName="shoal-member")
    assert _denied(account, without, "iam", "get_role", RoleName="shoal-member")


def test_describing_instances_needs_a_star(account: Account) -> None:
    instance = f"arn:aws:ec2:us-east-1:{account.id}:instance/*"
    narrow = account.role("narrow", _allow("ec2:DescribeInstances", instance))

    assert _denied(account, narrow, "ec2", "describe_instances", InstanceIds=["i-1"])


def test_public_parameters_belong_to_no_account(account: Account) -> None:
    public = account.role("public", _allow("ssm:GetParameter", "arn:aws:ssm:us-east-1::parameter/aws/service/*"))

    assert not _denied(account, public, "ssm", "get_parameter", Name="/aws/service/ami-amazon-linux-latest/x")
    assert _denied(account, public, "ssm", "get_parameter", Name="/mine")


def test_a_condition_on_the_stacks_service_role_is_met_by_the_request(account: Account) -> None:
    service_role = account.role("service-role")
    allowed = _allow(
        "cloudformation:CreateStack", "*", Condition={"StringEquals": {"cloudformation:RoleArn": service_role}}
    )
    passing = _allow("iam:PassRole", service_role)
    role = account.role("deployer", allowed, passing)
    arguments = {"StackName": "s", "TemplateBody": json.dumps({"Resources": {}})}

    assert _denied(account, role, "cloudformation", "create_stack", **arguments)
    assert not _denied(account, role, "cloudformation", "create_stack", RoleARN=service_role, **arguments)


def test_a_policy_is_put_on_a_role_only_if_the_role_has_the_boundary_that_is_asked_for(account: Account) -> None:
    boundary = account.client("iam").create_policy(
        PolicyName="boundary", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [_allow("*", "*")]})
    )["Policy"]["Arn"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    account.client("iam").create_role(RoleName="bound", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)
    account.client("iam").create_role(RoleName="free", AssumeRolePolicyDocument=trust)
    bounded = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    maker = account.role("maker", _allow("iam:PutRolePolicy", "*", Condition=bounded))
    document = json.dumps({"Version": "2012-10-17", "Statement": [_allow("s3:GetObject", "*")]})

    def refused(role: str) -> bool:
        put = {"RoleName": role, "PolicyName": "own", "PolicyDocument": document}
        return _denied(account, maker, "iam", "put_role_policy", **put)

    assert (refused("bound"), refused("free")) == (False, True)


def test_a_service_linked_role_is_checked_as_the_role_that_is_made(account: Account) -> None:
    where = f"arn:aws:iam::{account.id}:role/aws-service-role/*"
    named = {"StringEquals": {"iam:AWSServiceName": "batch.amazonaws.com"}}
    maker = account.role("maker", _allow("iam:CreateServiceLinkedRole", where, Condition=named))

    def refused(service: str) -> bool:
        return _denied(account, maker, "iam", "create_service_linked_role", AWSServiceName=service)

    assert (refused("batch.amazonaws.com"), refused("spot.amazonaws.com")) == (False, True)
