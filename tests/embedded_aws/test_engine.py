"""Which container engine is taken: the first that builds an image and runs it, in a fixed order."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded_aws.containers import daemon
from embedded_aws.containers.engine import Engine, find

ENGINE = """#!/bin/sh
echo "$@" >> {log}
case "$1" in
  {broken}) exit 1;;
  info|version) echo {version};;
esac
"""


@pytest.fixture(autouse=True)
def _no_private_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "can_run", lambda: False)


def client(folder: Path, name: str, version: str, broken: str = "nothing") -> Path:
    """A program that answers as an engine's client, and fails at one command."""
    program = folder / name
    program.write_text(ENGINE.format(log=folder / f"{name}.log", version=version, broken=broken))
    program.chmod(0o755)
    return program


def found(folder: Path, **environment: str) -> Engine:
    return find({"PATH": str(folder)} | environment)[0]


def test_a_docker_that_builds_and_runs_is_taken(tmp_path: Path) -> None:
    program = client(tmp_path, "docker", "20.10.24")
    assert found(tmp_path) == Engine("docker 20.10", (str(program),), {}, runs_jobs=True)


@pytest.mark.parametrize("broken", ["info", "build", "run"])
def test_a_docker_that_fails_at_one_of_them_is_not(tmp_path: Path, broken: str) -> None:
    client(tmp_path, "docker", "20.10.24", broken)
    assert found(tmp_path).name == "stand-in"


def test_nothing_stays_of_a_trial(tmp_path: Path) -> None:
    client(tmp_path, "docker", "20.10.24")
    found(tmp_path)
    calls = (tmp_path / "docker.log").read_text().splitlines()
    built = next(word for word in calls[1].split() if word.startswith("shoal-trial:"))
    assert calls[-1] == f"rmi {built}"


def test_without_any_client_the_engine_is_the_stand_in(tmp_path: Path) -> None:
    assert found(tmp_path) == Engine("stand-in")


def test_the_stand_in_can_be_asked_for(tmp_path: Path) -> None:
    client(tmp_path, "docker", "20.10.24")
    assert found(tmp_path, SHOAL_ENGINE="stand-in").name == "stand-in"
    assert not (tmp_path / "docker.log").exists()
