"""What `make test` says at its end, and its exit code."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from tools.run_tiers import ROOT, TIERS, Tier, main


def printing(text: str, code: int = 0) -> tuple[str, ...]:
    return (sys.executable, "-c", f"print({text!r}); raise SystemExit({code})")


PASSING = Tier("unit", "is it right?", (printing("3 failed lines in a log\n12 passed, 1 skipped in 0.5s"),))
FAILING = Tier("life", "does it run?", (printing("1 failed, 2 passed in 3s", 1), printing("5 passed in 1s")))


def test_one_summary_counts_every_tier(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], (PASSING,)) == 0
    said = capsys.readouterr().out
    assert "== unit: is it right?" in said
    assert "  ok     unit" in said
    assert said.splitlines()[-2].endswith("12 passed, 1 skipped")
    assert said.splitlines()[-1] == "1 passed, 0 failed"


def test_what_passes_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    main([], (PASSING,))
    assert "lines in a log" not in capsys.readouterr().out


def test_a_failing_tier_shows_its_output_and_the_others_run_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], (FAILING, PASSING)) == 1
    said = capsys.readouterr().out
    assert "1 failed, 2 passed in 3s" in said
    assert "  FAILED life" in said
    assert "1 failed, 2 passed, 5 passed" in said
    assert said.splitlines()[-1] == "1 passed, 1 failed"


def test_why_something_was_skipped_is_in_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "SKIPPED [2] tests/containers/conftest.py:40: no container engine"
    main([], (Tier("containers", "for real?", (printing(f"{reason}\n{reason}\n1 passed, 4 skipped in 1s"),)),))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].endswith("1 passed, 4 skipped")
    assert lines[-2].strip() == "skipped: no container engine"


def test_only_the_selected_tiers_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unit"], (FAILING, PASSING)) == 0
    assert "life" not in capsys.readouterr().out


def test_a_tier_on_request_runs_only_where_it_is_selected(capsys: pytest.CaptureFixture[str]) -> None:
    emulated = replace(FAILING, name="vm", on_request=True)
    assert main([], (emulated, PASSING)) == 0
    assert "== vm" not in capsys.readouterr().out
    assert main(["vm"], (emulated, PASSING)) == 1
    assert "== unit" not in capsys.readouterr().out


def test_an_unknown_tier_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["units"], (FAILING, PASSING)) == 2
    assert capsys.readouterr().err == "unknown tier units; there are: life unit\n"


def test_every_folder_of_tests_belongs_to_a_tier() -> None:
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("test_*.py")}
    run = {word.removeprefix("tests/") for tier in TIERS for command in tier.commands for word in command}
    assert folders <= run
