"""Are there as many placeholders of the right kind as nodes can come, whatever there was before?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal_node.fleet import ComputeResource, Fleet
from shoal_node.slurm import placeholders
from shoal_node.slurm.placeholders import keep_placeholders, parse, ranges

RESOURCE = ComputeResource("main", "small", "shoal-c_main-small", cpus=2, memory=3800, max_count=3)
Keep = Callable[..., list[str]]
SHAPE = "cpus=2 realmemory=3800 feature=main,small"


def line(name: str, cpus: int = 2, gres: str = "(null)") -> str:
    """A placeholder as scontrol tells of it."""
    return (
        f"NodeName={name} CoresPerSocket=1 CPUAlloc=0 CPUTot={cpus} AvailableFeatures=main,small "
        f"ActiveFeatures=main,small Gres={gres} NodeAddr={name} RealMemory=3800 State=FUTURE ThreadsPerCore=1"
    )


class Slurm:
    """A Slurm that tells of these nodes, and keeps what it is asked to do."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.asked: list[str] = []

    def __call__(self, *command: str) -> str:
        if "show" in command:
            return "\n".join(self.lines)
        self.asked.append(" ".join(command[1:]))
        return ""


@pytest.fixture
def keep(monkeypatch: pytest.MonkeyPatch) -> Keep:
    """What is asked of a Slurm with these nodes for these compute resources."""

    def kept(resources: tuple[ComputeResource, ...], *lines: str) -> list[str]:
        slurm = Slurm(*lines)
        monkeypatch.setattr(placeholders, "slurm", slurm)
        keep_placeholders(Fleet("c", "eu-west-1", "queue", "nodes", resources))
        return slurm.asked

    return kept


def test_all_are_made_at_first(keep: Keep) -> None:
    assert keep((RESOURCE,)) == [f"create nodename=main-small-future[1-3] {SHAPE} state=FUTURE"]


def test_nothing_is_done_where_they_are_there(keep: Keep) -> None:
    assert keep((RESOURCE,), *(line(f"main-small-future{number}") for number in (1, 2, 3))) == []


def test_missing_ones_are_added(keep: Keep) -> None:
    assert keep((RESOURCE,), line("main-small-future2")) == [
        f"create nodename=main-small-future[1,3] {SHAPE} state=FUTURE"
    ]


def test_those_above_a_lower_maximum_go(keep: Keep) -> None:
    lines = [line(f"main-small-future{number}") for number in (1, 2, 3, 4, 5)]
    assert keep((RESOURCE,), *lines) == ["delete nodename=main-small-future[4-5]"]


def test_those_of_another_kind_are_made_again(keep: Keep) -> None:
    lines = [line("main-small-future1"), line("main-small-future2", cpus=4), line("main-small-future3", gres="gpu:1")]
    assert keep((RESOURCE,), *lines) == [
        "delete nodename=main-small-future[2-3]",
        f"create nodename=main-small-future[2-3] {SHAPE} state=FUTURE",
    ]


def test_those_of_a_compute_resource_that_is_gone_go(keep: Keep) -> None:
    assert keep((), line("main-small-future1")) == ["delete nodename=main-small-future[1]"]


def test_nodes_that_have_joined_are_left_alone(keep: Keep) -> None:
    assert keep((), line("main-small-10-9-1-1")) == []


def test_gpus_and_the_users_own_settings_are_told(keep: Keep) -> None:
    resource = replace(RESOURCE, gpus=4, max_count=1, custom_settings=("Weight=10",))
    assert keep((resource,)) == [f"create nodename=main-small-future[1] {SHAPE} gres=gpu:4 Weight=10 state=FUTURE"]


def test_names_with_hyphens_are_told_apart() -> None:
    assert set(parse([line("a-b-future1"), line("a-b-future-future2")])) == {"a-b", "a-b-future"}


@given(st.sets(st.integers(1, 50)))
def test_ranges_name_every_number_once(numbers: set[int]) -> None:
    parts = [part.split("-") for part in ranges(numbers).split(",") if part]
    named = [number for part in parts for number in range(int(part[0]), int(part[-1]) + 1)]
    assert named == sorted(numbers)
