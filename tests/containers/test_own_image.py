"""The example of an image of one's own, as its user does it: created from the directory, built, and a job run in it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded_aws import process
from embedded_aws.containers.engine import Engine
from embedded_aws.process import ROOT
from shoal_cli.context_folders import pack
from tests.containers.conftest import COLD_BUILD_SECONDS
from tests.support.front_door import FrontDoor
from tests.support.polling import until

EXAMPLES = ROOT / "examples"
NAME = "own"
PATIENCE = 120.0
"""Seconds for a job on a busy machine."""


@pytest.fixture(scope="module")
def example(shoal: FrontDoor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The example's cluster, created by the command from a configuration file beside the directory."""
    folder = tmp_path_factory.mktemp("examples")
    text = (EXAMPLES / "own-image.yaml").read_text().replace("subnet-0123456789abcdef0", shoal.subnet)
    (folder / "own-image.yaml").write_text(text)
    (folder / "own-image").symlink_to(EXAMPLES / "own-image")
    before = shoal.state()
    yield run(shoal, "create", NAME, str(folder / "own-image.yaml"), "--wait", "--output", "json")
    shoal.succeed("delete", NAME)
    assert shoal.left_since(before) == []


def run(shoal: FrontDoor, *arguments: str) -> dict[str, Any]:
    """What a `shoal` command answers; it must succeed."""
    environment = {**process.without_aws(dict(os.environ)), **shoal.server.environment()}
    done = subprocess.run(
        [ROOT / ".venv/bin/shoal", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=COLD_BUILD_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_a_job_runs_what_the_image_was_built_for(shoal: FrontDoor, example: dict[str, Any]) -> None:
    batch = shoal.client("batch")
    job = batch.submit_job(
        jobName="pi",
        jobQueue=f"shoal-{NAME}_main",
        jobDefinition=f"shoal-{NAME}_single_main",
        containerOverrides={"command": ["/bin/bash", "-c", 'pi && echo "by $(id -un) in $PWD"']},
    )["jobId"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = batch.describe_jobs(jobs=[job])["jobs"][0]
        return found if found["status"] in {"SUCCEEDED", "FAILED"} else None

    found = until(ended, PATIENCE, "the end of the job")
    assert found is not None
    assert found["status"] == "SUCCEEDED", found
    assert lines(shoal, found) == ["pi is about 3.1", f"by job in /var/lib/job/{job}"]


def lines(shoal: FrontDoor, job: dict[str, Any]) -> list[str]:
    """What a job printed."""
    container = job["container"]
    group = container["logConfiguration"]["options"]["awslogs-group"]
    events = shoal.client("logs").get_log_events(
        logGroupName=group, logStreamName=container["logStreamName"], startFromHead=True
    )["events"]
    return [event["message"] for event in events]


def test_docker_ignores_what_the_command_line_leaves_out(container_engine: Engine, tmp_path: Path) -> None:
    context, seen = tmp_path / "context", tmp_path / "seen"
    ignore = [
        "# a comment",
        "*.log",
        "!keep.log",
        "**/cache",
        "/doc/*",
        "!doc/a.md",
        "src/*/x?",
        "a/../gone",
        "deep/[a-c]",
    ]
    files = ["a.log", "keep.log", "b/a.log", "b/cache/x", "cache/y", "doc/a.md", "doc/b.md", "src/m/x1", "src/m/x12"]
    for name in [*files, "src/x1", "gone", "deep/a", "deep/d", "Dockerfile", ".dockerignore"]:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text("FROM scratch\nCOPY . /\n" if name == "Dockerfile" else "")
    (context / ".dockerignore").write_text("\n".join(ignore))
    subprocess.run(
        [*container_engine.client, "build", "--output", f"type=local,dest={seen}", str(context)],
        env=container_engine.environment(os.environ) | {"DOCKER_BUILDKIT": "1"},
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(io.BytesIO(pack("context", context, "Dockerfile", ["Dockerfile"]).archive)) as packed:
        names = set(packed.namelist())
    assert names == {str(path.relative_to(seen)) for path in seen.rglob("*") if path.is_file()}
