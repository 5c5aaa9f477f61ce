"""The template of a cluster is one that CloudFormation can create, update in place and delete."""

from __future__ import annotations

import json
from typing import Any

from embedded_aws.process import REGION
from shoal.cluster.blueprint import Blueprint, blueprint
from shoal.cluster.configuration import load
from shoal.cluster.site import Subnet
from tests.support.clusters import compute_resource, configuration, queue, site_for, storage
from tests.support.embedded import Account
from tests.support.polling import until
from tests.support.stacks import CAPABILITIES, Stack

ANSWERS_SUCCESS = """
import json
from urllib.request import Request, urlopen

def handler(event, context):
    body = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    body |= {"Status": "SUCCESS", "PhysicalResourceId": event["LogicalResourceId"]}
    urlopen(Request(event["ResponseURL"], json.dumps(body).encode(), method="PUT", headers={"Content-Type": ""}))
"""
SUBNETS = ("subnet-00000001", "subnet-00000002")
NAME = "shoal-cluster-genomics"


def rendered(account: Account, **sections: Any) -> Blueprint:
    """The blueprint of a cluster in the account's default VPC, its custom resources served by a stand-in."""
    found = account.client("ec2").describe_subnets(SubnetIds=list(SUBNETS))["Subnets"]
    subnets = {
        item["SubnetId"]: Subnet(
            vpc_id=item["VpcId"], vpc_cidr="172.31.0.0/16", availability_zone=item["AvailabilityZone"]
        )
        for item in found
    }
    image = account.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    function = f"arn:aws:lambda:{REGION}:{account.id}:function:serve"
    cluster = load(configuration(HeadNode=head_node(), **sections))
    return blueprint(
        cluster,
        site_for(
            cluster,
            account_id=account.id,
            subnets=subnets,
            head_node_ami=image,
            permissions_boundary=f"arn:aws:iam::{account.id}:policy/shoal/shoal-cluster-boundary",
            empty_bucket_function=function,
            empty_repository_function=function,
        ),
    )


def head_node() -> dict[str, Any]:
    return {"InstanceType": "t3.micro", "Networking": {"SubnetId": SUBNETS[0]}}


def scheduling(*queues: dict[str, Any]) -> dict[str, Any]:
    here = {"Networking": {"SubnetIds": list(SUBNETS)}}
    return {"Scheduler": "awsbatch", "AwsBatchQueues": [item | here for item in queues]}


def create(account: Account, result: Blueprint) -> Stack:
    account.function("serve", ANSWERS_SUCCESS)
    account.client("iam").create_policy(
        PolicyName="shoal-cluster-boundary",
        Path="/shoal/",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        ),
    )
    stack = Stack(account, NAME)
    stack.id = stack.cloudformation.create_stack(
        StackName=NAME,
        TemplateBody=result.body(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in result.parameters.items()],
        Tags=[{"Key": key, "Value": value} for key, value in result.tags.items()],
        Capabilities=CAPABILITIES,
    )["StackId"]
    return stack.ends("CREATE_COMPLETE")


def test_a_cluster_with_queues_and_storage_of_every_kind_is_created_and_deleted(account: Account) -> None:
    spot = queue("spot", compute_resource("cheap", SpotBidPercentage=50), CapacityType="SPOT")
    result = rendered(
        account,
        Scheduling=scheduling(queue("main"), spot),
        SharedStorage=[
            storage("data"),
            storage("fast", EbsSettings={"Raid": {"Type": 0}}),
            storage("projects", StorageType="Efs"),
        ],
        Monitoring={"Logs": {"CloudWatch": {"DeletionPolicy": "Delete"}}},
    )

    stack = create(account, result)

    outputs = stack.outputs()
    assert outputs["BatchJobQueueArn"].endswith(":job-queue/shoal-genomics_main")
    assert outputs["BatchJobDefinitionArn"].startswith(f"arn:aws:batch:{REGION}:{account.id}:job-definition/")
    stack.delete()


def test_resizing_a_compute_resource_and_adding_a_queue_replaces_nothing(account: Account) -> None:
    before = rendered(account, Scheduling=scheduling(queue("main")))
    more = queue("main", compute_resource("ondemand", MaxvCpus=32))
    after = rendered(account, Scheduling=scheduling(more, queue("second")))
    stack = create(account, before)

    modified = {
        change["ResourceType"]: change["Replacement"]
        for change in changes(stack, after)
        if change["Action"] == "Modify"
    }
    assert modified["AWS::Batch::ComputeEnvironment"] == "False"
    assert "True" not in modified.values()


def changes(stack: Stack, result: Blueprint) -> list[dict[str, Any]]:
    """What a change set says would change."""
    name = stack.cloudformation.create_change_set(
        StackName=stack.id,
        ChangeSetName="look",
        TemplateBody=result.body(),
        Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in result.parameters],
        Capabilities=CAPABILITIES,
    )["Id"]

    def described() -> dict[str, Any] | None:
        found: dict[str, Any] = stack.cloudformation.describe_change_set(ChangeSetName=name)
        return found if found["Status"] == "CREATE_COMPLETE" else None

    found = until(described, 15, "a change set")
    assert found is not None
    return [change["ResourceChange"] for change in found["Changes"]]
