"""Are help, list and describe answered from the ledger and from AWS?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.answer_query.app import handler
from shoal import ledger
from shoal.aws import dynamodb
from shoal.operation.catalogue import CATALOGUE
from tests.functions.conftest import ENVIRONMENT
from tests.support.slurm_stack import STACK as SLURM_STACK
from tests.support.slurm_stack import SlurmStack
from tests.support.stubs import stubs

STACK = "shoal-cluster-genomics"


def know(name: str, **facts: Any) -> None:
    item = {**ledger.cluster_key(name), "clusterName": name, "kind": "awsbatch", "status": "CREATE_COMPLETE", **facts}
    dynamodb.write([{"Put": {"Item": item}}])


def ask(context: LambdaContext, **data: Any) -> dict[str, Any]:
    return handler({"input": data}, context)


@pytest.mark.parametrize("data", [{}, {"operation": "help"}])
def test_help_tells_every_operation(data: dict[str, Any], context: LambdaContext) -> None:
    answer = ask(context, **data)["answer"]
    assert [item["operation"] for item in answer["operations"]] == list(CATALOGUE)


def test_an_empty_account_has_no_clusters(context: LambdaContext) -> None:
    assert ask(context, operation="list")["answer"] == {"summary": "0 clusters", "clusters": []}


def test_clusters_are_paged_by_name(context: LambdaContext) -> None:
    for name in ("a", "b", "c"):
        know(name)
    first = ask(context, operation="list", maxResults=2)["answer"]
    second = ask(context, operation="list", maxResults=2, nextToken=first["nextToken"])["answer"]
    assert [item["clusterName"] for page in (first, second) for item in page["clusters"]] == ["a", "b", "c"]


def test_an_absent_cluster_is_refused_by_name(context: LambdaContext) -> None:
    answer = ask(context, operation="describe", clusterName="genomics")
    assert answer["route"] == "refuse"
    assert "genomics" in answer["failure"]["line"]


def test_a_cluster_is_described_with_its_stack_and_its_head_node(context: LambdaContext) -> None:
    ami = boto3.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    instance = {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": ami, "InstanceType": "t3.micro"}}
    template = json.dumps({"Resources": {"HeadNode": instance}})
    stack = boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=template)["StackId"]
    know("genomics", stackId=stack)
    answer = ask(context, operation="describe", clusterName="genomics")["answer"]
    assert (answer["clusterStatus"], answer["cloudFormationStackStatus"]) == ("CREATE_COMPLETE", "CREATE_COMPLETE")
    assert answer["headNode"]["instanceType"] == "t3.micro"
    assert answer["region"] == "us-east-1"


def test_a_cluster_whose_stack_is_gone_is_still_described(context: LambdaContext) -> None:
    know("genomics", status="DELETE_FAILED")
    answer = ask(context, operation="describe", clusterName="genomics")["answer"]
    assert (answer["clusterStatus"], answer["cloudFormationStackStatus"]) == ("DELETE_FAILED", "ABSENT")


@pytest.fixture
def slurm(deployed: None) -> Iterator[SlurmStack]:
    with stubs() as aws:
        yield SlurmStack(aws, ENVIRONMENT["LEDGER_TABLE_NAME"])


def test_a_slurm_cluster_is_described_by_what_its_head_node_publishes(
    slurm: SlurmStack, context: LambdaContext
) -> None:
    slurm.register(status="CREATE_COMPLETE", fleetStatus="STOPPED")
    slurm.publish(changed_at=1_795_000_000, slurm="up", version="0a1b", jobs={"running": 3, "pending": 0})
    slurm.status()
    slurm.resources()
    answer = ask(context, operation="describe", clusterName="genomics")["answer"]
    assert (answer["fleetStatus"], answer["configurationVersion"]) == ("STOPPED", "0a1b")
    assert (answer["jobs"]["running"], answer["headNode"]["instanceId"]) == (3, slurm.head)
    assert "start" in answer["nextOperations"]
    assert not {"stop", "build-image"} & set(answer["nextOperations"])


def test_a_slurm_cluster_whose_table_is_not_there_yet_is_described(slurm: SlurmStack, context: LambdaContext) -> None:
    slurm.status("CREATE_IN_PROGRESS")
    found: dict[str, Any] = {"StackResourceSummaries": []}
    slurm.aws.expect("cloudformation", "list_stack_resources", found, StackName=SLURM_STACK)
    assert "nodes" not in ask(context, operation="describe", clusterName="genomics")["answer"]


def test_the_page_of_clusters_tells_their_kind(slurm: SlurmStack, context: LambdaContext) -> None:
    (cluster,) = ask(context, operation="list")["answer"]["clusters"]
    assert (cluster["scheduler"], cluster["fleetStatus"]) == ({"type": "slurm"}, "RUNNING")
