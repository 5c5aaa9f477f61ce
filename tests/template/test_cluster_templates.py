"""The rendered template of every example, and of the largest configuration, by cfn-lint and the house's own rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.api import ManualArgs, lint

from shoal.cluster.blueprint import Blueprint, blueprint
from shoal.cluster.configuration import load
from tests.support.clusters import EXAMPLES, configuration, largest_configuration, queue, site_for, storage
from tests.support.slurm_clusters import (
    largest_slurm_configuration,
    slurm_configuration,
    slurm_queue,
    slurm_resource,
)

RULES = Path(__file__).parents[2] / "tools" / "cfnlint_rules"
IGNORED = {
    "I1022": "Fn::Join, never Fn::Sub: no value of a configuration may be read as ${...}",
    "W3010": "the zone of a volume is that of the head node's subnet, looked up for this cluster",
}
"""Rules of cfn-lint that do not fit, and why."""
LARGEST_TEMPLATE = 1_000_000
"""Bytes; with the number of resources, https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
MOST_RESOURCES = 500


ALL_BUT_THE_HOUSES = ("I", "W", *(f"E{number}" for number in range(9)))


def rendered(document: str | dict[str, Any]) -> Blueprint:
    cluster = load(document)
    return blueprint(cluster, site_for(cluster))


def findings(template: dict[str, Any], ignored: Iterable[str] = IGNORED) -> list[str]:
    config = ManualArgs(include_checks=["I"], ignore_checks=list(ignored), append_rules=[str(RULES)])
    found = lint(json.dumps(template), config=config)
    return [f"{match.rule.id} {'/'.join(map(str, match.path or []))}: {match.message}" for match in found]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_the_template_of_an_example_has_no_findings(example: Path) -> None:
    assert findings(rendered(example.read_text()).template) == []


LARGEST = pytest.mark.parametrize("largest", [largest_configuration, largest_slurm_configuration])


@LARGEST
def test_the_template_of_the_largest_configuration_has_no_findings(largest: Callable[[], dict[str, Any]]) -> None:
    assert findings(rendered(largest()).template) == []


@LARGEST
def test_the_template_of_the_largest_configuration_is_within_the_limits_of_cloudformation(
    largest: Callable[[], dict[str, Any]],
) -> None:
    result = rendered(largest())

    assert len(result.body()) < LARGEST_TEMPLATE
    assert len(result.template["Resources"]) < MOST_RESOURCES


def test_there_are_at_least_four_examples_and_of_each_scheduler_one() -> None:
    schedulers = [yaml.safe_load(path.read_text())["Scheduling"]["Scheduler"] for path in EXAMPLES.glob("*.yaml")]

    assert len(schedulers) >= 4
    assert set(schedulers) == {"awsbatch", "slurm"}


