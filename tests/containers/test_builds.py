"""Images of a cluster built for real: from a context of the user's own, and what is told when a build goes wrong."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.containers.engine import Engine
from embedded_aws.registry.accounts import local_name
from shoal.build_failure import explain_build
from shoal.cluster.build_project import BUILD_PROJECT, BUILD_ROLE
from tests.containers.conftest import COLD_BUILD_SECONDS
from tests.support import front_door
from tests.support.front_door import Ended, FrontDoor
from tests.support.limited_registry import limited_registry
from tests.support.polling import until

NAME, CONTEXTS, KEY = "builds", "contexts-of-builds", "context.zip"
DOCKERFILE = """ARG BASE_IMAGE=public.ecr.aws/docker/library/debian:12-slim
FROM ${BASE_IMAGE} AS jobs
ARG WORD
RUN echo "${WORD} and all that" > /word
COPY .shoal/shoal-job /usr/local/bin/
COPY script /script
FROM jobs AS never
RUN exit 42
"""
SECONDS = 180.0
"""How long one operation may take on a busy machine."""
SLEEP = "32123"
"""Seconds that nothing else on the machine sleeps, so that the process of a build is known by it."""


@pytest.fixture(scope="module", autouse=True)
def cluster(shoal: FrontDoor) -> Iterator[None]:
    """A cluster whose image is of the user's own making, deleted at the end without anything left."""
    before = shoal.state()
    shoal.client("s3").create_bucket(Bucket=CONTEXTS)
    put_context(shoal)
    image = {
        "Context": f"s3://{CONTEXTS}/{KEY}",
        "Dockerfile": "docker/Dockerfile",
        "Target": "jobs",
        "BuildArgs": {"WORD": "two words"},
    }
    configuration = front_door.configuration(shoal.subnet, ContainerImage=image)
    ended = shoal.wait(shoal.begin("create", NAME, configuration), COLD_BUILD_SECONDS)
    assert ended.status == "SUCCEEDED", f"{ended.error}: {ended.cause}"
    yield
    shoal.succeed("delete", NAME)
    shoal.client("s3").delete_object(Bucket=CONTEXTS, Key=KEY)
    shoal.client("s3").delete_bucket(Bucket=CONTEXTS)
    assert shoal.left_since(before) == []


@pytest.fixture(autouse=True)
def _usual_context(shoal: FrontDoor) -> Iterator[None]:
    """Whatever a test makes of the context, the next one finds the usual one."""
    yield
    put_context(shoal)


def put_context(shoal: FrontDoor, dockerfile: str = DOCKERFILE, script: str = "echo one") -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("docker/Dockerfile", dockerfile)
        content.writestr("script", script)
        content.writestr("buildspec.yml", "a buildspec of the user's own is not read")
    shoal.client("s3").put_object(Bucket=CONTEXTS, Key=KEY, Body=archive.getvalue())


def rebuild(shoal: FrontDoor, *, force: bool = False) -> Ended:
    return shoal.wait(shoal.begin("build-image", NAME, force=force), SECONDS)


def image(shoal: FrontDoor) -> str:
    """The image that is registered of the cluster."""
    (registered,) = (shoal.item("CLUSTER", NAME) or {})["images"]
    return str(registered["uri"])


def newest_build(shoal: FrontDoor) -> dict[str, Any]:
    codebuild = shoal.client("codebuild")
    project = shoal.resources(NAME)[BUILD_PROJECT]["PhysicalResourceId"]
    ids = codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
    builds: list[dict[str, Any]] = codebuild.batch_get_builds(ids=ids[:20])["builds"]
    return max(builds, key=lambda build: build["startTime"])


def log(shoal: FrontDoor, build: dict[str, Any]) -> list[str]:
    at = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
    pages = shoal.client("logs").get_log_events(**at, startFromHead=True)
    return [event["message"] for event in pages["events"]]


@contextmanager
def denied(shoal: FrontDoor, action: str) -> Iterator[None]:
    """The build's role may not do something for a while."""
    role = shoal.resources(NAME)[BUILD_ROLE]["PhysicalResourceId"]
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    shoal.client("iam").put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=policy)
    yield
    shoal.client("iam").delete_role_policy(RoleName=role, PolicyName="denied")


