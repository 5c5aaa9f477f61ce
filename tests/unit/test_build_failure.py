"""Does a failed build tell its phase, exit code, last lines and link in one line?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.build_failure import awaited, explain_build, failed_build
from shoal.failure import LONGEST_CAUSE
from shoal.log_lines import LAST_LINES, LONGEST_LINE

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


@pytest.mark.parametrize("name", ["failed", "source_denied", "stopped"])
def test_what_to_do_next_holds_for_whichever_operation_built(name: str) -> None:
    assert (explain_build(_build(name), []).next_action or "").endswith("ask for the same operation again")


def test_a_build_that_timed_out_may_be_given_longer_by_its_own_key() -> None:
    assert "BuildTimeout" in (explain_build(_build("timed_out"), []).next_action or "")


def test_a_stopped_build_is_not_blamed_on_its_log() -> None:
    assert explain_build(_build("stopped"), ["a line"]).cause == f"build {BUILD_ID}: it was stopped in phase BUILD"


@given(st.lists(st.text(max_size=400), max_size=60))
def test_the_last_lines_are_told_beside_the_cause_each_short(lines: list[str]) -> None:
    log = explain_build(_build("failed"), [*lines, "the newest line"]).log
    assert log[-1] == "the newest line"
    assert len(log) <= LAST_LINES
    assert all(0 < len(line) <= LONGEST_LINE and "\n" not in line for line in log)


def test_a_line_that_is_cut_says_so() -> None:
    assert explain_build(_build("failed"), ["x" * 201]).log == ("x" * 197 + "...",)


def test_a_line_commands_no_terminal() -> None:
    lines = ["\x1b[31mE: no package\x1b[0m", "\x1b[2J\x07gone\x7f"]
    assert explain_build(_build("failed"), lines).log == ("E: no package", "gone")


def test_a_failure_without_a_log_tells_none() -> None:
    assert "log" not in explain_build(_build("source_denied"), []).to_item()


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


FAILED = "States.TaskFailed"
PULL_LIMITS = (
    # Docker Hub, the classic builder and docker pull
    "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading"
    ": https://www.docker.com/increase-rate-limit",
    "Error response from daemon: toomanyrequests: You have reached your unauthenticated pull rate limit. "
    "https://www.docker.com/increase-rate-limit",
    # Docker Hub, BuildKit
    "ERROR: failed to solve: debian:12-slim: failed to resolve source metadata for docker.io/library/debian:12-slim: "
    "failed to copy: httpReadSeeker: failed open: unexpected status code "
    "https://registry-1.docker.io/v2/library/debian/manifests/sha256:0f1e: 429 Too Many Requests - Server message: "
    "toomanyrequests: You have reached your pull rate limit.",
    "#3 ERROR: unexpected status from HEAD request to https://registry-1.docker.io/v2/library/debian/manifests/12-slim"
    ": 429 Too Many Requests",
    # BuildKit of Docker 20.10, as the test of a real engine sees it
    "failed to solve with frontend dockerfile.v0: failed to create LLB definition: pulling from host 127.0.0.1:5000 "
    "failed with status code [manifests 12-slim]: 429 Too Many Requests",
    # ECR Public
    "toomanyrequests: Rate exceeded",
    "toomanyrequests: Data limit exceeded",
)
BROKEN = (
    "E: Unable to locate package openmpi-bn",
    "ERROR: failed to solve: dockerfile parse error on line 3: unknown instruction: RUNN",
    "ERROR: failed to solve: public.ecr.aws/docker/library/debian:13-slimm: not found",
    "pull access denied for debain, repository does not exist or may require 'docker login'",
    # what a command of the Dockerfile prints is none of the registry's words
    "#6 12.31 toomanyrequests: come back later",
    "12.31 toomanyrequests: come back later",
    "ERROR: HTTP error 429 while getting https://files.pythonhosted.org/packages/a.whl",
    '#7 ERROR: process "/bin/sh -c curl https://example.org" did not complete successfully: exit code: 22',
)


@pytest.mark.parametrize("line", PULL_LIMITS)
def test_a_registrys_limit_of_pulls_is_waited_for(line: str) -> None:
    told = awaited(FAILED, "{}", [*_log()[:4], line, "[Container] 2026/11/24 10:15:14 Phase complete: BUILD FAILED"])
    assert told is not None
    assert "pull-through cache" in told
    assert "log in" in told
    assert line[:100] in told
    assert len(told) <= LONGEST_CAUSE


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_dockerfile_is_not_waited_for(line: str) -> None:
    assert awaited(FAILED, "{}", [line]) is None


def test_a_limit_that_a_later_phase_met_is_not_why_the_build_failed() -> None:
    log = ["E: no package", "[Container] Command did not exit successfully docker build", PULL_LIMITS[0]]
    assert awaited(FAILED, "{}", log) is None


def test_an_account_without_room_for_a_build_is_waited_for() -> None:
    told = awaited("CodeBuild.AccountLimitExceededException", "Cannot have more than 0 builds in queue", [])
    assert told is not None
    assert "quota of concurrent builds" in told


@pytest.mark.parametrize(
    "cause",
    [
        "Rate exceeded (Service: AWSCodeBuild; Status Code: 400; Error Code: ThrottlingException; Request ID: 1-2)",
        "Too many requests (Service: CodeBuild, Status Code: 429, Request ID: 1; Error Code: TooManyRequestsException)",
    ],
)
def test_a_start_that_was_throttled_is_waited_for(cause: str) -> None:
    assert awaited("CodeBuild.CodeBuildException", cause, []) is not None


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("CodeBuild.CodeBuildException", "Internal failure (Service: AWSCodeBuild; Status Code: 500)"),
        ("CodeBuild.InvalidInputException", "Invalid timeout"),
        ("States.Timeout", ""),
        ("States.TaskFailed", "a Dockerfile that says Rate exceeded"),
    ],
)
def test_any_other_error_is_not_waited_for(error: str, cause: str) -> None:
    assert awaited(error, cause, []) is None
