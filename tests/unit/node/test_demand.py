"""How many nodes do the waiting jobs need?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_node.demand import SOON, Supply, demand, nodes_help
from shoal_node.fleet import ComputeResource, Fleet, queues
from shoal_node.jobs import PendingJob, features_match
from shoal_node.reasons import REASONS, Verdict, row_for

NOW = 1_764_000_000.0
NODES_REQUIRED = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions"
EVERY_REASON = [
    ("Resources", True),
    ("Priority", True),
    ("None", True),
    (NODES_REQUIRED, True),
    ("ReqNodeNotAvail, May be reserved for other job", True),
    ("ReqNodeNotAvail, UnavailableNodes:main-small-10-0-0-1", True),
    ("ReqNodeNotAvail", True),
    ("NodeDown", True),
    ("NodeDownOnBegin", True),
    ("BeginTime", False),
    ("PartitionConfig", False),
    ("PartitionNodeLimit", False),
    ("PartitionTimeLimit", False),
    ("PartitionDown", False),
    ("PartitionInactive", False),
    ("Dependency", False),
    ("DependencyNeverSatisfied", False),
    ("JobHeldUser", False),
    ("JobHeldAdmin", False),
    ("BadConstraints", False),
    ("launch_failed_requeued_held", False),
    ("JobArrayTaskLimit", False),
    ("Licenses", False),
    ("AssocGrpCpuLimit", False),
    ("QOSMaxJobsPerUserLimit", False),
    ("Reservation", False),
    ("Cleaning", False),
    ("SomethingOfALaterSlurm", False),
]


def resource(name: str = "small", **fields: Any) -> ComputeResource:
    values: dict[str, Any] = {"cpus": 4, "memory": 8000, "max_count": 10, **fields}
    return ComputeResource(queue=values.pop("queue", "main"), name=name, group=f"shoal-c-{name}", **values)


def supply(name: str = "small", desired: int = 0, spare: int = 0, refused: str | None = None, **fields: Any) -> Supply:
    return Supply(resource(name, **fields), desired, spare, refused)


def job(job_id: str = "1", **fields: Any) -> PendingJob:
    return PendingJob(**{"job_id": job_id, "queues": ("main",), "reason": "Resources", **fields})


def wanted(jobs: list[PendingJob], *supplies: Supply) -> dict[str, int]:
    return {
        group.removeprefix("shoal-c-"): count
        for group, count in demand(jobs, supplies or [supply()], NOW).wanted.items()
    }


@pytest.mark.parametrize(("reason", "helps"), EVERY_REASON)
def test_nodes_are_started_for_reasons_that_nodes_end(reason: str, helps: bool) -> None:
    assert wanted([job(reason=reason)]) == ({"small": 1} if helps else {})


def test_every_row_of_the_table_is_the_one_that_some_reason_finds() -> None:
    assert {row_for(reason) for reason, _ in EVERY_REASON} >= set(REASONS)


@pytest.mark.parametrize(
    ("fields", "helps"),
    [
        ({}, False),
        ({"restarts": 1}, True),
        ({"begins": NOW + SOON - 1}, True),
        ({"begins": NOW + 3600}, False),
        ({"begins": NOW + 3600, "restarts": 1}, True),
    ],
)
def test_a_job_that_waits_for_its_time_gets_nodes_if_it_was_requeued_or_begins_soon(
    fields: dict[str, Any], helps: bool
) -> None:
    assert nodes_help(job(reason="BeginTime", **fields), NOW) == helps


@pytest.mark.parametrize("reason", [row.begins for row in REASONS if row.verdict is Verdict.UNLESS_NODES_ARE_NAMED])
def test_a_job_that_names_nodes_which_are_gone_gets_none(reason: str) -> None:
    assert wanted([job(reason=reason, names_nodes=True)]) == {}


@pytest.mark.parametrize(
    ("fields", "nodes"),
    [
        ({}, 1),
        ({"cpus": 4, "tasks": 4}, 1),
        ({"cpus": 10, "tasks": 10}, 3),
        ({"nodes": 3, "cpus": 3, "tasks": 3}, 3),
        ({"cpus": 6, "tasks": 2}, 2),
        ({"cpus": 9, "tasks": 3}, 3),
        ({"nodes": 2, "cpus": 2, "tasks": 2, "exclusive": True}, 2),
        ({"node_memory": 8000}, 1),
    ],
)
def test_a_job_gets_as_many_nodes_as_it_needs(fields: dict[str, Any], nodes: int) -> None:
    assert wanted([job(**fields)]) == {"small": nodes}


@pytest.mark.parametrize(
    "fields",
    [
        {"cpus": 5},
        {"cpus_per_node": 5},
        {"node_memory": 8001},
        {"nodes": 11, "cpus": 11, "tasks": 11},
        {"gpus_per_node": 1},
        {"gpus": 2},
        {"gpus_per_task": 1},
        {"features": "large"},
        {"features": "small&large"},
        {"queues": ("other",)},
    ],
)
def test_a_job_that_no_number_of_nodes_can_do_starts_none(fields: dict[str, Any]) -> None:
    assert wanted([job(**fields)]) == {}


def test_jobs_that_fit_onto_one_node_share_it() -> None:
    assert wanted([job(str(number), cpus=2) for number in range(5)]) == {"small": 3}


def test_jobs_that_want_a_node_to_themselves_share_none() -> None:
    assert wanted([job("1"), job("2", exclusive=True), job("3")]) == {"small": 2}


def test_memory_is_shared_out_where_slurm_gives_it_to_jobs() -> None:
    jobs = [job(str(number), memory=3000, node_memory=3000) for number in range(4)]
    assert wanted(jobs) == {"small": 1}
    assert wanted(jobs, Supply(resource(), 0, 0, memory_is_consumable=True)) == {"small": 2}


@pytest.mark.parametrize(
    ("fields", "nodes"), [({"gpus_per_node": 2}, 1), ({"gpus": 5}, 3), ({"gpus_per_task": 1, "tasks": 4, "cpus": 4}, 2)]
)
def test_gpus_are_shared_out(fields: dict[str, Any], nodes: int) -> None:
    assert wanted([job(**fields)], supply(gpus=2)) == {"small": nodes}


def test_an_array_gets_nodes_for_its_tasks() -> None:
    assert wanted([job(f"7_{task}", cpus=4) for task in range(6)]) == {"small": 6}


def test_no_more_nodes_are_started_than_a_compute_resource_may_have() -> None:
    assert wanted([job(str(number), cpus=4) for number in range(20)]) == {"small": 10}


def test_nodes_that_are_there_or_on_their_way_are_used_first() -> None:
    assert wanted([job(cpus=8, tasks=8)], supply(desired=3, spare=1)) == {"small": 4}
    assert wanted([job(cpus=8, tasks=8)], supply(desired=3, spare=2)) == {}


def test_spare_nodes_of_another_compute_resource_are_used_before_new_ones() -> None:
    assert wanted([job()], supply("small"), supply("large", desired=1, spare=1, cpus=8)) == {}


def test_a_job_goes_to_the_first_compute_resource_that_can_do_it() -> None:
    both = (supply("small"), supply("large", cpus=8))
    assert wanted([job()], *both) == {"small": 1}
    assert wanted([job(cpus=6)], *both) == {"large": 1}
    assert wanted([job(features="large")], *both) == {"large": 1}


def test_another_compute_resource_is_tried_where_aws_refuses_the_first() -> None:
    both = (supply("small", refused="InsufficientInstanceCapacity"), supply("large"))
    assert wanted([job()], *both) == {"large": 1}


def test_a_job_that_aws_refuses_everywhere_is_told_why() -> None:
    told = demand([job()], [supply(refused="VcpuLimitExceeded")], NOW)
    assert told.wanted == {}
    assert told.judgements[0].why == "VcpuLimitExceeded"


def test_a_job_that_not_all_nodes_can_be_started_for_waits_for_others_to_end() -> None:
    assert wanted([job(nodes=4, cpus=4, tasks=4)], supply(desired=8, spare=0)) == {}


def test_a_large_job_that_waits_does_not_hold_up_a_small_one() -> None:
    jobs = [job("1", nodes=4, cpus=4, tasks=4), job("2")]
    assert wanted(jobs, supply(desired=8, spare=0)) == {"small": 9}


def test_every_queue_has_nodes_of_its_own() -> None:
    jobs = [job("1"), job("2", queues=("gpu",))]
    assert wanted(jobs, supply("small"), supply("g", queue="gpu")) == {"small": 1, "g": 1}


@pytest.mark.parametrize(
    ("expression", "match"),
    [
        ("", True),
        ("main", True),
        ("main&small", True),
        ("main&large", False),
        ("large|small", True),
        ("large|huge", False),
        ("[small*2&large*1]", True),
        ("[huge*2]", False),
        ("main,small", True),
    ],
)
def test_a_constraint_is_read_as_slurm_reads_it(expression: str, match: bool) -> None:
    assert features_match(expression, frozenset({"main", "small"})) == match


jobs_ = st.lists(
    st.builds(
        PendingJob,
        job_id=st.uuids().map(str),
        queues=st.just(("main",)),
        reason=st.sampled_from([reason for reason, _ in EVERY_REASON]),
        nodes=st.integers(1, 12),
        cpus=st.integers(1, 60),
        tasks=st.integers(1, 60),
        memory=st.integers(0, 30_000),
        gpus=st.integers(0, 5),
        exclusive=st.booleans(),
        restarts=st.integers(0, 1),
    ),
    max_size=25,
)
supplies_ = st.tuples(st.integers(0, 10), st.integers(0, 10), st.booleans(), st.booleans()).map(
    lambda told: Supply(resource(gpus=1), max(told[0], told[1]), told[1], "no" if told[2] else None, told[3])
)


@given(jobs_, supplies_)
def test_demand_only_ever_raises_and_never_beyond_the_limit(jobs: list[PendingJob], only: Supply) -> None:
    found = demand(jobs, [only], NOW)
    capacities, judgements = found.wanted, found.judgements
    assert all(only.desired < capacity <= only.resource.max_count for capacity in capacities.values())
    assert [told.job_id for told in judgements] == [waiting.job_id for waiting in jobs]
    assert not (only.refused and capacities)


@given(jobs_, supplies_)
def test_once_its_nodes_are_on_their_way_the_same_demand_asks_for_no_more(jobs: list[PendingJob], only: Supply) -> None:
    first = demand(jobs, [only], NOW).wanted.get(only.resource.group, only.desired)
    risen = Supply(only.resource, first, only.spare + first - only.desired, only.refused, only.memory_is_consumable)
    assert demand(jobs, [risen], NOW).wanted == {}


def test_a_fleet_survives_its_way_to_the_node() -> None:
    fleet = Fleet("genomics", "eu-west-1", "https://queue", "nodes", (resource(), resource("large", queue="other")))
    assert Fleet.from_json(fleet.to_json()) == fleet
    assert fleet.resource_of_group("shoal-c-large") == fleet.resource("other", "large")
    assert queues(fleet.resources) == ("main", "other")


def test_a_fleet_of_another_version_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="another version of the node package"):
        Fleet.from_json('{"resources": [], "unheard_of": 1}')


def test_a_stopped_fleet_starts_nothing_and_every_job_says_so() -> None:
    told = demand([job("1"), job("2", reason="Dependency")], [supply()], NOW, "stopped")
    assert (told.wanted, told.awaited) == ({}, {})
    assert [(one.job_id, one.why) for one in told.judgements] == [("1", "stopped"), ("2", "stopped")]


def waiting(nodes: int, spare: int, coming: int) -> dict[str, int]:
    """What is awaited of so many spare nodes, some of them on their way, by one job for so many nodes."""
    there = Supply(resource(), spare, spare, coming=coming)
    return demand([job(nodes=nodes, cpus=4 * nodes, tasks=4 * nodes)], [there], NOW).awaited


def test_idle_nodes_stay_for_a_job_that_waits_for_others() -> None:
    assert waiting(nodes=3, spare=3, coming=1) == {"shoal-c-small": 2}
    assert waiting(nodes=3, spare=2, coming=0) == {"shoal-c-small": 2}


def test_only_as_many_idle_nodes_stay_as_the_job_needs() -> None:
    assert waiting(nodes=2, spare=6, coming=1) == {"shoal-c-small": 2}


def test_no_node_stays_for_a_job_that_has_all_its_nodes_or_gets_none() -> None:
    assert waiting(nodes=2, spare=2, coming=0) == {}
    assert waiting(nodes=11, spare=2, coming=1) == {}
