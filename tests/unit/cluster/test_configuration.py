"""Keys and values: what is accepted, and how each kind of mistake is told."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.cluster.configuration import Cluster, load
from shoal.cluster.grammar import Change
from shoal.cluster.keys import walk
from shoal.cluster.problems import ConfigurationError
from tests.support.clusters import configuration, queue
from tests.support.mistakes import changed, only_problem, problems

ROLE = "arn:aws:iam::111111111111:role/head"
PROFILE = "arn:aws:iam::111111111111:instance-profile/head"
POLICY = "arn:aws:iam::111111111111:policy/head"


def test_values_are_read_as_parallelcluster_reads_them() -> None:
    document = changed("SharedStorage.0.EbsSettings", {"Size": "50", "Encrypted": "yes", "Iops": 3000.0})
    settings = load(document).shared_storage[0].ebs_settings
    assert settings
    assert (settings.size, settings.encrypted, settings.iops) == (50, True, 3000)


@pytest.mark.parametrize(
    ("path", "right"),
    [
        ("HeadNod", "HeadNode"),
        ("headnode", "HeadNode"),
        ("HeadNode.InstanceTyp", "InstanceType"),
        ("HeadNode.Networking.SubnetID", "SubnetId"),
        ("Scheduling.AwsBatchQueue", "AwsBatchQueues"),
        ("Scheduling.AwsBatchQueues.0.ComputeResources.0.MaxVcpus", "MaxvCpus"),
        ("SharedStorage.0.EbsSetings", "EbsSettings"),
        ("Lifecycle.Protected", "Protect"),
    ],
)
def test_a_misspelled_key_names_the_nearest_right_one(path: str, right: str) -> None:
    problem = only_problem(changed(path, {}))
    assert problem.code == "UnknownKey"
    assert problem.suggestion == f"write {right}"


def test_no_suggestion_names_a_key_that_is_not_offered() -> None:
    refused = {key.path.rpartition(".")[2] for key in walk(Cluster) if key.refused}
    for path in ("HeadNode.Dcvs", "SharedStorage.0.FsxLustreSetting", "LoginNode", "DevSettings.Cookbooks"):
        assert not refused & set(only_problem(changed(path, {})).suggestion.replace(",", "").split())


def test_an_unknown_key_lists_those_that_stand_there() -> None:
    problem = only_problem(changed("Lifecycle.Budget", 5))
    assert problem.suggestion == "remove it; the keys here are Protect"


def test_all_problems_are_told_at_once() -> None:
    document = configuration(Image={"Os": "alinux2"}, Tags=[{"Key": "aws:x", "Value": 1}], Colour="red")
    document["HeadNode"]["Networking"] = {}
    document["Scheduling"]["AwsBatchQueues"][0]["ComputeResources"][0]["MaxvCpus"] = -1
    assert {(problem.path, problem.code) for problem in problems(document)} == {
        ("Image.Os", "NotOffered"),
        ("Tags[0].Key", "InvalidValue"),
        ("Tags[0].Value", "WrongType"),
        ("Colour", "UnknownKey"),
        ("HeadNode.Networking.SubnetId", "MissingKey"),
        ("Scheduling.AwsBatchQueues[0].ComputeResources[0].MaxvCpus", "OutOfRange"),
    }


def test_rules_between_keys_are_told_beside_what_is_wrong_with_the_keys() -> None:
    resource = {"Name": "same", "MinvCpus": 8, "MaxvCpus": 4}
    document = configuration(
        Scheduling={
            "Scheduler": "awsbatch",
            "AwsBatchQueues": [queue("a", resource, resource, Colour="red"), queue("a", Networking={})],
        },
        SharedStorage=[
            {"MountDir": "/data", "Name": "one", "StorageType": "Efs"},
            {"MountDir": "/data/raw", "Name": "two", "StorageType": "Efs"},
            {"MountDir": "/x", "Name": "three", "StorageType": "Ebs", "EbsSettings": {"Size": "big", "Iops": 1}},
        ],
    )
    first, second = (f"Scheduling.AwsBatchQueues[{number}]" for number in range(2))
    assert {(problem.path, problem.code) for problem in problems(document)} == {
        (f"{first}.Colour", "UnknownKey"),
        (f"{first}.ComputeResources[0].InstanceTypes", "MissingKey"),
        (f"{first}.ComputeResources[0].MaxvCpus", "OutOfRange"),
        (f"{first}.ComputeResources[1].InstanceTypes", "MissingKey"),
        (f"{first}.ComputeResources[1].MaxvCpus", "OutOfRange"),
        (f"{first}.ComputeResources[1].Name", "NotUnique"),
        (f"{second}.Name", "NotUnique"),
        (f"{second}.Networking.SubnetIds", "MissingKey"),
        ("SharedStorage[1]", "OutOfRange"),
        ("SharedStorage[1].MountDir", "NotUnique"),
        ("SharedStorage[2].EbsSettings.Size", "WrongType"),
    }


def test_the_error_is_one_line_that_names_the_key_and_what_would_be_right() -> None:
    line = r"^Image\.Os has the value alinux2, .*; write alinux2023, or debian12$"
    with pytest.raises(ConfigurationError, match=line):
        load(configuration(Image={"Os": "alinux2"}))


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("HeadNode", None, "WrongType"),
        ("HeadNode", "t3.micro", "WrongType"),
        ("HeadNode.InstanceType", 3, "WrongType"),
        ("HeadNode.Ssh.AllowedIps", "300.0.0.0/8", "InvalidValue"),
        ("HeadNode.Networking.SubnetId", "subnet-1", "InvalidValue"),
        ("HeadNode.Networking.ElasticIp", "mine", "InvalidValue"),
        ("HeadNode.Imds.Secured", True, "Conflict"),
        ("Monitoring.Logs.CloudWatch.RetentionInDays", 15, "InvalidValue"),
        ("Scheduling.AwsBatchQueues", [], "OutOfRange"),
        ("Scheduling.AwsBatchQueues.0.Networking.SubnetIds", [], "OutOfRange"),
        ("Scheduling.Scheduler", "sge", "InvalidValue"),
        ("Scheduling.ScalingStrategy", "all-or-nothing", "NotOffered"),
        ("HeadNode.CustomActions.OnNodeStart.Script", "file:///setup.sh", "InvalidValue"),
        ("HeadNode.CustomActions.OnNodeUpdated.Script", "s3://bucket", "InvalidValue"),
        ("SharedStorage.0.StorageType", "Nfs", "InvalidValue"),
        ("SharedStorage.0.StorageType", "FsxLustre", "NotOffered"),
        ("SharedStorage.0.MountDir", "/etc", "InvalidValue"),
        ("SharedStorage.0.MountDir", "../x", "InvalidValue"),
        ("SharedStorage.0.EbsSettings.Size", 0, "OutOfRange"),
        ("SharedStorage.0.EbsSettings.Iops", 2999, "OutOfRange"),
        ("SharedStorage.0.EbsSettings.Throughput", 124, "OutOfRange"),
        ("SharedStorage.0.EbsSettings.Throughput", 1000, "Conflict"),
        ("SharedStorage.0.EbsSettings.Raid.Type", 5, "OutOfRange"),
        ("CustomS3Bucket", "*", "InvalidValue"),
        ("ContainerImage.Uri", "https://example.org/image", "InvalidValue"),
    ],
)
def test_a_wrong_value_is_refused_at_its_key(path: str, value: Any, code: str) -> None:
    (problem,) = (problem for problem in problems(changed(path, value)) if problem.code != "MissingKey")
    assert (problem.path, problem.code) == (path.replace(".0", "[0]"), code)
    assert problem.message.startswith(problem.path)
    assert problem.suggestion


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"EbsSettings": {"Size": 4, "Iops": 3000}}, "EbsSettings.Iops"),
        ({"EbsSettings": {"VolumeType": "gp2", "Iops": 3000}}, "EbsSettings.Iops"),
        ({"EbsSettings": {"KmsKeyId": "alias/a", "Encrypted": False}}, "EbsSettings.KmsKeyId"),
        ({"EfsSettings": {"Encrypted": True}}, "EfsSettings"),
    ],
)
def test_keys_that_are_wrong_together_are_refused(settings: dict[str, Any], key: str) -> None:
    storage = {"MountDir": "/data", "Name": "data", "StorageType": "Ebs"} | settings
    problem = only_problem(configuration(SharedStorage=[storage]))
    assert (problem.path, problem.code) == (f"SharedStorage[0].{key}", "Conflict")


@pytest.mark.parametrize(
    ("vcpus", "key"),
    [
        ({"MinvCpus": -1}, "MinvCpus"),
        ({"MaxvCpus": 0}, "MaxvCpus"),
        ({"MinvCpus": 8, "MaxvCpus": 4}, "MaxvCpus"),
        ({"MinvCpus": 4, "DesiredvCpus": 2}, "DesiredvCpus"),
        ({"MaxvCpus": 4, "DesiredvCpus": 6}, "DesiredvCpus"),
    ],
)
def test_a_negative_or_reversed_range_of_vcpus_is_refused(vcpus: dict[str, int], key: str) -> None:
    document = configuration()
    document["Scheduling"]["AwsBatchQueues"][0]["ComputeResources"][0] |= vcpus
    problem = only_problem(document)
    assert problem.path == f"Scheduling.AwsBatchQueues[0].ComputeResources[0].{key}"
    assert problem.code == "OutOfRange"


@pytest.mark.parametrize(("count", "path"), [(0, "ComputeResources"), (4, "ComputeResources")])
def test_a_queue_has_one_to_three_compute_resources(count: int, path: str) -> None:
    resources = [{"Name": f"r{n}", "InstanceTypes": ["optimal"]} for n in range(count)]
    document = configuration()
    document["Scheduling"]["AwsBatchQueues"][0]["ComputeResources"] = resources
    assert only_problem(document).path == f"Scheduling.AwsBatchQueues[0].{path}"


def test_two_queues_of_one_name_are_refused() -> None:
    document = configuration(Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue("a"), queue("a")]})
    problem = only_problem(document)
    assert (problem.path, problem.code) == ("Scheduling.AwsBatchQueues[1].Name", "NotUnique")


def test_eleven_queues_are_refused() -> None:
    queues = [queue(f"q{n}") for n in range(11)]
    document = configuration(Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": queues})
    assert only_problem(document).path == "Scheduling.AwsBatchQueues"


def test_storages_that_hide_or_repeat_each_other_are_refused() -> None:
    efs = {"StorageType": "Efs", "EfsSettings": {"FileSystemId": "fs-0123456789abcdef0"}}
    document = configuration(
        SharedStorage=[
            {"MountDir": "/data", "Name": "a", **efs},
            {"MountDir": "data/raw", "Name": "a", **efs},
        ]
    )
    assert {problem.path for problem in problems(document)} == {
        "SharedStorage[1].Name",
        "SharedStorage[1].MountDir",
        "SharedStorage[1].EfsSettings.FileSystemId",
    }


def test_storage_over_the_scratch_directory_is_refused() -> None:
    assert only_problem(changed("SharedStorage.0.MountDir", "/scratch/a")).path == "SharedStorage"


def test_more_storages_than_a_head_node_takes_are_refused() -> None:
    storages = [{"MountDir": f"/d{n}", "Name": f"d{n}", "StorageType": "Efs"} for n in range(2)]
    assert "more than 1 new EFS" in only_problem(configuration(SharedStorage=storages)).message


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"InstanceRole": ROLE, "InstanceProfile": PROFILE}, "InstanceProfile"),
        ({"InstanceRole": ROLE, "S3Access": [{"BucketName": "b"}]}, "S3Access"),
        ({"InstanceProfile": PROFILE, "S3Access": [{"BucketName": "b"}]}, "S3Access"),
        ({"InstanceRole": ROLE, "AdditionalIamPolicies": [{"Policy": POLICY}]}, "AdditionalIamPolicies"),
    ],
)
def test_a_role_of_the_users_excludes_what_shapes_shoals_own(keys: dict[str, Any], place: str) -> None:
    assert only_problem(changed("HeadNode.Iam", keys)).path == f"HeadNode.Iam.{place}"


def test_a_tag_stands_once() -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert only_problem(configuration(Tags=tags)).code == "NotUnique"


def test_forty_one_tags_are_refused() -> None:
    assert only_problem(configuration(Tags=[{"Key": f"k{n}", "Value": ""} for n in range(41)])).path == "Tags"


LISTS_WITHOUT_IDENTITY = ("Iam.S3Access", ".Sequence", "ComputeResources[].Instances")
REFUSED = [key for key in walk(Cluster) if key.refused]


@pytest.mark.parametrize("key", REFUSED, ids=[key.path for key in REFUSED])
@pytest.mark.parametrize("value", [{}, "x", {"Inner": {"Key": [1]}}])
def test_a_key_that_is_not_offered_is_refused_with_reason_and_what_to_write_instead(key: Any, value: Any) -> None:
    document = changed(key.path.replace("[]", ".0"), value)
    (problem,) = (problem for problem in problems(document) if problem.path == key.path.replace("[]", "[0]"))
    assert problem.code == "NotOffered"
    assert key.refused.reason in problem.message
    assert problem.suggestion == key.refused.instead


def test_every_key_says_what_it_is_and_what_changing_it_does() -> None:
    for key in walk(Cluster):
        assert key.docstring, key.path
        if key.type == "section":
            assert key.change is None, key.path
        elif not key.refused:
            assert isinstance(key.change, Change), key.path
        if key.type == "list of sections" and not key.path.endswith(LISTS_WITHOUT_IDENTITY):
            assert key.identity, key.path


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(configuration()).image = None  # type: ignore[misc,assignment]
