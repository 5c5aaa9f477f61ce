"""One table of what can outlive a stack: how each type is confirmed and deleted, in the order of deletion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from shoal.aws import cloudformation
from shoal.aws.session import client
from shoal.cleanup.leftovers import SNAPSHOT, Thing

_ABSENT = re.compile(r"(NotFound|NotFoundException|NoSuch\w+|404|NonExistentQueue|QueueDoesNotExist|\.Unknown)$")
_NOT_YET = re.compile(r"(InUse|DependencyViolation|IncorrectState\w*|OperationAbortedException)$")


@dataclass(frozen=True)
class Sweeper:
    """One type of resource."""

    resource_type: str
    service: str
    describe: str
    """The call that confirms, as boto3 names it."""
    arguments: Callable[[str], dict[str, Any]]
    answer: str
    """The member of the call's answer that tells."""
    delete: tuple[str, str] | None = None
    """The deleting call and its one argument; none for what a stack always deletes itself."""
    lives: Callable[[Any, str], bool] = lambda found, _: bool(found)
    """Whether that member, for an id, means that it is still there."""


def _described(found: list[dict[str, Any]], gone: str) -> bool:
    return any(item.get("status") != gone for item in found)


SWEEPERS = (
    Sweeper(SNAPSHOT, "ec2", "describe_snapshots", lambda id_: {"SnapshotIds": [id_]}, "Snapshots",
            ("delete_snapshot", "SnapshotId")),
    Sweeper("AWS::EC2::Volume", "ec2", "describe_volumes", lambda id_: {"VolumeIds": [id_]}, "Volumes",
            ("delete_volume", "VolumeId")),
    Sweeper("AWS::EFS::MountTarget", "efs", "describe_mount_targets", lambda id_: {"MountTargetId": id_},
            "MountTargets", ("delete_mount_target", "MountTargetId")),
    Sweeper("AWS::EFS::FileSystem", "efs", "describe_file_systems", lambda id_: {"FileSystemId": id_},
            "FileSystems", ("delete_file_system", "FileSystemId")),
    Sweeper("AWS::Logs::LogGroup", "logs", "describe_log_groups", lambda id_: {"logGroupNamePrefix": id_},
            "logGroups", ("delete_log_group", "logGroupName"),
            lambda found, id_: any(group["logGroupName"] == id_ for group in found)),
    Sweeper("AWS::EC2::Instance", "ec2", "describe_instances", lambda id_: {"InstanceIds": [id_]}, "Reservations",
            lives=lambda found, _: any(
                instance["State"]["Name"] != "terminated" for reservation in found
                for instance in reservation["Instances"])),
    Sweeper("AWS::EC2::NetworkInterface", "ec2", "describe_network_interfaces",
            lambda id_: {"NetworkInterfaceIds": [id_]}, "NetworkInterfaces"),
    Sweeper("AWS::EC2::LaunchTemplate", "ec2", "describe_launch_templates",
            lambda id_: {"LaunchTemplateIds": [id_]}, "LaunchTemplates"),
    Sweeper("AWS::AutoScaling::AutoScalingGroup", "autoscaling", "describe_auto_scaling_groups",
            lambda id_: {"AutoScalingGroupNames": [id_]}, "AutoScalingGroups"),
    Sweeper("AWS::EC2::PlacementGroup", "ec2", "describe_placement_groups", lambda id_: {"GroupNames": [id_]},
            "PlacementGroups", lives=lambda found, _: any(group["State"] != "deleted" for group in found)),
    Sweeper("AWS::SNS::Topic", "sns", "get_topic_attributes", lambda id_: {"TopicArn": id_}, "Attributes"),
    Sweeper("AWS::SNS::Subscription", "sns", "get_subscription_attributes", lambda id_: {"SubscriptionArn": id_},
            "Attributes"),
    Sweeper("AWS::SQS::Queue", "sqs", "get_queue_url", lambda id_: {"QueueName": id_}, "QueueUrl"),
    Sweeper("AWS::DynamoDB::Table", "dynamodb", "describe_table", lambda id_: {"TableName": id_}, "Table"),
    Sweeper("AWS::EC2::SecurityGroupIngress", "ec2", "describe_security_group_rules",
            lambda id_: {"SecurityGroupRuleIds": [id_]}, "SecurityGroupRules"),  # goes with its group
    Sweeper("AWS::EC2::SecurityGroup", "ec2", "describe_security_groups", lambda id_: {"GroupIds": [id_]},
            "SecurityGroups", ("delete_security_group", "GroupId")),
    Sweeper("AWS::Batch::JobQueue", "batch", "describe_job_queues", lambda id_: {"jobQueues": [id_]}, "jobQueues",
            lives=lambda found, _: _described(found, "DELETED")),
    Sweeper("AWS::Batch::ComputeEnvironment", "batch", "describe_compute_environments",
            lambda id_: {"computeEnvironments": [id_]}, "computeEnvironments",
            lives=lambda found, _: _described(found, "DELETED")),
    Sweeper("AWS::Batch::JobDefinition", "batch", "describe_job_definitions", lambda id_: {"jobDefinitions": [id_]},
            "jobDefinitions", lives=lambda found, _: _described(found, "INACTIVE")),
    Sweeper("AWS::CodeBuild::Project", "codebuild", "batch_get_projects", lambda id_: {"names": [id_]}, "projects"),
    Sweeper("AWS::ECR::Repository", "ecr", "describe_repositories", lambda id_: {"repositoryNames": [id_]},
            "repositories"),
    Sweeper("AWS::S3::Bucket", "s3", "head_bucket", lambda id_: {"Bucket": id_}, "ResponseMetadata"),
    Sweeper("AWS::IAM::InstanceProfile", "iam", "get_instance_profile", lambda id_: {"InstanceProfileName": id_},
            "InstanceProfile"),
    Sweeper("AWS::IAM::Role", "iam", "get_role", lambda id_: {"RoleName": id_}, "Role"),
)  # fmt: skip
_BY_TYPE = {sweeper.resource_type: sweeper for sweeper in SWEEPERS}


