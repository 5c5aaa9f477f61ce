"""Do Slurm's files say what the fleet is, and nothing that would end a running slurmctld or a job?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from shoal_node.fleet import ComputeResource, Fleet, Partition
from shoal_node.slurm.configuration import (
    Place,
    address_pattern,
    beside_partitions,
    cgroup_conf,
    gres_conf,
    node_conf,
    slurm_conf,
)

PLACE = Place("head", "10.0.0.10", ranges=("10.0.16.0/20", "192.168.7.0/24"))
RESOURCE = ComputeResource("main", "small", "shoal-c_main-small", cpus=2, memory=3800, max_count=4)
FLEET = Fleet(
    "gen-omics", "eu-west-1", "queue", "nodes", (RESOURCE,), queues=(Partition("main", is_default=True),), version="1"
)


def settings(text: str) -> dict[str, str]:
    """The parameters of a `slurm.conf` that stand on a line of their own."""
    pairs = [line.partition("=") for line in beside_partitions(text) if not line.startswith("#")]
    assert len({name.lower() for name, _, _ in pairs}) == len(pairs), "a parameter is written twice"
    return {name: value for name, _, value in pairs}


def test_the_head_node_is_named_with_its_address_so_that_nothing_has_to_be_looked_up() -> None:
    assert settings(slurm_conf(FLEET, PLACE))["SlurmctldHost"] == "head(10.0.0.10)"


def test_no_node_stands_in_the_file() -> None:
    assert "NodeName" not in slurm_conf(FLEET, PLACE)


def test_a_queue_is_a_partition_of_the_nodes_with_its_feature() -> None:
    lines = slurm_conf(FLEET, PLACE).splitlines()
    assert lines[-2:] == [
        "NodeSet=main Feature=main",
        "PartitionName=main Nodes=main Default=YES State=UP MaxTime=INFINITE",
    ]


def test_a_queue_whose_jobs_have_nodes_for_themselves_says_so_and_has_the_users_settings() -> None:
    queue = Partition("big", is_exclusive=True, custom_settings=("maxtime=60", "PriorityTier=10"))
    line = slurm_conf(replace(FLEET, queues=(queue,)), PLACE).splitlines()[-1]
    assert line == "PartitionName=big Nodes=big Default=NO State=UP OverSubscribe=EXCLUSIVE maxtime=60 PriorityTier=10"


def test_a_removed_queue_stays_for_the_jobs_it_has_and_takes_no_new_ones() -> None:
    assert slurm_conf(FLEET, PLACE, retired=("old", "main")).splitlines()[-2:] == [
        "NodeSet=old Feature=old",
        "PartitionName=old Nodes=old State=DRAIN",
    ]


def test_a_setting_of_the_user_replaces_ours_whatever_its_capitals() -> None:
    told = settings(
        slurm_conf(replace(FLEET, custom_settings=("slurmdtimeout=60", "PriorityType=priority/basic")), PLACE)
    )
    assert told["slurmdtimeout"] == "60"
    assert "SlurmdTimeout" not in told
    assert told["PriorityType"] == "priority/basic"


@pytest.mark.parametrize(("consumable", "kind"), [(True, "CR_CPU_Memory"), (False, "CR_CPU")])
def test_memory_is_given_to_jobs_where_that_is_configured(consumable: bool, kind: str) -> None:
    text = slurm_conf(replace(FLEET, memory_is_consumable=consumable), PLACE)
    assert settings(text)["SelectTypeParameters"] == kind


def test_jobs_are_kept_in_cgroups_where_there_are_any() -> None:
    assert settings(slurm_conf(FLEET, PLACE))["ProctrackType"] == "proctrack/cgroup"
    assert "ConstrainRAMSpace=yes" in cgroup_conf(PLACE)


def test_without_cgroups_there_is_a_cgroup_conf_all_the_same() -> None:
    place = replace(PLACE, has_cgroups=False, cgroup_plugin="cgroup/v1")
    assert settings(slurm_conf(FLEET, place))["ProctrackType"] == "proctrack/linuxproc"
    assert cgroup_conf(place) == "CgroupPlugin=cgroup/v1\n"


def test_another_queue_changes_nothing_beside_the_partitions() -> None:
    more = replace(FLEET, queues=(*FLEET.queues, Partition("more")))
    assert beside_partitions(slurm_conf(more, PLACE)) == beside_partitions(slurm_conf(FLEET, PLACE))


def test_gpus_are_told_by_the_names_that_the_nodes_of_their_compute_resource_can_have() -> None:
    fleet = replace(
        FLEET, resources=(RESOURCE, replace(RESOURCE, name="gpu", gpus=4), replace(RESOURCE, name="one", gpus=1))
    )
    assert gres_conf(fleet, PLACE).splitlines() == [
        "NodeName=main-gpu-10-0-[16-31]-[0-255] Name=gpu File=/var/lib/shoal/gpus/gpu[0-3]",
        "NodeName=main-gpu-192-168-7-[0-255] Name=gpu File=/var/lib/shoal/gpus/gpu[0-3]",
        "NodeName=main-one-10-0-[16-31]-[0-255] Name=gpu File=/var/lib/shoal/gpus/gpu0",
        "NodeName=main-one-192-168-7-[0-255] Name=gpu File=/var/lib/shoal/gpus/gpu0",
    ]


def test_a_fleet_without_gpus_names_none() -> None:
    assert gres_conf(FLEET, PLACE) == ""


@pytest.mark.parametrize(
    ("addresses", "pattern"),
    [("10.0.0.0/8", "10-[0-255]-[0-255]-[0-255]"), ("10.1.2.3/32", "10-1-2-3"), ("10.1.2.64/26", "10-1-2-[64-127]")],
)
def test_a_range_of_addresses_is_written_by_its_octets(addresses: str, pattern: str) -> None:
    assert address_pattern(addresses) == pattern


def test_a_node_says_what_it_gives_to_jobs() -> None:
    resource = replace(RESOURCE, custom_settings=("Weight=10",))
    assert node_conf(resource, gpus=4, memory=4000) == "Feature=main,small RealMemory=3800 Gres=gpu:4 Weight=10"


def test_a_node_never_says_that_it_has_more_memory_than_it_has() -> None:
    assert node_conf(RESOURCE, gpus=0, memory=3700) == "Feature=main,small RealMemory=3700"
