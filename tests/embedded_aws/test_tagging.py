"""Does the tagging API find every tagged type of our stacks, and page?"""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.ec2.images import IMAGES
from tests.support.embedded import Account
from tests.support.stacks import Stack, resource

SUBNET, ZONE = "subnet-00000001", "us-east-1a"
TAG = {"Key": "shoal:cluster", "Value": "demo"}
FILTER = [{"Key": TAG["Key"], "Values": [TAG["Value"]]}]


def get(logical_id: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id, attribute]}


def tagged_resources(account: Account, **options: Any) -> list[dict[str, Any]]:
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources")
    return [
        found
        for page in pages.paginate(TagFilters=FILTER, **options)
        for found in page["ResourceTagMappingList"]
    ]  # fmt: skip


RESOURCES: dict[str, dict[str, Any]] = {
    "Bucket": resource("AWS::S3::Bucket"),
    "Images": resource("AWS::ECR::Repository"),
    "Build": resource(
        "AWS::CodeBuild::Project",
        {
            "ServiceRole": "arn:aws:iam::111111111111:role/build",
            "Artifacts": {"Type": "NO_ARTIFACTS"},
            "Source": {"Type": "NO_SOURCE", "BuildSpec": "version: 0.2"},
            "Environment": {"Type": "LINUX_CONTAINER", "Image": "x", "ComputeType": "BUILD_GENERAL1_SMALL"},
        },
    ),
    "Work": resource(
        "AWS::Batch::ComputeEnvironment",
        {"Type": "MANAGED", "ComputeResources": {"Type": "EC2", "MaxvCpus": 4, "Subnets": [SUBNET]}},
    ),
    "Jobs": resource(
        "AWS::Batch::JobQueue",
        {"Priority": 1, "ComputeEnvironmentOrder": [{"Order": 1, "ComputeEnvironment": {"Ref": "Work"}}]},
    ),
    "Job": resource(
        "AWS::Batch::JobDefinition",
        {"Type": "container", "ContainerProperties": {"Image": "x", "Vcpus": 1, "Memory": 9}},
    ),
    "Template": resource("AWS::EC2::LaunchTemplate", {"LaunchTemplateData": {"ImageId": IMAGES[0][0]}}),
    "Group": resource("AWS::EC2::SecurityGroup", {"GroupDescription": "g", "VpcId": "vpc-00000001"}),
    "Card": resource("AWS::EC2::NetworkInterface", {"SubnetId": SUBNET}),
    "Address": resource("AWS::EC2::EIP"),
    "Disk": resource("AWS::EC2::Volume", {"AvailabilityZone": ZONE, "Size": 1}),
    "Close": resource("AWS::EC2::PlacementGroup", {"Strategy": "cluster"}),
    "Node": resource("AWS::EC2::Instance", {"ImageId": IMAGES[0][0], "InstanceType": "c5.large"}),
    "Files": resource("AWS::EFS::FileSystem"),
    "Log": resource("AWS::Logs::LogGroup", {"RetentionInDays": 14}),
    "Alarm": resource(
        "AWS::CloudWatch::Alarm",
        {
            "MetricName": "m",
            "Namespace": "n",
            "Period": 60,
            "Threshold": 1,
            "EvaluationPeriods": 1,
            "Statistic": "Sum",
            "ComparisonOperator": "GreaterThanThreshold",
        },
    ),
}


@pytest.fixture
def stack(account: Account) -> Stack:
    return Stack(account).create(RESOURCES, Tags=[TAG])


def test_every_resource_of_a_stack_is_found_by_the_tag_of_the_stack_until_it_is_deleted(
    account: Account, stack: Stack
) -> None:
    found = {
        tag["Value"]
        for one in tagged_resources(account)
        for tag in one["Tags"]
        if tag["Key"] == "aws:cloudformation:logical-id"
    }
    assert found == set(RESOURCES)
    assert any(one["ResourceARN"] == stack.id for one in tagged_resources(account))
    stack.delete()
    left = [one["ResourceARN"] for one in tagged_resources(account)]
    assert [arn for arn in left if ":instance/" not in arn] == []  # a terminated one stays for a while, as on AWS


def test_pages_are_as_long_as_asked_for(account: Account, stack: Stack) -> None:
    everything = tagged_resources(account)
    tagging = account.client("resourcegroupstaggingapi")
    first = tagging.get_resources(TagFilters=FILTER, ResourcesPerPage=5)
    assert (len(first["ResourceTagMappingList"]), first["PaginationToken"] != "") == (5, True)
    paged = tagged_resources(account, PaginationConfig={"PageSize": 5})
    assert [one["ResourceARN"] for one in paged] == [one["ResourceARN"] for one in everything]


def test_types_narrow_what_is_found(account: Account, stack: Stack) -> None:
    found = tagged_resources(account, ResourceTypeFilters=["ec2:volume", "batch"])
    kinds = {one["ResourceARN"].split(":", 5)[5].split("/")[0] for one in found}
    assert kinds == {"volume", "compute-environment", "job-queue", "job-definition"}