def still_there(things: Iterable[Thing], *, unconfirmed: bool = False) -> Iterator[Thing]:
    """Those of some things that their own service confirms.

    Args:
        things: what may be there.
        unconfirmed: whether what no row of the table can confirm counts as there.
    """
    for thing in things:
        sweeper = _BY_TYPE.get(thing.resource_type)
        if unconfirmed if sweeper is None else _confirmed(sweeper, thing.id):
            yield thing


def _confirmed(sweeper: Sweeper, id_: str) -> bool:
    try:
        answer = getattr(client(sweeper.service), sweeper.describe)(**sweeper.arguments(id_))
    except ClientError as error:
        if _ABSENT.search(error.response["Error"]["Code"]):
            return False
        raise
    return sweeper.lives(answer[sweeper.answer], id_)


def sweep(things: Iterable[Thing]) -> list[Thing]:
    """Delete things in the table's order; those whose deletion was accepted. What is in use has to wait."""
    wanted = set(things)
    return [
        thing
        for sweeper in SWEEPERS
        if sweeper.delete
        for thing in sorted(wanted)
        if thing.resource_type == sweeper.resource_type and _deleted(sweeper, *sweeper.delete, thing.id)
    ]


def _deleted(sweeper: Sweeper, call: str, argument: str, id_: str) -> bool:
    try:
        getattr(client(sweeper.service), call)(**{argument: id_})
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if _ABSENT.search(code) or _NOT_YET.search(code):
            return False
        raise
    return True


def deletion_snapshots(stack_id: str, resources: list[dict[str, Any]]) -> list[str]:
    """Ids of the snapshots that CloudFormation made of a stack's volumes when it deleted them, not of the user's own.

    Args:
        stack_id: the deleted stack.
        resources: its resources.
    """
    volumes = [
        item["PhysicalResourceId"]
        for item in resources
        if (item["ResourceType"], item["ResourceStatus"]) == ("AWS::EC2::Volume", "DELETE_COMPLETE")
        and item.get("PhysicalResourceId")
    ]
    since = cloudformation.deletion_began(stack_id, "AWS::EC2::Volume") if volumes else None
    if since is None:
        return []
    pages = client("ec2").get_paginator("describe_snapshots")
    found = pages.paginate(OwnerIds=["self"], Filters=[{"Name": "volume-id", "Values": volumes}])
    snapshots = [snapshot for page in found for snapshot in page["Snapshots"]]
    return [item["SnapshotId"] for item in snapshots if item["StartTime"] >= since.replace(microsecond=0)]
