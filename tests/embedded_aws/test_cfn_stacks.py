"""Do stacks show, keep, fail and delete what AWS's do?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.ec2.images import IMAGES
from tests.support.embedded import Account
from tests.support.polling import until
from tests.support.stacks import Stack, resource

# Answers Create with the status asked for, everything else with success; logs each event into a table.
PROVIDER = """
import json, os, urllib.request, boto3
def handler(event, context):
    boto3.client("dynamodb").put_item(TableName="calls", Item={
        "id": {"S": event["RequestId"]}, "type": {"S": event["RequestType"]},
        "physical": {"S": event.get("PhysicalResourceId", "-")}})
    status = event["ResourceProperties"]["Status"] if event["RequestType"] == "Create" else "SUCCESS"
    body = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    body |= {"Status": status, "Reason": "because", "PhysicalResourceId": "made-by-provider"}
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), method="PUT"))
"""

VOLUME = {"AvailabilityZone": "us-east-1a", "Size": 1}


def disk(**attributes: Any) -> dict[str, Any]:
    return resource("AWS::EC2::Volume", VOLUME, **attributes)


def broken(**attributes: Any) -> dict[str, Any]:
    """A resource that cannot be created."""
    return resource("AWS::EC2::Volume", {**VOLUME, "SnapshotId": "snap-0123456789abcdeff"}, **attributes)


@pytest.fixture
def stack(account: Account) -> Stack:
    return Stack(account)


@pytest.fixture
def provider(account: Account) -> str:
    """A provider of custom resources; its calls are in the table `calls`."""
    account.client("dynamodb").create_table(
        TableName="calls",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return account.function("provider", PROVIDER)


def calls(account: Account) -> set[tuple[str, str]]:
    items = account.client("dynamodb").scan(TableName="calls")["Items"]
    return {(item["type"]["S"], item["physical"]["S"]) for item in items}


def custom(provider: str, status: str) -> dict[str, Any]:
    return resource("Custom::Thing", {"ServiceToken": provider, "Status": status})


def test_a_custom_resource_whose_create_failed_gets_a_delete(account: Account, stack: Stack, provider: str) -> None:
    stack.create({"Thing": custom(provider, "FAILED")}, status="ROLLBACK_COMPLETE")
    assert calls(account) == {("Create", "-"), ("Delete", "made-by-provider")}
    assert "because" in stack.reasons()


def test_a_failed_create_that_is_left_alone_is_cleaned_by_the_deletion(
    account: Account, stack: Stack, provider: str
) -> None:
    stack.create({"Thing": custom(provider, "FAILED")}, status="CREATE_FAILED", OnFailure="DO_NOTHING")
    assert calls(account) == {("Create", "-")}
    assert stack.resources()["Thing"]["ResourceStatus"] == "CREATE_FAILED"
    stack.delete()
    assert calls(account) == {("Create", "-"), ("Delete", "made-by-provider")}


def test_the_event_of_a_failed_creation_names_what_was_made(stack: Stack, provider: str) -> None:
    stack.create({"Thing": custom(provider, "FAILED")}, status="CREATE_FAILED", OnFailure="DO_NOTHING")
    failed = next(event for event in stack.events("Thing") if event["ResourceStatus"] == "CREATE_FAILED")
    assert failed["PhysicalResourceId"] == "made-by-provider"


def test_an_environment_that_became_invalid_is_deleted_with_its_stack(account: Account, stack: Stack) -> None:
    resources = {"Type": "EC2", "MaxvCpus": 4, "InstanceTypes": ["c5.large"], "Subnets": ["subnet-00000001"]}
    managed = {"Type": "MANAGED", "State": "ENABLED", "ComputeResources": resources}
    stack.create({"Environment": resource("AWS::Batch::ComputeEnvironment", managed)})
    batch, arn = account.client("batch"), stack.physical_id("Environment")
    batch.update_compute_environment(computeEnvironment=arn, serviceRole=f"arn:aws:iam::{account.id}:role/gone")

    def status() -> str:
        found = batch.describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"]
        return str(found[0]["status"]) if found else "GONE"

    until(lambda: status() == "INVALID")
    stack.delete()
    assert status() == "GONE"


def test_the_service_role_must_be_allowed_to_invoke_the_provider(account: Account, stack: Stack, provider: str) -> None:
    arn = account.role("service", {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"})
    stack.create({"Thing": custom(provider, "SUCCESS")}, status="ROLLBACK_COMPLETE", RoleARN=arn)
    assert any("lambda:InvokeFunction" in reason for reason in stack.reasons())
    assert calls(account) == set()


def test_a_failed_stack_names_the_resource_and_the_resource_says_why(stack: Stack) -> None:
    stack.create({"Bad": broken()}, status="CREATE_FAILED", OnFailure="DO_NOTHING")
    assert stack.describe()["StackStatusReason"] == "The following resource(s) failed to create: [Bad]. "
    failed = next(event for event in stack.events("Bad") if event["ResourceStatus"] == "CREATE_FAILED")
    assert "snap-0123456789abcdeff" in failed["ResourceStatusReason"]


def test_resources_appear_one_by_one_while_the_stack_is_created(account: Account, stack: Stack) -> None:
    account.server.call("POST", "/_shoal/head-node-signal", {"send": None, "account": account.id})
    node = resource(
        "AWS::EC2::Instance",
        {"ImageId": IMAGES[0][0], "InstanceType": "c5.large"},
        DependsOn=["Disk"],
        CreationPolicy={"ResourceSignal": {"Timeout": "PT1M"}},
    )
    stack.start({"Disk": disk(), "Node": node})
    until(lambda: "Node" in stack.resources())
    seen = {name: found["ResourceStatus"] for name, found in stack.resources().items()}
    assert seen == {"Disk": "CREATE_COMPLETE", "Node": "CREATE_IN_PROGRESS"}
    until(lambda: account.client("ec2").describe_instances()["Reservations"])
    until(lambda: _signalled(stack))
    stack.ends("CREATE_COMPLETE")


def _signalled(stack: Stack) -> bool:
    try:
        stack.cloudformation.signal_resource(
            StackName=stack.id, LogicalResourceId="Node", UniqueId="i-1", Status="SUCCESS"
        )
    except ClientError:
        return False  # it does not wait yet
    return True


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_a_retained_resource_is_skipped_and_the_deleted_stack_says_so(
    account: Account, stack: Stack, policy: str
) -> None:
    stack.create({"Kept": disk(DeletionPolicy=policy), "Gone": disk()})
    kept = stack.physical_id("Kept")
    stack.delete()
    seen = {name: found["ResourceStatus"] for name, found in stack.resources().items()}
    assert seen == {"Kept": "DELETE_SKIPPED", "Gone": "DELETE_COMPLETE"}
    assert stack.statuses("Kept")[-1] == "DELETE_SKIPPED"
    assert [found["VolumeId"] for found in account.client("ec2").describe_volumes()["Volumes"]] == [kept]


@pytest.mark.parametrize(("policy", "left"), [("Retain", 1), ("RetainExceptOnCreate", 0), ("Delete", 0)])
def test_only_retain_outlives_a_rolled_back_creation(account: Account, stack: Stack, policy: str, left: int) -> None:
    stack.create(
        {"Kept": disk(DeletionPolicy=policy), "Bad": broken(DependsOn=["Kept"])},
        status="ROLLBACK_COMPLETE",
    )
    assert len(account.client("ec2").describe_volumes()["Volumes"]) == left


def test_a_deleted_stack_answers_by_its_id_after_another_took_its_name(account: Account, stack: Stack) -> None:
    stack.create({"Disk": disk()}).delete()
    again = Stack(account, stack.name).create({"Other": disk()})
    assert stack.status() == "DELETE_COMPLETE"
    assert stack.resources()["Disk"]["ResourceStatus"] == "DELETE_COMPLETE"
    assert stack.statuses("Disk")[-1] == "DELETE_COMPLETE"
    assert set(again.resources()) == {"Other"}


def test_a_deleted_stack_does_not_answer_by_its_name(account: Account, stack: Stack) -> None:
    stack.create({"Disk": disk()}).delete()
    for operation in ("describe_stack_resources", "describe_stack_events", "describe_stacks"):
        with pytest.raises(ClientError, match="does not exist"):
            getattr(stack.cloudformation, operation)(StackName=stack.name)


def test_the_name_of_a_rolled_back_stack_is_taken(account: Account, stack: Stack) -> None:
    stack.create({"Bad": broken()}, status="ROLLBACK_COMPLETE")
    with pytest.raises(ClientError, match="AlreadyExistsException"):
        Stack(account, stack.name).start({"Disk": disk()})


def test_a_protected_stack_is_not_deleted_until_it_is_not(stack: Stack) -> None:
    stack.create({"Disk": disk()})
    protect = stack.cloudformation.update_termination_protection
    protect(StackName=stack.id, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection"):
        stack.cloudformation.delete_stack(StackName=stack.id)
    protect(StackName=stack.id, EnableTerminationProtection=False)
    stack.delete()


def test_events_carry_the_token_of_their_operation_and_come_newest_first(stack: Stack) -> None:
    stack.create({"Disk": disk()}, ClientRequestToken="op-1-create")
    stack.delete(ClientRequestToken="op-1-delete")
    newest_first = stack.cloudformation.describe_stack_events(StackName=stack.id)["StackEvents"]
    assert newest_first[0]["ResourceStatus"] == "DELETE_COMPLETE"
    assert newest_first[-1]["ResourceStatus"] == "CREATE_IN_PROGRESS"
    assert {event["ClientRequestToken"] for event in newest_first} == {"op-1-create", "op-1-delete"}


def test_the_service_role_of_a_stack_is_what_its_resources_are_made_with(account: Account, stack: Stack) -> None:
    role = account.role("service", {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"})
    stack.create({"Disk": disk()}, status="ROLLBACK_COMPLETE", RoleARN=role)
    assert any("ec2:CreateVolume" in reason for reason in stack.reasons())
    rights = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": ["ec2:CreateVolume", "ec2:CreateTags"], "Resource": "*"}],
        }
    )
    account.client("iam").put_role_policy(RoleName="service", PolicyName="inline", PolicyDocument=rights)
    stack.delete()
    stack.create({"Disk": disk()}, RoleARN=role)
    stack.delete(status="DELETE_FAILED")
    assert any("ec2:DeleteVolume" in reason for reason in stack.reasons())
