"""Is everything that outlives a stack found, confirmed, and deleted only when the stack's own list names it?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.delete_leftovers.app import handler as delete_leftovers
from functions.find_leftovers.app import handler as find_leftovers
from shoal.errors import ErrorCode, OperationError
from tests.support.stubs import Stubs, stubs

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/shoal-cluster-genomics/1"
DELETED = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
OWN_TAGS = [{"Key": "aws:cloudformation:stack-id", "Value": STACK}, {"Key": "shoal:cluster", "Value": "genomics"}]


def event(*, discard: bool = False, since: str = "2126-11-24T10:15:30Z") -> dict[str, Any]:
    return {"clusterName": "genomics", "stackId": STACK, "discard": discard, "since": since}


@pytest.fixture
def aws(deployed: None) -> Iterator[Stubs]:
    with stubs() as stubbed:
        yield stubbed


def gone(aws: Stubs, *found: tuple[str, str, str]) -> None:
    """The stack is deleted; its resources were deleted or skipped."""
    summaries = [
        {
            "LogicalResourceId": "Any",
            "ResourceType": kind,
            "PhysicalResourceId": physical_id,
            "ResourceStatus": status,
            "LastUpdatedTimestamp": DELETED,
        }
        for kind, physical_id, status in found
    ]
    aws.expect("cloudformation", "list_stack_resources", {"StackResourceSummaries": summaries}, StackName=STACK)
    if any((kind, status) == ("AWS::EC2::Volume", "DELETE_COMPLETE") for kind, _, status in found):
        aws.expect("cloudformation", "describe_stack_events", {"StackEvents": deletion_events()}, StackName=STACK)


def deletion_events() -> list[dict[str, Any]]:
    """What the stack's events say of the volume: when its deletion began and ended."""
    return [
        {
            "StackId": STACK,
            "EventId": status,
            "StackName": "shoal-cluster-genomics",
            "ResourceType": "AWS::EC2::Volume",
            "ResourceStatus": status,
            "Timestamp": timestamp,
        }
        for status, timestamp in (("DELETE_COMPLETE", DELETED + timedelta(minutes=1)), ("DELETE_IN_PROGRESS", DELETED))
    ]


def tagged(aws: Stubs, *found: tuple[str, list[dict[str, str]]]) -> None:
    """What the tagging API says."""
    mappings = [{"ResourceARN": arn, "Tags": tags} for arn, tags in found]
    filters = [{"Key": "shoal:cluster", "Values": ["genomics"]}]
    answer = {"ResourceTagMappingList": mappings}
    aws.expect("resourcegroupstaggingapi", "get_resources", answer, TagFilters=filters)


def volume() -> str:
    return boto3.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]


def volumes() -> list[str]:
    return [item["VolumeId"] for item in boto3.client("ec2").describe_volumes()["Volumes"]]


def log_group(name: str) -> str:
    boto3.client("logs").create_log_group(logGroupName=name)
    return name


def test_nothing_left_is_the_end(aws: Stubs, context: LambdaContext) -> None:
    gone(aws, ("AWS::EC2::Volume", "vol-0123456789abcdef0", "DELETE_COMPLETE"))
    tagged(aws)
    found = find_leftovers(event(), context)
    assert found["next"] == "done"
    assert found["report"]["removed"] == 1


def test_a_volume_that_the_stack_says_it_deleted_is_waited_for(aws: Stubs, context: LambdaContext) -> None:
    gone(aws, ("AWS::EC2::Volume", volume(), "DELETE_COMPLETE"))
    tagged(aws)
    assert find_leftovers(event(), context)["next"] == "wait"


def test_a_log_group_that_a_late_writer_made_again_is_found(aws: Stubs, context: LambdaContext) -> None:
    gone(aws, ("AWS::Logs::LogGroup", log_group("/shoal/genomics/jobs"), "DELETE_COMPLETE"))
    tagged(aws)
    assert find_leftovers(event(), context)["next"] == "wait"


def test_a_log_group_of_a_longer_name_is_another_one(aws: Stubs, context: LambdaContext) -> None:
    log_group("/shoal/genomics/jobs-of-others")
    gone(aws, ("AWS::Logs::LogGroup", "/shoal/genomics/jobs", "DELETE_COMPLETE"))
    tagged(aws)
    assert find_leftovers(event(), context)["next"] == "done"


def test_what_the_tagging_api_still_lists_and_its_service_does_not_is_gone(aws: Stubs, context: LambdaContext) -> None:
    gone(aws)
    arn = "arn:aws:ec2:us-east-1:123456789012:volume/vol-0123456789abcdef0"
    tagged(aws, (arn, OWN_TAGS))
    assert find_leftovers(event(), context)["next"] == "done"


