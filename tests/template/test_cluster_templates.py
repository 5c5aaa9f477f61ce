"""The rendered template of every example, and of the largest configuration, by cfn-lint and the house's own rules."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.api import ManualArgs, lint

from shoal.cluster.blueprint import Blueprint, blueprint
from shoal.cluster.configuration import load
from tests.support.clusters import EXAMPLES, configuration, largest_configuration, queue, site_for, storage

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


def test_the_template_of_the_largest_configuration_has_no_findings() -> None:
    assert findings(rendered(largest_configuration()).template) == []


def test_the_template_of_the_largest_configuration_is_within_the_limits_of_cloudformation() -> None:
    result = rendered(largest_configuration())

    assert len(result.body()) < LARGEST_TEMPLATE
    assert len(result.template["Resources"]) < MOST_RESOURCES


def test_there_are_at_least_four_examples_and_each_names_the_batch_scheduler() -> None:
    schedulers = [yaml.safe_load(path.read_text())["Scheduling"]["Scheduler"] for path in EXAMPLES.glob("*.yaml")]

    assert len(schedulers) >= 4
    assert set(schedulers) == {"awsbatch"}


def broken(kind: str, **changes: Any) -> dict[str, Any]:
    """A good template in which the properties of the first resource of a type are changed; None removes one."""
    template = json.loads(rendered(configuration()).body())
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
