"""A Batch cluster's stack in moto, by CloudFormation: what the job commands read of one, and no more.

Moto makes no multi-node job definitions from a template, so that the queues have none.
"""

from __future__ import annotations

import json
from typing import Any

import boto3

BUCKET = "shoal-genomics-1"
LOG_GROUP = "/shoal/genomics-1/jobs"
STACK = "shoal-cluster-genomics"


def make_stack(*queues: str, kind: str = "awsbatch") -> None:
    """The stack of a cluster `genomics` with these queues, its default one first; `spot` runs Spot instances."""
    parameters = {"Scheduler": kind, "ResourcesS3Bucket": BUCKET, "ArtifactS3RootDirectory": "jobs"}
    iam = boto3.client("iam")
    role = iam.create_role(RoleName="service", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    profile = iam.create_instance_profile(InstanceProfileName="hosts")["InstanceProfile"]["Arn"]
    template = {
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": {
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "ResourcesS3Bucket"}}},
            "JobLogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": LOG_GROUP}},
            **{name: made for queue in queues for name, made in _queue(queue, role, profile).items()},
        },
        "Outputs": {
            "BatchJobQueueArn": {"Value": {"Ref": f"Queue{queues[0]}"}},
            "BatchCliRequirements": {"Value": "aws-parallelcluster-awsbatch-cli>=1.0.0"},
            "HeadNodePrivateIP": {"Value": "10.0.0.4"},
        },
    }
    boto3.client("cloudformation").create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )


def _queue(name: str, role: str, profile: str) -> dict[str, Any]:
    ec2 = boto3.client("ec2")
    resources = {
        "Type": "SPOT" if name == "spot" else "EC2",
        "MinvCpus": 0,
        "MaxvCpus": 8,
        "DesiredvCpus": 0,
        "InstanceTypes": ["c6i.large", "c6i.xlarge"],
        "Subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
        "SecurityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        "InstanceRole": profile,
    }
    order = [{"Order": 1, "ComputeEnvironment": {"Ref": f"Environment{name}"}}]
    made = {
        f"Environment{name}": {"Type": "MANAGED", "ServiceRole": role, "ComputeResources": resources},
        f"JobDefinition{name}": {
            "JobDefinitionName": f"shoal-genomics_single_{name}",
            "Type": "container",
            "ContainerProperties": {"Image": "debian", "Vcpus": 1, "Memory": 512},
            "RetryStrategy": {"Attempts": 3},
        },
        f"Queue{name}": {
            "JobQueueName": f"shoal-genomics_{name}",
            "State": "ENABLED",
            "Priority": 1,
            "ComputeEnvironmentOrder": order,
        },
    }
    kinds = {"Environment": "ComputeEnvironment", "JobDefinition": "JobDefinition", "Queue": "JobQueue"}
    return {
        logical_id: {"Type": f"AWS::Batch::{kinds[logical_id.removesuffix(name)]}", "Properties": properties}
        for logical_id, properties in made.items()
    }
