"""Configurations of Slurm clusters: what is accepted, how each kind of mistake is told, and what a kind refuses."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shoal.cluster.changes import key_changes
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.custom_settings import CLUSTER_SETTINGS, NODE_SETTINGS, QUEUE_SETTINGS
from shoal.cluster.keys import walk
from shoal.cluster.slurm_queues import MOST_NODES
from shoal.cluster.slurm_settings import NEVER
from tests.support.clusters import configuration, queue
from tests.support.mistakes import changed, only_problem, problems
from tests.support.slurm_clusters import slurm_configuration, slurm_queue, slurm_resource

FIRST = "Scheduling.SlurmQueues.0"
RESOURCE = f"{FIRST}.ComputeResources.0"
ACTION = {"Script": "s3://mine/setup.sh", "Args": ["a b", "c"]}


def cluster(path: str, value: Any) -> Cluster:
    return load(changed(path, value))


def told(path: str) -> str:
    return path.replace(".0", "[0]").replace(".1", "[1]")


def test_a_small_slurm_configuration_is_enough() -> None:
    found = load(slurm_configuration())
    (only,) = found.scheduling.queues
    assert (found.kind, only.name, only.compute_resources[0].name) == ("slurm", "main", "work")


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (slurm_configuration(ContainerImage={"Uri": "debian:12"}), "ContainerImage"),
        (slurm_configuration(CustomS3Bucket="mine"), "CustomS3Bucket"),
        (slurm_configuration() | {"Scheduling": {"Scheduler": "slurm", "SlurmQueues": [slurm_queue("a")],
                                                 "AwsBatchSettings": {}}}, "Scheduling.AwsBatchSettings"),
        (configuration(DevSettings={"Timeouts": {"ComputeNodeBootstrapTimeout": 9}}),
         "DevSettings.Timeouts.ComputeNodeBootstrapTimeout"),
        (changed("Scheduling.AwsBatchSettings", {})
         | {"HeadNode": configuration()["HeadNode"] | {"CustomActions": {"OnNodeUpdated": ACTION}}},
         "HeadNode.CustomActions.OnNodeUpdated"),
        (configuration(Image={"Os": "rhel9"}), "Image.Os"),
    ],
)  # fmt: skip
def test_a_key_of_the_other_kind_of_cluster_is_refused_by_name(document: dict[str, Any], path: str) -> None:
    problem = only_problem(document)
    assert (problem.path, problem.code) == (path, "NotOffered")
    assert problem.suggestion


@pytest.mark.parametrize(
    ("scheduler", "given", "wanted"),
    [("slurm", {"AwsBatchQueues": [queue("a")]}, "SlurmQueues"),
     ("awsbatch", {"SlurmQueues": [slurm_queue("a")]}, "AwsBatchQueues")],
)  # fmt: skip
def test_the_queues_of_the_other_kind_are_refused_and_its_own_asked_for(
    scheduler: str, given: dict[str, Any], wanted: str
) -> None:
    document = configuration(Scheduling={"Scheduler": scheduler} | given)
    assert {(problem.path, problem.code) for problem in problems(document)} == {
        (f"Scheduling.{next(iter(given))}", "NotOffered"),
        (f"Scheduling.{wanted}", "MissingKey"),
    }


def test_what_a_kind_lacks_is_told_beside_what_is_wrong_with_the_queues() -> None:
    document = slurm_configuration(slurm_queue("A"), CustomS3Bucket="mine", Image={"Os": "rocky9"})
    assert {problem.path for problem in problems(document)} == {
        "Scheduling.SlurmQueues[0].Name", "CustomS3Bucket", "Image.Os"
    }  # fmt: skip


def test_only_root_reads_the_metadata_of_a_slurm_head_node_unless_it_is_said() -> None:
    said = slurm_configuration()
    said["HeadNode"] = said["HeadNode"] | {"Imds": {"Secured": False}}
    assert load(slurm_configuration()).secured_metadata
    assert not load(said).secured_metadata
    assert not load(configuration()).secured_metadata


def test_writing_the_default_of_the_kind_changes_nothing() -> None:
    said = slurm_configuration()
    said["HeadNode"] = said["HeadNode"] | {"Imds": {"Secured": True}}
    assert not key_changes(load(slurm_configuration()), load(said))


@pytest.mark.parametrize("system", ["alinux2023", "rhel9", "rocky9"])
def test_a_system_without_slurm_needs_an_ami_that_brings_it(system: str) -> None:
    assert only_problem(slurm_configuration(Image={"Os": system})).path == "Image.Os"
    own = {"CustomAmi": "ami-0123456789abcdef0"}
    assert load(slurm_configuration(Image={"Os": system} | own)).image.os == system
    each = slurm_configuration(slurm_queue("main", Image=own), Image={"Os": system})
    each["HeadNode"] = each["HeadNode"] | {"Image": own}
    assert load(each).image.os == system


@pytest.mark.parametrize("system", ["ubuntu2204", "alinux2", "rhel8", "rocky8"])
def test_a_system_that_cannot_serve_is_refused_with_the_reason_whatever_the_ami(system: str) -> None:
    problem = only_problem(slurm_configuration(Image={"Os": system, "CustomAmi": "ami-0123456789abcdef0"}))
    assert (problem.path, problem.code) == ("Image.Os", "NotOffered")


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("Scheduling.SlurmQueues", [], "OutOfRange"),
        ("Scheduling.SlurmSettings.ScaledownIdletime", -2, "OutOfRange"),
        ("Scheduling.SlurmSettings.Dns.DisableManagedDns", False, "NotOffered"),
        (f"{FIRST}.Name", "Big", "InvalidValue"),
        (f"{FIRST}.Name", "default", "InvalidValue"),
        (f"{FIRST}.Name", "q" * 26, "InvalidValue"),
        (f"{FIRST}.CapacityType", "CAPACITY_BLOCK", "NotOffered"),
        (f"{FIRST}.ComputeResources", [], "OutOfRange"),
        (f"{FIRST}.Networking.SubnetIds", [], "OutOfRange"),
        (f"{FIRST}.Networking.PlacementGroup", {"Name": "a", "Id": "a"}, "Conflict"),
        (f"{FIRST}.Networking.PlacementGroup", {"Name": "a", "Enabled": False}, "Conflict"),
        (f"{FIRST}.ComputeSettings.LocalStorage.RootVolume", {"VolumeType": "gp2", "Iops": 3000}, "Conflict"),
        (f"{FIRST}.CustomSlurmSettings", {"OverSubscribe": "YES"}, "NotOffered"),
        (f"{FIRST}.CustomSlurmSettings", {"MaxTime": "1 Nodes=ALL"}, "InvalidValue"),
        (f"{FIRST}.CustomSlurmSettings", {"MaxTime": True}, "WrongType"),
        (f"{FIRST}.CustomSlurmSettings", {"Max Time": "1"}, "InvalidValue"),
        (f"{FIRST}.CustomSlurmSettings", {"MaxTime": "1", "maxtime": "2"}, "NotUnique"),
        (f"{FIRST}.CustomActions.OnNodeStart", {"Script": "s3://a"}, "InvalidValue"),
        (f"{FIRST}.CustomActions.OnNodeStart", {}, "MissingKey"),
        (f"{FIRST}.CustomActions.OnNodeStart", {**ACTION, "Sequence": [ACTION]}, "Conflict"),
        (f"{FIRST}.CustomActions.OnNodeStart", {"Sequence": [ACTION], "Args": ["a"]}, "Conflict"),
        (f"{FIRST}.CustomActions.OnNodeStart", {**ACTION, "Args": ["a" * 2048]}, "OutOfRange"),
        (f"{RESOURCE}.MinCount", 11, "OutOfRange"),
        (f"{RESOURCE}.MaxCount", 0, "OutOfRange"),
        (f"{RESOURCE}.SpotPrice", 1.5, "Conflict"),
        (f"{RESOURCE}.SpotPrice", "much", "WrongType"),
        (f"{RESOURCE}.Instances", [{"InstanceType": "c6i.large"}], "Conflict"),
        (f"{RESOURCE}.CustomSlurmSettings", {"RealMemory": 1000}, "NotOffered"),
        (f"{RESOURCE}.Tags", [{"Key": "aws:a", "Value": "b"}], "InvalidValue"),
        ("Scheduling.SlurmSettings.CustomSlurmSettings", [{"SelectTypeParameters": "CR_Core"}], "NotOffered"),
        ("Scheduling.SlurmSettings.CustomSlurmSettings", [{"A": "1"}, {"a": "2"}], "NotUnique"),
    ],
)
def test_a_wrong_value_is_refused_at_its_key(path: str, value: Any, code: str) -> None:
    problem = only_problem(changed(path, value))
    assert problem.code == code
    assert problem.path.startswith(told(path).removesuffix(".MinCount"))
    assert problem.message.startswith(problem.path)
    assert problem.suggestion


def test_one_instance_may_be_written_as_a_list() -> None:
    listed = {"Name": "work", "Instances": [{"InstanceType": "c6i.large"}]}
    found = load(slurm_configuration(slurm_queue("main", listed)))
    assert found.scheduling.slurm_queues[0].compute_resources[0].instance_type == "c6i.large"


@pytest.mark.parametrize("several", [[], [{"InstanceType": "c6i.large"}, {"InstanceType": "c7i.large"}]])
def test_several_instance_types_are_refused(several: list[Any]) -> None:
    document = slurm_configuration(slurm_queue("main", {"Name": "work", "Instances": several}))
    (problem,) = problems(document)
    assert problem.path == f"{told(RESOURCE)}.Instances"


def test_a_compute_resource_without_an_instance_type_is_told() -> None:
    problem = only_problem(slurm_configuration(slurm_queue("main", {"Name": "work"})))
    assert (problem.path, problem.code) == (f"{told(RESOURCE)}.InstanceType", "MissingKey")


@pytest.mark.parametrize(
    "queues",
    [
        (slurm_queue("a"), slurm_queue("a")),
        (slurm_queue("a", slurm_resource("b"), slurm_resource("b")),),
        (slurm_queue("a-b", slurm_resource("c")), slurm_queue("a", slurm_resource("b-c"))),
        (slurm_queue("cpu"), slurm_queue("gpu", slurm_resource("cpu"))),
    ],
    ids=["queues", "compute resources", "names of nodes", "a compute resource like another queue"],
)
def test_names_that_slurm_could_not_tell_apart_are_refused(queues: tuple[dict[str, Any], ...]) -> None:
    problem = only_problem(slurm_configuration(*queues))
    assert problem.code == "NotUnique"
    assert problem.path.endswith(".Name")


def test_a_compute_resource_may_be_called_like_its_own_queue() -> None:
    assert load(slurm_configuration(slurm_queue("cpu", slurm_resource("cpu"))))


def test_names_that_make_the_name_of_a_node_too_long_are_refused() -> None:
    fits = slurm_configuration(slurm_queue("q" * 25, slurm_resource("r" * 21)))
    assert load(fits)
    longer = slurm_configuration(slurm_queue("q" * 25, slurm_resource("r" * 22)))
    problem = only_problem(longer)
    assert (problem.code, problem.suggestion) == ("OutOfRange", "write at most 21 characters")


@pytest.mark.parametrize(("queues", "resources"), [(51, 1), (2, 26)])
def test_fifty_queues_and_fifty_compute_resources_are_the_most(queues: int, resources: int) -> None:
    listed = [slurm_resource(f"r{number}", MaxCount=1) for number in range(resources)]
    document = slurm_configuration(*(slurm_queue(f"q{number}", *listed) for number in range(queues)))
    problem = only_problem(document)
    assert (problem.path, problem.code) == ("Scheduling.SlurmQueues", "OutOfRange")


def test_more_nodes_than_slurm_has_placeholders_for_are_refused() -> None:
    halves = [slurm_resource(name, MaxCount=MOST_NODES // 2) for name in "ab"]
    assert load(slurm_configuration(slurm_queue("main", *halves)))
    more = slurm_queue("main", *halves, slurm_resource("c", MaxCount=1))
    assert only_problem(slurm_configuration(more)).code == "OutOfRange"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("Scheduling.SlurmSettings.CustomSlurmSettings", CLUSTER_SETTINGS),
        (f"{FIRST}.CustomSlurmSettings", QUEUE_SETTINGS),
        (f"{RESOURCE}.CustomSlurmSettings", NODE_SETTINGS),
    ],
)
def test_every_setting_that_shoal_manages_is_refused_by_name(path: str, names: frozenset[str]) -> None:
    settings = dict.fromkeys(names, "1")
    found = problems(changed(path, [settings] if "SlurmSettings.Custom" in path else settings))
    assert {problem.path.rpartition(".")[2] for problem in found} == names
    assert {problem.code for problem in found} == {"NotOffered"}


def test_a_number_may_be_the_value_of_a_setting() -> None:
    found = cluster(f"{RESOURCE}.CustomSlurmSettings", {"Weight": 10})
    assert found.scheduling.slurm_queues[0].compute_resources[0].custom_slurm_settings == {"Weight": "10"}


@pytest.mark.parametrize(("minutes", "seconds"), [(10, 600), (0, 0), (-1, NEVER)])
def test_the_idle_time_is_in_minutes_and_minus_one_means_never(minutes: int, seconds: int) -> None:
    found = cluster("Scheduling.SlurmSettings.ScaledownIdletime", minutes)
    assert found.scheduling.slurm_settings.idle_seconds == seconds


def test_the_placement_group_of_a_compute_resource_goes_before_the_queues() -> None:
    own = slurm_resource("own", Networking={"PlacementGroup": {"Enabled": False}})
    networking = {"SubnetIds": ["subnet-0bbbbbbbbbbbbbbb1"], "PlacementGroup": {"Name": "mine"}}
    document = slurm_configuration(slurm_queue("main", own, slurm_resource("b"), Networking=networking))
    (found,) = load(document).scheduling.slurm_queues
    groups = [found.placement_group(resource) for resource in found.compute_resources]
    assert [(group.wanted, group.existing) for group in groups] == [(False, None), (True, "mine")]


def test_the_scripts_of_an_action_keep_their_order() -> None:
    sequence = {"Sequence": [ACTION, {"Script": "https://example.com/b"}]}
    action = cluster(f"{FIRST}.CustomActions.OnNodeStart", sequence).scheduling.slurm_queues[0].custom_actions
    assert action.on_node_start
    assert action.on_node_start.scripts == (("s3://mine/setup.sh", ("a b", "c")), ("https://example.com/b", ()))


def test_a_price_goes_with_spot() -> None:
    spot = slurm_queue("main", slurm_resource("a", SpotPrice=0.25), CapacityType="SPOT")
    assert load(slurm_configuration(spot)).scheduling.slurm_queues[0].compute_resources[0].spot_price == 0.25
    free = copy.deepcopy(spot)
    free["ComputeResources"][0]["SpotPrice"] = 0
    assert only_problem(slurm_configuration(free)).code == "OutOfRange"


def many(prefix: str, number: int) -> list[dict[str, str]]:
    return [{"Key": f"{prefix}{index}", "Value": ""} for index in range(number)]


def test_the_tags_of_cluster_queue_and_compute_resource_are_counted_together() -> None:
    queues = slurm_queue("main", slurm_resource("a", Tags=many("a", 10)), Tags=many("b", 10))
    assert load(slurm_configuration(queues, Tags=many("c", 20)))
    problem = only_problem(slurm_configuration(queues, Tags=many("c", 21)))
    assert (problem.path, problem.code) == (f"{told(RESOURCE)}.Tags", "OutOfRange")


def test_a_tag_that_replaces_another_counts_once() -> None:
    queues = slurm_queue("main", slurm_resource("a", Tags=many("a", 40)), Tags=many("a", 40))
    assert load(slurm_configuration(queues, Tags=many("a", 40)))


def test_storage_over_the_scratch_directory_of_nodes_is_refused() -> None:
    local = {"LocalStorage": {"EphemeralVolume": {"MountDir": "/shared/fast"}}}
    problem = only_problem(slurm_configuration(slurm_queue("main", ComputeSettings=local)))
    assert problem.path == "SharedStorage"
    assert "Scheduling.SlurmQueues[0].ComputeSettings.LocalStorage.EphemeralVolume" in problem.message


def test_each_kind_has_keys_of_its_own() -> None:
    assert {key.only.kind for key in walk(Cluster) if key.only} == {"awsbatch", "slurm"}