def test_the_users_dockerfile_target_and_arguments_make_the_image(shoal: FrontDoor, container_engine: Engine) -> None:
    name = local_name(f"127.0.0.1:{shoal.server.port}", image(shoal))
    command = [*container_engine.client, "run", "--rm", "--network", "none", "--entrypoint", "cat", str(name), "/word"]
    done = subprocess.run(command, env=container_engine.environment({}), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "two words and all that\n"), done.stderr


def test_one_changed_line_of_a_script_runs_nothing_again(shoal: FrontDoor) -> None:
    before = image(shoal)
    put_context(shoal, script="echo two")
    ended = rebuild(shoal)
    assert ended.status == "SUCCEEDED", ended.cause
    assert image(shoal) != before
    steps = log(shoal, newest_build(shoal))
    (step,) = {line.partition(" ")[0] for line in steps if "RUN echo" in line and line.startswith("#")}
    assert f"{step} CACHED" in [line.strip() for line in steps]


def test_unchanged_content_is_not_built(shoal: FrontDoor) -> None:
    rebuild(shoal)
    before = newest_build(shoal)["id"]
    ended = rebuild(shoal)
    assert (ended.status, ended.answer["built"]) == ("SUCCEEDED", []), ended.cause
    assert newest_build(shoal)["id"] == before


def test_two_builds_that_race_for_one_tag_both_succeed(shoal: FrontDoor) -> None:
    rebuild(shoal, force=True)
    usual, codebuild = newest_build(shoal), shoal.client("codebuild")
    variables = [item for item in usual["environment"]["environmentVariables"] if item["name"] != "IMAGE_TAG"]
    race = {
        "projectName": usual["projectName"],
        "sourceLocationOverride": usual["source"]["location"],
        "buildspecOverride": usual["source"]["buildspec"],
        "environmentVariablesOverride": [*variables, {"name": "IMAGE_TAG", "value": "f" * 32}],
    }
    ids = [codebuild.start_build(**race)["build"]["id"] for _ in range(2)]

    def ended() -> list[dict[str, Any]]:
        found = codebuild.batch_get_builds(ids=ids)["builds"]
        return list(found) if all(build["buildComplete"] for build in found) else []

    builds = until(ended, SECONDS, "the end of both builds") or []
    assert [build["buildStatus"] for build in builds] == ["SUCCEEDED", "SUCCEEDED"]
    digests = {variable["value"] for build in builds for variable in build["exportedEnvironmentVariables"][1:]}
    assert len(digests) == 1
    refused = [line for build in builds for line in log(shoal, build) if "immutable" in line]
    assert refused, "nobody came second"


@pytest.mark.parametrize(
    ("action", "phase", "said"),
    [
        ("s3:GetObject", "DOWNLOAD_SOURCE", "AccessDenied"),
        ("ecr:GetAuthorizationToken", "PRE_BUILD", "not authorized"),
        ("ecr:PutImage", "POST_BUILD", "denied"),
    ],
)
def test_what_the_build_may_not_do_fails_it_in_the_phase_in_which_it_does_it(
    shoal: FrontDoor, action: str, phase: str, said: str
) -> None:
    before = image(shoal)
    with denied(shoal, action):
        ended = rebuild(shoal, force=True)
    assert (ended.status, ended.error) == ("FAILED", "BuildFailed")
    assert f"phase {phase} failed" in ended.cause
    (failure,) = shoal.succeed("describe", NAME)["failures"]
    assert said in " ".join([failure["failureReason"], *failure.get("log", ())])
    assert image(shoal) == before


def test_a_broken_dockerfile_fails_the_build_with_exit_code_and_last_lines(shoal: FrontDoor) -> None:
    put_context(shoal, DOCKERFILE.replace("COPY script", "RUN echo seen && cat /not/there\nCOPY script"))
    ended = rebuild(shoal)
    assert (ended.status, ended.error) == ("FAILED", "BuildFailed")
    assert "phase BUILD failed with exit code" in ended.cause
    (failure,) = shoal.succeed("describe", NAME)["failures"]
    assert any("/not/there" in line for line in failure["log"])
    assert failure["link"].startswith("https://")


