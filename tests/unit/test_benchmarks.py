"""Do the measured flows differ in nothing but the flow, and is the ratio that of the rounds?"""

from __future__ import annotations

import io
import zipfile

import pytest

from benchmarks.flows import PARALLELCLUSTER, SHOAL, Flow
from benchmarks.report import Row, page


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


def test_the_page_has_ratios_first_and_the_range_of_seconds() -> None:
    text = page([Row("changed", [20.0, 30.0], [10.0, 10.0])], "docker 20.10")
    assert "| changed | **2.5** | 25.0 (20.0 - 30.0) | 10.0 (10.0 - 10.0) |" in text
    assert "docker 20.10; 2 rounds" in text
