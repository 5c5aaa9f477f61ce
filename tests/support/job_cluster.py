"""A Batch cluster's stack in moto, by CloudFormation: what the job commands read of one, and no more.

Moto makes no multi-node job definitions from a template, so that the queues have none.
"""

from __future__ import annotations

import json
from typing import Any

import boto3


def bucket(cluster: str) -> str:
    """The cluster's bucket."""
    return f"shoal-{cluster}-1"


def log_group(cluster: str) -> str:
    """The log group of its jobs."""
    return f"/shoal/{cluster}-1/jobs"


def make_stack(cluster: str, *queues: str, kind: str = "awsbatch") -> None:
    """The stack of a cluster with these queues, its default one first; `spot` runs Spot instances."""
    parameters = {"Scheduler": kind, "ResourcesS3Bucket": bucket(cluster), "ArtifactS3RootDirectory": "jobs"}
    environment = _environment() if queues else {}
    template = {
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": {
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "ResourcesS3Bucket"}}},
            "JobLogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": log_group(cluster)}},
            **{name: made for queue in queues for name, made in _queue(cluster, queue, environment).items()},
        },
        "Outputs": {
            **({"BatchJobQueueArn": {"Value": {"Ref": f"Queue{queues[0]}"}}} if queues else {}),
            "BatchCliRequirements": {"Value": "aws-parallelcluster-awsbatch-cli>=1.0.0"},
            "HeadNodePrivateIP": {"Value": "10.0.0.4"},
        },
    }
    boto3.client("cloudformation").create_stack(
        StackName=f"shoal-cluster-{cluster}",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )


def _environment() -> dict[str, Any]:
    """The properties of a compute environment that runs On-Demand instances."""
    iam, ec2 = boto3.client("iam"), boto3.client("ec2")
    return {
        "Type": "MANAGED",
        "ServiceRole": iam.create_role(RoleName="batch", AssumeRolePolicyDocument="{}")["Role"]["Arn"],
        "ComputeResources": {
            "Type": "EC2",
            "MinvCpus": 0,
            "MaxvCpus": 8,
            "DesiredvCpus": 0,
            "InstanceTypes": ["c6i.large", "c6i.xlarge"],
            "Subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "SecurityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
            "InstanceRole": iam.create_instance_profile(InstanceProfileName="hosts")["InstanceProfile"]["Arn"],
        },
    }


def _queue(cluster: str, name: str, environment: dict[str, Any]) -> dict[str, Any]:
    kind = {"Type": "SPOT"} if name == "spot" else {}
    order = [{"Order": 1, "ComputeEnvironment": {"Ref": f"Environment{name}"}}]
    made = {
        f"Environment{name}": environment | {"ComputeResources": environment["ComputeResources"] | kind},
        f"JobDefinition{name}": {
            "JobDefinitionName": f"shoal-{cluster}_single_{name}",
            "Type": "container",
            "ContainerProperties": {"Image": "debian", "Vcpus": 1, "Memory": 512},
            "RetryStrategy": {"Attempts": 3},
        },
        f"Queue{name}": {
            "JobQueueName": f"shoal-{cluster}_{name}",
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
