"""Do the measured flows differ in nothing but the flow, and is the ratio that of the rounds?"""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from benchmarks.builds_in_turn import measured as builds_measured
from benchmarks.flows import PARALLELCLUSTER, SHOAL, Flow
from benchmarks.joins import Cost
from benchmarks.joins import measured as joins_measured
from benchmarks.ratios import Row
from benchmarks.report import page
from benchmarks.watchers import PARALLELCLUSTER as PARALLELCLUSTER_2
from benchmarks.watchers import ROUND_TRIPS, SIZES, Sample
from benchmarks.watchers import SHOAL as OURS
from benchmarks.watchers import measured as watchers_measured


def files(flow: Flow, *, changed: bool) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(flow.context(changed))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(("flow", "script"), [(SHOAL, "shoal-job"), (PARALLELCLUSTER, "scripts/entrypoint.sh")])
def test_a_change_is_one_line_of_one_script(flow: Flow, script: str) -> None:
    before, after = files(flow, changed=False), files(flow, changed=True)
    assert [name for name in before if before[name] != after[name]] == [script]
    assert after[script] == before[script] + b"\n# changed\n"


def test_both_install_the_same_packages() -> None:
    ours, theirs = files(SHOAL, changed=False), files(PARALLELCLUSTER, changed=False)
    assert ours["install-packages"] == theirs["install-packages"]
    assert b"yum" not in theirs["debian12/Dockerfile"]
    assert theirs["debian12/Dockerfile"].index(b"COPY scripts/") < theirs["debian12/Dockerfile"].index(b"RUN sh")


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    assert Row("changed", [20.0, 90.0, 30.0], [10.0, 10.0, 10.0]).ratio == 3.0


def part(figures: dict[str, Any], run: str = "2026-11-24T18:00:00Z") -> dict[str, Any]:
    return {**figures, "run": run, "machine": "two cores"}


def test_the_page_has_ratios_first_and_the_range_of_seconds() -> None:
    text = page({"images": part(builds_measured([Row("changed", [20.0, 30.0], [10.0, 10.0])]))})
    assert "| changed | **2.5** | 25.0 (20.0 - 30.0) | 10.0 (10.0 - 10.0) |" in text
    assert "2 rounds" in text


def test_a_rate_is_all_messages_of_a_round_by_all_of_its_seconds() -> None:
    samples = [
        Sample(nodes, round_trip, event, {OURS: told(seconds), PARALLELCLUSTER_2: told(10 * seconds)})
        for nodes in SIZES
        for round_trip in ROUND_TRIPS
        for event, seconds in (("join", 1.0), ("leave", 4.0))
    ]
    figures = watchers_measured(samples)
    assert (figures["ours"], figures["parallelcluster2"]) == (2 * SIZES[-1] / 5, 2 * SIZES[-1] / 50)
    assert figures["ratio"] == 10
    assert f"| {SIZES[-1]} | 20 ms | **10.0** | 20 (20 - 20) | 200 (200 - 200) | 6, 6 |" in page(
        {"sqswatcher": part(figures)}
    )


def told(seconds: float) -> dict[str, float]:
    return {"seconds": seconds, "waited": 0.0, "calls": 3}


def test_a_node_costs_its_join_and_its_leave() -> None:
    figures = joins_measured([Cost(10, (0.1, 0.3, 0.2), (0.1,))], [Cost(10, (1.0,), (2.0,))])
    assert figures["ours"] == pytest.approx(0.3)
    assert figures["parallelcluster2"] == pytest.approx(3.0)
    assert figures["ratio"] == pytest.approx(10.0)
    assert "| 10 | join | **5.0** | 1000 (1000 - 1000) | 200 (100 - 300) |" in page({"node_join": part(figures)})


def test_a_part_of_an_earlier_run_is_marked() -> None:
    joins = joins_measured([Cost(10, (0.1,), (0.1,))], [Cost(10, (1.0,), (2.0,))])
    images = builds_measured([Row("changed", [20.0], [10.0])])
    parts = {"images": part(images, "2026-11-01T10:00:00Z"), "node_join": part(joins)}
    assert page(parts).count("two cores; measured in an earlier run than the rest, 2026-11-01;") == 1
