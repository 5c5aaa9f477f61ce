"""Does Slurm, as a node is set up, keep jobs within bounds by cgroups of version 2?"""

from __future__ import annotations

import pytest

from tests.vm.conftest import Found

STARTS = pytest.mark.parametrize("start", ["first", "again"])
MEBIBYTES_OF_SEES = 100


@STARTS
def test_the_node_joins_with_cgroups_of_version_2_alone(found: Found, start: str) -> None:
    facts = found.at(start, "slurm")
    assert facts["cgroups"] == "cgroup2fs"
    assert "ProctrackType=proctrack/cgroup" in facts["slurm.conf"]
    assert facts["nodes"].endswith(" idle")


@STARTS
def test_a_job_is_in_a_cgroup_of_its_own_with_the_memory_and_the_cpus_it_asked_for(found: Found, start: str) -> None:
    job = found.at(start, "slurm")["sees"]
    assert job["code"] == 0, job
    group, cpus, memory = job["out"]
    assert "/job_" in group
    assert cpus == "1"
    assert int(memory) == MEBIBYTES_OF_SEES << 20


@STARTS
def test_a_job_that_keeps_within_its_memory_ends_well(found: Found, start: str) -> None:
    job = found.at(start, "slurm")["modest"]
    assert (job["code"], job["out"]) == (0, ["200"])


@STARTS
def test_a_job_that_takes_more_memory_than_it_asked_for_is_ended_and_the_node_goes_on(found: Found, start: str) -> None:
    facts = found.at(start, "slurm")
    assert facts["greedy"]["code"] != 0
    assert "Out Of Memory" in facts["greedy"]["error"]
    assert facts["after"].endswith(" idle")
