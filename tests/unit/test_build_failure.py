"""Does a failed build tell its phase, exit code, last lines and link in one line?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.build_failure import explain_build, failed_build
from shoal.failure import LONGEST_CAUSE

EVENTS = Path(__file__).parents[1] / "events"
BUILD_ID = "shoal-genomics-build:8d1f7a52-6c0e-4b7b-9f43-2d5a1f0c7e11"


def _build(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"codebuild_build_{name}.json").read_text())["builds"][0])


def _log() -> list[str]:
    return [
        event["message"] for event in json.loads((EVENTS / "codebuild_build_failed_log.json").read_text())["events"]
    ]


def test_the_first_failed_phase_is_told_with_exit_code_and_command() -> None:
    failure = explain_build(_build("failed"), _log())
    assert failure.code == "BuildFailed"
    assert f"build {BUILD_ID}: phase BUILD failed with exit code 100: docker build" in failure.cause


def test_the_last_lines_of_the_failed_command_are_told() -> None:
    assert "E: Unable to locate package openmpi-bn" in explain_build(_build("failed"), _log()).cause


def test_what_codebuild_and_later_phases_wrote_is_left_out() -> None:
    cause = explain_build(_build("failed"), _log()).cause
    assert "[Container]" not in cause
    assert "CODEBUILD_BUILD_SUCCEEDING" not in cause


def test_the_link_leads_to_the_builds_log() -> None:
    build = _build("failed")
    assert explain_build(build, []).link == build["logs"]["deepLink"]


def test_a_source_that_may_not_be_read_is_told_as_aws_tells_it() -> None:
    cause = explain_build(_build("source_denied"), []).cause
    assert "phase DOWNLOAD_SOURCE failed: CLIENT_ERROR: AccessDenied" in cause


def test_a_build_that_timed_out_says_after_how_long() -> None:
    assert (
        "phase BUILD was not done when the build's 60 minutes were over" in explain_build(_build("timed_out"), []).cause
    )


def test_a_stopped_build_is_not_blamed_on_its_log() -> None:
    assert explain_build(_build("stopped"), ["a line"]).cause == f"build {BUILD_ID}: it was stopped in phase BUILD"


@given(st.lists(st.text(max_size=200), max_size=60))
def test_the_cause_is_one_line_of_bounded_length_that_keeps_the_newest_lines(lines: list[str]) -> None:
    cause = explain_build(_build("failed"), [*lines, "the newest line"]).cause
    assert len(cause) <= LONGEST_CAUSE
    assert cause.endswith("the newest line")
    assert "\n" not in cause


@pytest.mark.parametrize("length", [None, 2000])
def test_the_build_is_found_in_a_cause_even_when_it_is_cut(length: int | None) -> None:
    cause = json.dumps(json.loads((EVENTS / "codebuild_sync_failed_cause.json").read_text()))
    assert failed_build(cause[:length]) == BUILD_ID


@pytest.mark.parametrize("cause", ["", "no build", '{"Arn": "arn:aws:codebuild:us-east-1:111111111111:project/p"}'])
def test_other_causes_name_no_build(cause: str) -> None:
    assert failed_build(cause) is None
