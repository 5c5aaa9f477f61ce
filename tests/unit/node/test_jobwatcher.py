"""Does jobwatcher raise what the waiting jobs need, and never lower anything?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shoal_node import groups, jobwatcher
from shoal_node.capacity import AWAITED_SECONDS, NOT_AWAITED, is_spare, marks, refused_again, supplies
from shoal_node.decide import SlurmNode
from shoal_node.groups import Group
from shoal_node.idle import AWAITED
from shoal_node.jobwatcher import Watcher
from shoal_node.node_table import NodeTable
from shoal_node.slurm.commands import SlurmAwayError
from tests.support.fleet_account import FleetAccount, compute_resource, fleet_account
from tests.support.paper_slurm import PaperSlurm
from tests.unit.node.test_slurm import line

NOW = 1_764_000_000.0


@pytest.fixture
def account() -> Iterator[FleetAccount]:
    with fleet_account((compute_resource(), compute_resource("large", cpus=8))) as made:
        yield made


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PaperSlurm:
    return PaperSlurm(tmp_path, monkeypatch)


def job(number: int, cpus: int = 2, **told: str) -> str:
    fields = {"Partition": "main", "tres-alloc": f"cpu={cpus},node=1", "NumTasks": str(cpus), "Reason": "Resources"}
    return line(**{"JobArrayID": str(number), **fields, **told})


def desired(account: FleetAccount) -> tuple[int, int]:
    return account.group("small")["DesiredCapacity"], account.group("large")["DesiredCapacity"]


def test_waiting_jobs_raise_the_desired_capacity_once(account: FleetAccount, slurm: PaperSlurm) -> None:
    slurm.pend(job(1), job(2))
    watcher = Watcher(account.fleet)
    watcher.look()
    watcher.look()
    assert desired(account) == (2, 0)


def test_jobs_beyond_the_maximum_go_to_the_other_compute_resource(account: FleetAccount, slurm: PaperSlurm) -> None:
    slurm.pend(*(job(number) for number in range(5)))
    Watcher(account.fleet).look()
    assert desired(account) == (4, 1)


def test_without_waiting_jobs_nothing_is_lowered(account: FleetAccount, slurm: PaperSlurm) -> None:
    account.launch(3)
    Watcher(account.fleet).look()
    assert desired(account) == (3, 0)


def test_the_other_compute_resource_is_tried_after_a_refusal(account: FleetAccount, slurm: PaperSlurm) -> None:
    refusal = refused_again(None, "InsufficientInstanceCapacity", int(time.time()))
    NodeTable(account.fleet).put_refusal("shoal-c-small", refusal)
    slurm.pend(job(1))
    Watcher(account.fleet).look()
    assert desired(account) == (0, 1)


@pytest.mark.parametrize("code", ["LimitExceededFault", "ResourceContention", "InsufficientInstanceCapacity"])
def test_a_refusal_of_more_capacity_is_kept_and_the_next_look_tries_another(
    account: FleetAccount, slurm: PaperSlurm, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    raise_capacity = groups.raise_capacity

    def refuse(fleet: Any, group: str, capacity: int) -> None:
        if group == "shoal-c-small":
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "SetDesiredCapacity")
        raise_capacity(fleet, group, capacity)

    monkeypatch.setattr(jobwatcher, "raise_capacity", refuse)
    slurm.pend(job(1))
    watcher = Watcher(account.fleet)
    watcher.look()
    assert desired(account) == (0, 0)
    watcher.look()
    assert desired(account) == (0, 1)


def test_another_error_is_for_the_loop_to_wait_out(
    account: FleetAccount, slurm: PaperSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SetDesiredCapacity")

    monkeypatch.setattr(jobwatcher, "raise_capacity", refuse)
    slurm.pend(job(1))
    with pytest.raises(ClientError, match="AccessDenied"):
        Watcher(account.fleet).look()


def test_nothing_is_started_while_slurm_is_away_and_describe_can_say_so(
    account: FleetAccount, slurm: PaperSlurm
) -> None:
    slurm.pend(job(1))
    slurm.away()
    with pytest.raises(SlurmAwayError):
        Watcher(account.fleet).look()
    assert desired(account) == (0, 0)
    assert "away" in account.item("status#head")["slurm"]["S"]


def test_queues_jobs_and_decisions_are_published(account: FleetAccount, slurm: PaperSlurm) -> None:
    slurm.pend(job(1), job(2, Reason="Dependency"))
    slurm.run("9")
    Watcher(account.fleet).look()
    item = account.item("status#head")
    told = {name: json.loads(item[name]["S"]) for name in ("slurm", "queues", "jobs", "jobDecisions")}
    assert told["slurm"] == "up"
    assert [row["computeResource"] for row in told["queues"]["main"]] == ["small", "large"]
    assert (told["jobs"]["running"], told["jobs"]["pending"]) == (1, 2)
    assert told["jobs"]["waiting"][1]["why"] == "Dependency: it waits for another job"
    assert [(row["about"], row["what"], row["why"]) for row in told["jobDecisions"]] == [
        ("shoal-c-small", "desired capacity 0 -> 1", "jobs 1"),
        ("fleet", "RUNNING", "as the control plane says"),
    ]


@pytest.mark.parametrize(
    ("states", "spare"),
    [
        ({"IDLE"}, True),
        ({"IDLE", "DYNAMIC_NORM"}, True),
        ({"IDLE", "DRAIN"}, False),
        ({"IDLE", "NOT_RESPONDING"}, False),
        ({"IDLE", "COMPLETING"}, False),
        ({"MIXED"}, False),
        ({"ALLOCATED"}, False),
        ({"DOWN"}, False),
    ],
)
def test_a_node_is_spare_when_it_is_idle_and_takes_jobs(states: set[str], spare: bool) -> None:
    assert is_spare(SlurmNode("n", frozenset(states))) is spare


@pytest.mark.parametrize(
    ("refused", "group", "nodes", "spare"),
    [
        (False, Group(3, 0, 4, 1), 1, 3),
        (False, Group(0, 0, 4, 0), 0, 0),
        (False, Group(1, 0, 4, 1), 2, 2),
        (True, Group(3, 0, 4, 1), 1, 1),
        (True, Group(3, 0, 4, 2), 1, 2),
    ],
)
def test_instances_on_their_way_are_spare_unless_aws_refuses_them(
    account: FleetAccount, refused: bool, group: Group, nodes: int, spare: int
) -> None:
    idle = [
        SlurmNode(f"n{number}", frozenset({"IDLE"}), features=frozenset({"main", "small"})) for number in range(nodes)
    ]
    refusals = {"shoal-c-small": refused_again(None, "no", int(NOW))} if refused else {}
    (supply,) = supplies(account.fleet, {"shoal-c-small": group}, idle, refusals, NOW + 1)
    assert supply.spare == spare
    assert supply.refused == ("no" if refused else None)


def test_a_stopped_fleet_is_left_alone_and_what_is_published_says_so(account: FleetAccount, slurm: PaperSlurm) -> None:
    item = {"pk": {"S": "fleet"}, "status": {"S": "STOPPED"}}
    account.client("dynamodb").put_item(TableName="nodes", Item=item)
    slurm.pend(job(1))
    Watcher(account.fleet).look()
    assert desired(account) == (0, 0)
    status = account.item("status#head")
    assert json.loads(status["fleet"]["S"]) == "STOPPED"
    assert "the fleet is stopped" in status["jobs"]["S"]
    assert "STOPPED" in status["jobDecisions"]["S"]


def idle(name: str, extra: str = "", *states: str) -> SlurmNode:
    return SlurmNode(name, frozenset(states or {"IDLE"}), features=frozenset({"main", "small"}), extra=extra)


@pytest.mark.parametrize(
    ("nodes", "awaited", "marked", "freed"),
    [
        ([idle("b"), idle("a"), idle("c")], 2, ["a", "b"], []),
        ([idle("a", "", "ALLOCATED"), idle("b")], 2, ["b"], []),
        ([idle("a", f"{AWAITED}{int(NOW) + AWAITED_SECONDS}")], 1, [], []),
        ([idle("a", f"{AWAITED}{int(NOW) + 5}")], 1, ["a"], []),
        ([idle("a", f"{AWAITED}{int(NOW) + 5}"), idle("b", NOT_AWAITED)], 0, [], ["a"]),
        ([idle("a", NOT_AWAITED)], 1, ["a"], []),
        ([idle("a", "a user's own text")], 1, [], []),
    ],
)
def test_as_many_idle_nodes_as_are_awaited_are_marked_and_others_freed(
    account: FleetAccount, nodes: list[SlurmNode], awaited: int, marked: list[str], freed: list[str]
) -> None:
    found = marks(account.fleet, {"shoal-c-small": awaited}, nodes, NOW)
    assert found.get(f"{AWAITED}{int(NOW) + AWAITED_SECONDS}", []) == marked
    assert found.get(NOT_AWAITED, []) == freed
