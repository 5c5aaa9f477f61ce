"""What the job definitions give to jobs, and what the role of the jobs may do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shoal.cluster.blueprint import blueprint
from shoal.cluster.bucket import BUCKET
from shoal.cluster.configuration import load
from shoal.cluster.jobs import JOB_ROLE
from shoal.cluster.network import COMPUTE_GROUP
from tests.support.clusters import configuration, queue, site_for

ROOT = {"Ref": "ArtifactS3RootDirectory"}
OBJECTS = ["arn:aws:s3:::", {"Ref": "ResourcesS3Bucket"}, "/", ROOT]


def resources(**sections: Any) -> dict[str, Any]:
    cluster = load(configuration(**sections))
    resources: dict[str, Any] = blueprint(cluster, site_for(cluster)).template["Resources"]
    return resources


def with_iam(**iam: Any) -> dict[str, Any]:
    return resources(HeadNode={**configuration()["HeadNode"], "Iam": iam})


def statements(found: dict[str, Any]) -> dict[str, Any]:
    (policy,) = found[JOB_ROLE]["Properties"]["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def containers(found: dict[str, Any]) -> list[dict[str, Any]]:
    definitions = [item["Properties"] for item in found.values() if item["Type"] == "AWS::Batch::JobDefinition"]
    single = [item["ContainerProperties"] for item in definitions if item["Type"] == "container"]
    ranges = [item["NodeProperties"]["NodeRangeProperties"] for item in definitions if item["Type"] == "multinode"]
    return single + [nodes["Container"] for (nodes,) in ranges]


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {variable["Name"]: variable["Value"] for variable in container["Environment"]}


def test_a_job_may_read_the_folder_of_the_jobs_and_write_where_nodes_meet_only() -> None:
    found = statements(resources())

    assert found.keys() == {"ReadTheJobsFiles", "ListTheJobsFiles", "MeetOtherNodes"}
    assert found["ReadTheJobsFiles"]["Action"] == ["s3:GetObject"]
    assert found["ReadTheJobsFiles"]["Resource"] == {"Fn::Join": ["", [*OBJECTS, "/*"]]}
    assert found["ListTheJobsFiles"]["Condition"] == {"StringLike": {"s3:prefix": {"Fn::Join": ["", [ROOT, "/*"]]}}}
    assert found["MeetOtherNodes"]["Action"] == ["s3:DeleteObject", "s3:PutObject"]
    assert found["MeetOtherNodes"]["Resource"] == {"Fn::Join": ["", [*OBJECTS, "/rendezvous/*"]]}


def test_jobs_may_use_the_buckets_that_the_configuration_grants() -> None:
    access = [{"BucketName": "in", "KeyName": "raw/*"}, {"BucketName": "out", "EnableWriteAccess": True}]
    found = statements(with_iam(S3Access=access))

    assert found["S3Read"]["Resource"] == ["arn:aws:s3:::in/raw/*", "arn:aws:s3:::out", "arn:aws:s3:::out/*"]
    assert found["S3Write"]["Resource"] == ["arn:aws:s3:::out/*"]


def test_managed_policies_of_the_configuration_are_the_jobs_too() -> None:
    policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"

    assert with_iam(AdditionalIamPolicies=[{"Policy": policy}])[JOB_ROLE]["Properties"]["ManagedPolicyArns"] == [policy]
    assert "ManagedPolicyArns" not in resources()[JOB_ROLE]["Properties"]


def test_a_head_node_with_a_role_of_its_own_gives_jobs_nothing_of_it() -> None:
    found = with_iam(InstanceRole="arn:aws:iam::111111111111:role/heads")[JOB_ROLE]

    assert "heads" not in json.dumps(found)


def test_every_definition_says_where_the_jobs_folder_is() -> None:
    found = containers(resources())

    assert len(found) == 2
    for container in found:
        url = variables(container)["SHOAL_JOBS_S3_URL"]
        assert url == {"Fn::Join": ["", ["s3://", {"Ref": "ResourcesS3Bucket"}, "/", ROOT]]}


@pytest.mark.parametrize("name", ["PCLUSTER_STACK_NAME", "PCLUSTER_SHARED_DIRS", "PCLUSTER_HEAD_NODE_IP"])
def test_a_script_for_parallelcluster_finds_its_variables(name: str) -> None:
    assert all(variables(container)[name] for container in containers(resources()))


def test_no_job_is_privileged_and_each_has_somebody_to_wait_for_its_orphans() -> None:
    for container in containers(resources()):
        assert container["Privileged"] is False
        assert container["LinuxParameters"]["InitProcessEnabled"] is True


def test_the_processes_of_an_mpi_job_have_memory_to_share() -> None:
    assert {container["LinuxParameters"]["SharedMemorySize"] for container in containers(resources())} == {1024}


def test_what_is_left_where_nodes_meet_goes_after_a_day() -> None:
    rules = resources()[BUCKET]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix")]

    assert rule["Prefix"] == "jobs/rendezvous/"
    assert rule["ExpirationInDays"] == 1
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_the_nodes_of_a_job_reach_each_other_on_every_port() -> None:
    found = resources(Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main")]})
    rules = [item["Properties"] for item in found.values() if item["Type"] == "AWS::EC2::SecurityGroupIngress"]
    own = {"GroupId": {"Ref": COMPUTE_GROUP}, "IpProtocol": "-1", "SourceSecurityGroupId": {"Ref": COMPUTE_GROUP}}

    assert own in rules