def test_what_is_kept_by_configuration_is_told_and_no_leftover(aws: Stubs, context: LambdaContext) -> None:
    kept = volume()
    gone(aws, ("AWS::EC2::Volume", kept, "DELETE_SKIPPED"))
    tagged(aws, (f"arn:aws:ec2:us-east-1:123456789012:volume/{kept}", OWN_TAGS))
    found = find_leftovers(event(), context)
    assert found["next"] == "done"
    assert found["report"]["kept"] == [{"resourceType": "AWS::EC2::Volume", "id": kept}]


def test_what_is_left_after_the_limit_fails_the_deletion(aws: Stubs, context: LambdaContext) -> None:
    left = volume()
    gone(aws, ("AWS::EC2::Volume", left, "DELETE_COMPLETE"))
    tagged(aws)
    with pytest.raises(OperationError, match=left) as error:
        find_leftovers(event(since="2026-11-24T10:00:00Z"), context)
    assert error.value.code is ErrorCode.LEFTOVERS_FOUND


def test_what_a_failed_create_made_is_deleted_whatever_its_policy(aws: Stubs, context: LambdaContext) -> None:
    retained, name = volume(), log_group("/shoal/genomics/jobs")
    resources = (
        ("AWS::EC2::Volume", retained, "DELETE_SKIPPED"),
        ("AWS::Logs::LogGroup", name, "DELETE_SKIPPED"),
        ("AWS::S3::Bucket", "shoal-genomics", "DELETE_COMPLETE"),
    )
    gone(aws, *resources)
    tagged(aws)
    assert find_leftovers(event(discard=True), context)["next"] == "delete"
    gone(aws, *resources)
    assert delete_leftovers({"stackId": STACK}, context)["deleted"] == 2
    gone(aws, *resources)
    tagged(aws)
    assert find_leftovers(event(discard=True), context)["next"] == "done"


def test_the_group_of_a_file_system_to_be_kept_goes_with_its_rules_after_a_failed_create(
    aws: Stubs, context: LambdaContext
) -> None:
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="files", Description="files")["GroupId"]
    itself: Any = [{"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049, "UserIdGroupPairs": [{"GroupId": group}]}]
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=itself)["SecurityGroupRules"]
    resources = (
        ("AWS::EC2::SecurityGroup", group, "DELETE_SKIPPED"),
        ("AWS::EC2::SecurityGroupIngress", made[0]["SecurityGroupRuleId"], "DELETE_SKIPPED"),
    )
    gone(aws, *resources)
    assert delete_leftovers({"stackId": STACK}, context)["deleted"] == 1
    gone(aws, *resources)
    tagged(aws)
    assert find_leftovers(event(discard=True), context)["next"] == "done"


def test_a_volume_that_is_not_the_stacks_is_never_deleted(aws: Stubs, context: LambdaContext) -> None:
    other = boto3.client("ec2").create_volume(
        AvailabilityZone="us-east-1a",
        Size=1,
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "shoal:cluster", "Value": "genomics"}]}],
    )["VolumeId"]
    gone(aws, ("AWS::EC2::Volume", volume(), "DELETE_SKIPPED"))
    delete_leftovers({"stackId": STACK}, context)
    assert volumes() == [other]


def test_the_snapshot_that_cloudformation_made_is_kept_and_the_users_is_not_ours(
    aws: Stubs, context: LambdaContext
) -> None:
    deleted = volume()
    snapshots = [
        {"SnapshotId": "snap-0aaaaaaaaaaaaaaaa", "StartTime": datetime(2026, 11, 20, tzinfo=UTC)},
        {"SnapshotId": "snap-0bbbbbbbbbbbbbbbb", "StartTime": DELETED},
    ]
    gone(aws, ("AWS::EC2::Volume", deleted, "DELETE_COMPLETE"))
    tagged(aws)
    filters = [{"Name": "volume-id", "Values": [deleted]}]
    aws.expect("ec2", "describe_snapshots", {"Snapshots": snapshots}, OwnerIds=["self"], Filters=filters)
    aws.expect("ec2", "describe_snapshots", {"Snapshots": snapshots[1:]}, SnapshotIds=["snap-0bbbbbbbbbbbbbbbb"])
    aws.fail("ec2", "describe_volumes", "InvalidVolume.NotFound", VolumeIds=[deleted])
    found = find_leftovers(event(), context)
    assert found["next"] == "done"
    assert found["report"]["kept"] == [{"resourceType": "AWS::EC2::Snapshot", "id": "snap-0bbbbbbbbbbbbbbbb"}]