def test_a_failed_install_phase_is_told_as_any_other(shoal: FrontDoor) -> None:
    """Shoal's own buildspec installs nothing, so this one is another."""
    spec = json.dumps(
        {"version": 0.2, "phases": {"install": {"commands": ["echo no such tool >&2; exit 7"]}}}, indent=1
    )
    codebuild, project = shoal.client("codebuild"), shoal.resources(NAME)[BUILD_PROJECT]["PhysicalResourceId"]
    started = codebuild.start_build(projectName=project, sourceTypeOverride="NO_SOURCE", buildspecOverride=spec)

    def ended() -> dict[str, Any] | None:
        (found,) = codebuild.batch_get_builds(ids=[started["build"]["id"]])["builds"]
        return dict(found) if found["buildComplete"] else None

    build = until(ended, SECONDS, "the end of the build") or {}
    failure = explain_build(build, log(shoal, build))
    assert "phase INSTALL failed with exit code 7" in failure.cause
    assert failure.log == ("no such tool",)


def test_a_build_that_takes_too_long_is_told_so(shoal: FrontDoor) -> None:
    put_context(shoal, DOCKERFILE.replace("COPY script", f"RUN sleep {SLEEP}\nCOPY script"))
    shoal.server.call("POST", "/_shoal/build-minute", {"seconds": 0.1})  # an hour lasts six seconds
    try:
        ended = rebuild(shoal)
    finally:
        shoal.server.call("POST", "/_shoal/build-minute", {"seconds": 60})
    assert (ended.status, ended.error) == ("FAILED", "BuildFailed")
    assert "phase BUILD was not done when the build's 60 minutes were over" in ended.cause
    until(lambda: not sleeping(), 60, "the end of what the build ran")


def test_stopping_the_operation_stops_the_build_and_what_it_runs(shoal: FrontDoor) -> None:
    put_context(shoal, DOCKERFILE.replace("COPY script", f"RUN sleep {SLEEP}\nCOPY script"))
    execution = shoal.begin("build-image", NAME)
    until(sleeping, SECONDS, "the step that sleeps")
    shoal.client("stepfunctions").stop_execution(executionArn=execution)
    until(lambda: newest_build(shoal)["buildStatus"] == "STOPPED", 60, "the build's end")
    until(lambda: not sleeping(), 60, "the end of what the build ran")
    assert shoal.succeed("describe", NAME)["clusterStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    holder = (shoal.item("LOCK", NAME) or {})["holder"]
    put_context(shoal)
    assert rebuild(shoal).status == "SUCCEEDED", "the next operation takes the lock"
    stopped = shoal.item(f"OPERATION#{NAME}", holder) or {}
    assert (stopped["status"], stopped["failure"]["code"]) == ("FAILED", "OperationStopped")


def test_a_registry_that_lets_nobody_pull_is_waited_for(shoal: FrontDoor) -> None:
    before = newest_build(shoal)["startTime"]
    # Engines ask five times themselves.
    with limited_registry(f"http://127.0.0.1:{shoal.server.port}/v2/docker/library/debian", refusals=12) as name:
        put_context(shoal, f"FROM {name}:12-slim AS jobs\nCOPY script /script\n")
        ended = rebuild(shoal)
    assert ended.status == "SUCCEEDED", ended.cause
    project = shoal.resources(NAME)[BUILD_PROJECT]["PhysicalResourceId"]
    codebuild = shoal.client("codebuild")
    ids = codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
    builds = [build for build in codebuild.batch_get_builds(ids=ids)["builds"] if build["startTime"] > before]
    statuses = [build["buildStatus"] for build in sorted(builds, key=lambda build: build["startTime"])]
    assert statuses[0] == "FAILED"
    assert statuses[-1] == "SUCCEEDED"
    assert set(statuses[:-1]) == {"FAILED"}


def sleeping() -> bool:
    """Whether any process of this machine is the one that the build's step has started."""
    return any(command == f"sleep\0{SLEEP}\0" for command in map(_command, Path("/proc").glob("[0-9]*")))


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:  # it has ended
        return ""