def broken(kind: str, *, cluster: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A good template in which the properties of the first resource of a type are changed; None removes one."""
    template = json.loads(rendered(cluster or configuration()).body())
    resource = next(resource for resource in template["Resources"].values() if resource["Type"] == kind)
    resource["Properties"] = {k: v for k, v in (resource["Properties"] | changes).items() if v is not None}
    return dict(template)


def policy(**statement: Any) -> list[dict[str, Any]]:
    whole = {"Sid": "Broken", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::b/*"]}
    document = {"Version": "2012-10-17", "Statement": [whole | statement]}
    return [{"PolicyName": "broken", "PolicyDocument": document}]


@pytest.mark.parametrize(
    ("rule", "template"),
    [
        pytest.param("E9101", lambda: broken("AWS::IAM::Role", PermissionsBoundary=None), id="no-boundary"),
        pytest.param("E9101", lambda: broken("AWS::IAM::Role", Path=None), id="no-path"),
        pytest.param("E9101", lambda: broken("AWS::IAM::Role", RoleName=None), id="no-name"),
        pytest.param("E9102", lambda: broken("AWS::IAM::Role", Policies=policy(Resource="*")), id="star"),
        pytest.param("E9103", lambda: broken("AWS::IAM::Role", Policies=policy(Action=["s3:*"])), id="every-action"),
        pytest.param(
            "E9103", lambda: broken("AWS::IAM::Role", Policies=policy(Action=["iam:PassRole"])), id="pass-to-any"
        ),
        pytest.param("E9113", lambda: broken("Custom::EmptyBucket", ServiceTimeout=None), id="no-service-timeout"),
        pytest.param("E9115", lambda: broken("AWS::Batch::JobQueue", Tags=None), id="no-tags"),
        *(
            pytest.param("E9115", lambda kind=kind: broken(kind, cluster=slurm_configuration(), Tags=None), id=kind)
            for kind in (
                "AWS::AutoScaling::AutoScalingGroup",
                "AWS::DynamoDB::Table",
                "AWS::SNS::Topic",
                "AWS::SQS::Queue",
            )
        ),
    ],
)
def test_a_house_rule_finds_what_breaks_it(rule: str, template: Any) -> None:
    assert any(finding.startswith(rule) for finding in findings(template(), ALL_BUT_THE_HOUSES))


@pytest.mark.parametrize(
    "kind", ["AWS::Lambda::Function", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::DynamoDB::Table"]
)
def test_a_house_rule_finds_what_does_not_belong_in_a_cluster(kind: str) -> None:
    template = json.loads(rendered(configuration()).body())
    template["Resources"]["Foreign"] = {"Type": kind, "Properties": {}}

    assert any(finding.startswith("E9111") for finding in findings(template, ALL_BUT_THE_HOUSES))


@pytest.mark.parametrize(
    "kind", ["AWS::Lambda::Function", "AWS::Batch::JobQueue", "AWS::S3::Bucket", "AWS::ECR::Repository"]
)
def test_a_house_rule_finds_what_does_not_belong_in_a_slurm_cluster(kind: str) -> None:
    template = json.loads(rendered(slurm_configuration()).body())
    template["Resources"]["Foreign"] = {"Type": kind, "Properties": {}}

    assert any(finding.startswith("E9111") for finding in findings(template, ALL_BUT_THE_HOUSES))


def test_a_house_rule_finds_a_privileged_job() -> None:
    template = json.loads(rendered(configuration()).body())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Batch::JobDefinition" and "ContainerProperties" in resource["Properties"]:
            resource["Properties"]["ContainerProperties"]["Privileged"] = True

    assert any(finding.startswith("E9114") for finding in findings(template, ALL_BUT_THE_HOUSES))


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::ECR::Repository", "AWS::EC2::Volume", "AWS::Logs::LogGroup"])
def test_a_house_rule_finds_data_without_a_deletion_policy(kind: str) -> None:
    template = json.loads(rendered(configuration()).body())
    for resource in template["Resources"].values():
        if resource["Type"] == kind:
            del resource["DeletionPolicy"]

    assert any(finding.startswith("E9112") for finding in findings(template, ALL_BUT_THE_HOUSES))


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::SQS::Queue"])
def test_a_house_rule_finds_data_of_a_slurm_cluster_without_a_deletion_policy(kind: str) -> None:
    template = json.loads(rendered(slurm_configuration()).body())
    for resource in template["Resources"].values():
        if resource["Type"] == kind:
            del resource["DeletionPolicy"]

    assert any(finding.startswith("E9112") for finding in findings(template, ALL_BUT_THE_HOUSES))


def test_a_cluster_of_every_option_has_no_findings() -> None:
    spot = queue("spot", CapacityType="SPOT")
    spot["Networking"] |= {"AssignPublicIp": True, "AdditionalSecurityGroups": ["sg-0123456789abcdef0"]}
    everything = configuration(
        HeadNode={
            "InstanceType": "m6i.large",
            "DisableSimultaneousMultithreading": True,
            "Networking": {"SubnetId": "subnet-0aaaaaaaaaaaaaaa1", "ElasticIp": True},
            "Ssh": {"KeyName": "key", "AllowedIps": "pl-0123456789abcdef0"},
            "Iam": {"S3Access": [{"BucketName": "data", "EnableWriteAccess": True}]},
        },
        Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main"), spot]},
        SharedStorage=[storage("volume"), storage("efs", StorageType="Efs")],
        CustomS3Bucket="users-bucket",
        Monitoring={"DetailedMonitoring": True},
    )

    assert findings(rendered(everything).template) == []


def test_a_slurm_cluster_of_every_option_has_no_findings() -> None:
    scripts = {"OnNodeStart": {"Script": "s3://mine/a.sh"}, "OnNodeConfigured": {"Script": "https://example.com/b.sh"}}
    near = slurm_resource(
        "near",
        Efa={"Enabled": True},
        SpotPrice=0.05,
        DisableSimultaneousMultithreading=True,
        SchedulableMemory=1000,
        Networking={"PlacementGroup": {"Enabled": True}},
        CustomSlurmSettings={"Weight": 2},
        Tags=[{"Key": "project", "Value": "genomes"}],
    )
    root = {"VolumeType": "gp3", "Size": 50, "Iops": 4000, "Throughput": 200}
    spot = slurm_queue(
        "spot",
        near,
        CapacityType="SPOT",
        CustomActions=scripts,
        ComputeSettings={"LocalStorage": {"RootVolume": root, "EphemeralVolume": {"MountDir": "/fast"}}},
        Iam={"S3Access": [{"BucketName": "data"}], "AdditionalIamPolicies": []},
        JobExclusiveAllocation=True,
    )
    public = slurm_queue("public", slurm_resource("work", MinCount=2))
    public["Networking"] |= {"AssignPublicIp": True, "AdditionalSecurityGroups": ["sg-0123456789abcdef0"]}
    own = slurm_queue("own", Iam={"InstanceRole": "arn:aws:iam::111111111111:role/mine"})
    own["Networking"] |= {"SecurityGroups": ["sg-0123456789abcdef0"], "PlacementGroup": {"Name": "mine"}}
    everything = slurm_configuration(
        spot,
        public,
        own,
        HeadNode={
            "InstanceType": "m6i.large",
            "Networking": {"SubnetId": "subnet-0aaaaaaaaaaaaaaa1", "ElasticIp": True},
            "CustomActions": scripts | {"OnNodeUpdated": {"Script": "s3://mine/c.sh"}},
        },
        SharedStorage=[storage("volume"), storage("efs", StorageType="Efs")],
        Monitoring={"DetailedMonitoring": True},
    )

    assert findings(rendered(everything).template) == []


def test_a_slurm_cluster_of_no_option_has_no_findings() -> None:
    silent = {"Logs": {"CloudWatch": {"Enabled": False}}, "Alarms": {"Enabled": False}}
    nothing = slurm_configuration(
        Monitoring=silent | {"Dashboards": {"CloudWatch": {"Enabled": False}}}, SharedStorage=[]
    )

    assert findings(rendered(nothing).template) == []
