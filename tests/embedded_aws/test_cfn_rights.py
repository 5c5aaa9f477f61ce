"""Is every resource of a stack made with the rights of the stack's service role?"""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.ec2.images import IMAGES
from tests.support.embedded import Account
from tests.support.stacks import Stack, resource

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "x"}, "Action": "*"}]}
ALARM = {
    "MetricName": "m", "Namespace": "n", "Period": 60, "Threshold": 1, "EvaluationPeriods": 1, "Statistic": "Sum",
    "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip
BUILD = {
    "ServiceRole": "arn:aws:iam::111111111111:role/build",
    "Artifacts": {"Type": "NO_ARTIFACTS"},
    "Source": {"Type": "NO_SOURCE", "BuildSpec": "version: 0.2"},
    "Environment": {"Type": "LINUX_CONTAINER", "Image": "x", "ComputeType": "BUILD_GENERAL1_SMALL"},
}
COMPUTE = {"Type": "EC2", "MaxvCpus": 4, "Subnets": ["subnet-00000001"]}
CONTAINER = {"Image": "x", "Vcpus": 1, "Memory": 9}

CREATING: dict[str, tuple[str, dict[str, Any]]] = {
    "AWS::Batch::ComputeEnvironment": (
        "batch:CreateComputeEnvironment",
        {"Type": "MANAGED", "ComputeResources": COMPUTE},
    ),
    "AWS::Batch::JobDefinition": (
        "batch:RegisterJobDefinition",
        {"Type": "container", "ContainerProperties": CONTAINER},
    ),
    "AWS::Batch::JobQueue": (
        "batch:CreateJobQueue",
        {"Priority": 1, "ComputeEnvironmentOrder": [{"Order": 1, "ComputeEnvironment": "work"}]},
    ),
    "AWS::CloudWatch::Alarm": ("cloudwatch:PutMetricAlarm", ALARM),
    "AWS::CloudWatch::Dashboard": ("cloudwatch:PutDashboard", {"DashboardBody": '{"widgets": []}'}),
    "AWS::CodeBuild::Project": ("codebuild:CreateProject", BUILD),
    "AWS::DynamoDB::Table": (
        "dynamodb:CreateTable",
        {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        },
    ),
    "AWS::EC2::EIP": ("ec2:AllocateAddress", {}),
    "AWS::EC2::Instance": ("ec2:RunInstances", {"ImageId": IMAGES[0][0], "InstanceType": "c5.large"}),
    "AWS::EC2::LaunchTemplate": ("ec2:CreateLaunchTemplate", {"LaunchTemplateData": {"ImageId": IMAGES[0][0]}}),
    "AWS::EC2::NetworkInterface": ("ec2:CreateNetworkInterface", {"SubnetId": "subnet-00000001"}),
    "AWS::EC2::PlacementGroup": ("ec2:CreatePlacementGroup", {"Strategy": "cluster"}),
    "AWS::EC2::SecurityGroup": ("ec2:CreateSecurityGroup", {"GroupDescription": "g", "VpcId": "vpc-00000001"}),
    "AWS::EC2::SecurityGroupIngress": (
        "ec2:AuthorizeSecurityGroupIngress",
        {"GroupId": "sg-00000001", "IpProtocol": "-1", "CidrIp": "10.0.0.0/8"},
    ),
    "AWS::EC2::Volume": ("ec2:CreateVolume", {"AvailabilityZone": "us-east-1a", "Size": 1}),
    "AWS::ECR::Repository": ("ecr:CreateRepository", {}),
    "AWS::EFS::FileSystem": ("elasticfilesystem:CreateFileSystem", {}),
    "AWS::EFS::MountTarget": (
        "elasticfilesystem:CreateMountTarget",
        {"FileSystemId": "fs-0123456789abcdeff", "SubnetId": "subnet-00000001"},
    ),
    "AWS::IAM::InstanceProfile": ("iam:CreateInstanceProfile", {"Roles": []}),
    "AWS::IAM::Role": ("iam:CreateRole", {"AssumeRolePolicyDocument": TRUST}),
    "AWS::Logs::LogGroup": ("logs:CreateLogGroup", {}),
    "AWS::S3::Bucket": ("s3:CreateBucket", {}),
    "AWS::SNS::Topic": ("sns:CreateTopic", {}),
    "AWS::SQS::Queue": ("sqs:CreateQueue", {}),
    "AWS::S3::BucketPolicy": ("s3:PutBucketPolicy", {"Bucket": "absent", "PolicyDocument": {"Statement": []}}),
}


@pytest.mark.parametrize("kind", sorted(CREATING))
def test_a_service_role_without_the_right_cannot_make_the_resource(account: Account, kind: str) -> None:
    action, properties = CREATING[kind]
    everything_else = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
    arn = account.role("service", everything_else)
    if kind == "AWS::S3::BucketPolicy":
        account.client("s3").create_bucket(Bucket=f"policy-{account.id}")
        properties = {**properties, "Bucket": f"policy-{account.id}"}
    stack = Stack(account).create({"It": resource(kind, properties)}, RoleARN=arn, status="ROLLBACK_COMPLETE")
    assert any(action in reason for reason in stack.reasons()), stack.reasons()


def test_a_service_role_with_the_rights_makes_and_deletes_them_all(account: Account) -> None:
    arn = account.role("service", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    independent = {
        kind.rpartition("::")[2]: resource(kind, properties)
        for kind, (_, properties) in CREATING.items()
        if kind
        not in (
            "AWS::Batch::JobQueue",
            "AWS::EFS::MountTarget",
            "AWS::S3::BucketPolicy",
            "AWS::CodeBuild::Project",  # its role does not exist
        )
    }
    Stack(account).create(independent, RoleARN=arn).delete()


def test_a_placement_group_is_made_with_a_right_on_placement_groups(account: Account) -> None:
    where = "arn:aws:ec2:us-east-1:*:placement-group/demo-*"
    only = {"Effect": "Allow", "Action": ["ec2:CreatePlacementGroup", "ec2:DeletePlacementGroup"], "Resource": where}
    tag = {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*"}
    parts = {"It": resource("AWS::EC2::PlacementGroup", {"Strategy": "cluster"})}
    Stack(account).create(parts, RoleARN=account.role("service", only, tag)).delete()