def test_a_file_system_that_is_in_use_is_left_for_the_next_call(aws: Stubs, context: LambdaContext) -> None:
    gone(
        aws,
        ("AWS::EFS::FileSystem", "fs-0123456789abcdef0", "DELETE_SKIPPED"),
        ("AWS::EFS::MountTarget", "fsmt-0123456789abcdef0", "DELETE_SKIPPED"),
    )
    aws.expect("efs", "delete_mount_target", {}, MountTargetId="fsmt-0123456789abcdef0")
    aws.fail("efs", "delete_file_system", "FileSystemInUse", FileSystemId="fs-0123456789abcdef0")
    assert delete_leftovers({"stackId": STACK}, context)["deleted"] == 1


def topic() -> str:
    return str(boto3.client("sns").create_topic(Name="shoal-genomics-nodes")["TopicArn"])


def subscription() -> str:
    endpoint = "arn:aws:sqs:us-east-1:123456789012:shoal-genomics-nodes"
    made = boto3.client("sns").subscribe(
        TopicArn=topic(), Protocol="sqs", Endpoint=endpoint, ReturnSubscriptionArn=True
    )
    return str(made["SubscriptionArn"])


def queue() -> str:
    return str(boto3.client("sqs").create_queue(QueueName="shoal-genomics-nodes")["QueueUrl"])


def table() -> str:
    boto3.client("dynamodb").create_table(
        TableName="shoal-genomics-nodes",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    return "shoal-genomics-nodes"


def group() -> str:
    image = boto3.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    boto3.client("ec2").create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData={"ImageId": image})
    boto3.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="shoal-genomics_main-small",
        MinSize=0,
        MaxSize=2,
        AvailabilityZones=["us-east-1a"],
        LaunchTemplate={"LaunchTemplateName": "nodes"},
    )
    return "shoal-genomics_main-small"


FLEET = {
    "AWS::SNS::Topic": topic,
    "AWS::SNS::Subscription": subscription,
    "AWS::SQS::Queue": queue,
    "AWS::DynamoDB::Table": table,
    "AWS::AutoScaling::AutoScalingGroup": group,
}
GONE = {
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:123456789012:shoal-genomics-nodes",
    "AWS::SNS::Subscription": "arn:aws:sns:us-east-1:123456789012:shoal-genomics-nodes:0a1b",
    "AWS::SQS::Queue": "https://sqs.us-east-1.amazonaws.com/123456789012/shoal-genomics-nodes",
    "AWS::DynamoDB::Table": "shoal-genomics-nodes",
    "AWS::AutoScaling::AutoScalingGroup": "shoal-genomics_main-small",
}


@pytest.mark.parametrize("kind", FLEET)
def test_a_part_of_a_fleet_that_outlives_its_stack_is_found(aws: Stubs, context: LambdaContext, kind: str) -> None:
    gone(aws, (kind, FLEET[kind](), "DELETE_COMPLETE"))
    tagged(aws)
    assert find_leftovers(event(), context)["next"] == "wait"


@pytest.mark.parametrize("kind", GONE)
def test_a_part_of_a_fleet_that_went_with_its_stack_is_no_leftover(
    aws: Stubs, context: LambdaContext, kind: str
) -> None:
    gone(aws, (kind, GONE[kind], "DELETE_COMPLETE"))
    tagged(aws)
    assert find_leftovers(event(), context)["next"] == "done"


@pytest.mark.parametrize(("state", "left"), [("available", True), ("deleted", False), (None, False)])
def test_a_placement_group_is_asked_for_by_its_name(
    aws: Stubs, context: LambdaContext, state: str | None, left: bool
) -> None:
    gone(aws, ("AWS::EC2::PlacementGroup", "main", "DELETE_COMPLETE"))
    tagged(aws)
    if state is None:
        aws.fail("ec2", "describe_placement_groups", "InvalidPlacementGroup.Unknown", GroupNames=["main"])
    else:
        groups = [{"GroupName": "main", "State": state}]
        aws.expect("ec2", "describe_placement_groups", {"PlacementGroups": groups}, GroupNames=["main"])
    assert find_leftovers(event(), context)["next"] == ("wait" if left else "done")


def test_an_instance_of_the_fleet_that_outlives_its_stack_is_found_by_its_tag(
    aws: Stubs, context: LambdaContext
) -> None:
    ec2 = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    gone(aws)
    tagged(aws, (f"arn:aws:ec2:us-east-1:123456789012:instance/{instance}", OWN_TAGS[1:]))
    with pytest.raises(OperationError, match=instance):
        find_leftovers(event(since="2026-11-24T10:00:00Z"), context)
