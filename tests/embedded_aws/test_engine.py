"""Which container engine is taken: the first that builds an image and runs it, in a fixed order."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest

from embedded_aws.containers import packages, podman
from embedded_aws.containers.daemon import PRIVATE, Daemon, DaemonError
from embedded_aws.containers.engine import Engine, find

VERSIONS = {"docker": "20.10.24", "podman": "4.3.1", "buildah": "buildah version 1.28.2 (image-spec 1.0.2)"}
NAMES = {"docker": "docker 20.10", "podman": "podman 4.3", "buildah": "buildah 1.28"}
ENGINE = """#!/bin/sh
echo "$DOCKER_HOST $@" >> {log}
case "$1" in
  {broken}) exit 1;;
  info|--version) echo '{version}';;
esac
"""


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No private Docker, and settings of Podman in a folder of the test's."""
    monkeypatch.setattr(Daemon, "can_run", lambda daemon: False)
    monkeypatch.setattr(podman, "FOLDER", tmp_path / "settings")


def client(folder: Path, name: str, broken: str = "nothing") -> Path:
    """A program that answers as an engine's client, and fails at one command."""
    program = folder / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(ENGINE.format(log=folder / f"{name}.log", version=VERSIONS[name], broken=broken))
    program.chmod(0o755)
    return program


def calls(folder: Path, name: str) -> list[list[str]]:
    """What a client was asked for, with `DOCKER_HOST` as the first word."""
    return [line.split(" ") for line in (folder / f"{name}.log").read_text().splitlines()]


def found(folder: Path, **environment: str) -> Engine:
    return find({"PATH": f"{folder}:/usr/bin:/bin"} | environment)[0]


@pytest.mark.parametrize("name", VERSIONS)
def test_an_engine_that_passes_is_named_with_its_version(tmp_path: Path, name: str) -> None:
    program = client(tmp_path, name)
    engine = found(tmp_path, SHOAL_ENGINE=name)
    assert (engine.name, engine.client) == (NAMES[name], (str(program),))


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (["docker", "podman", "buildah"], "docker 20.10"),
        (["podman", "buildah"], "podman 4.3"),
        (["buildah"], "buildah 1.28"),
        ([], "stand-in"),
    ],
)
def test_the_first_of_the_order_is_taken(tmp_path: Path, there: list[str], taken: str) -> None:
    for name in there:
        client(tmp_path, name)
    assert find({"PATH": str(tmp_path)})[0].name == taken


@pytest.mark.parametrize("broken", ["info", "build", "run"])
def test_one_that_fails_at_something_is_passed_over(tmp_path: Path, broken: str) -> None:
    client(tmp_path, "docker", broken)
    client(tmp_path, "podman")
    assert find({"PATH": str(tmp_path)})[0].name == "podman 4.3"


def test_buildah_need_not_run_containers_and_runs_no_jobs(tmp_path: Path) -> None:
    client(tmp_path, "buildah", broken="run")
    engine = found(tmp_path, SHOAL_ENGINE="buildah")
    assert (engine.name, engine.runs_jobs) == ("buildah 1.28", False)


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_docker_and_podman_run_jobs(tmp_path: Path, name: str) -> None:
    client(tmp_path, name)
    assert found(tmp_path, SHOAL_ENGINE=name).runs_jobs


def test_the_trial_builds_and_runs_with_limits_and_leaves_nothing(tmp_path: Path) -> None:
    client(tmp_path, "docker")
    found(tmp_path)
    commands = [call[1:] for call in calls(tmp_path, "docker")]
    image = commands[1][commands[1].index("--tag") + 1]
    assert [command[0] for command in commands] == ["info", "build", "run", "rmi"]
    assert {"--memory", "--cpus", "--pids-limit", image} <= set(commands[2])
    assert commands[3] == ["rmi", image]


def test_the_host_that_the_server_points_nowhere_is_not_asked(tmp_path: Path) -> None:
    client(tmp_path, "docker")
    found(tmp_path, DOCKER_HOST="unix:///nowhere")
    assert {call[0] for call in calls(tmp_path, "docker")} == {""}


@pytest.mark.parametrize("wanted", ["stand-in", "unknown"])
def test_the_stand_in_can_be_asked_for_and_nothing_is_tried(tmp_path: Path, wanted: str) -> None:
    client(tmp_path, "docker")
    assert found(tmp_path, SHOAL_ENGINE=wanted).name == "stand-in"
    assert not (tmp_path / "docker.log").exists()


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> IO[str]:
    """A private Docker that starts at once; its client is whatever a test puts there."""
    hold = (tmp_path / "hold").open("w")
    monkeypatch.setattr(Daemon, "can_run", lambda daemon: True)
    monkeypatch.setattr(Daemon, "hold", lambda daemon: hold)
    monkeypatch.setattr(packages, "UNPACKED", tmp_path / "root")
    return hold


def test_without_an_installed_docker_the_private_one_is_taken_and_held(tmp_path: Path, private: IO[str]) -> None:
    client(tmp_path / "root/usr/bin", "docker")
    client(tmp_path, "podman")
    engine, hold = find({"PATH": str(tmp_path)})
    assert (engine.name, engine.variables["DOCKER_HOST"]) == ("docker 20.10", PRIVATE.address)
    assert hold is private
    assert not private.closed
    private.close()


def test_a_private_docker_that_fails_is_let_go_and_the_next_one_tried(tmp_path: Path, private: IO[str]) -> None:
    client(tmp_path / "root/usr/bin", "docker", broken="build")
    client(tmp_path, "podman")
    assert find({"PATH": str(tmp_path)})[0].name == "podman 4.3"
    assert private.closed


def test_a_private_docker_that_does_not_start_is_said_and_passed_over(
    tmp_path: Path, private: IO[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    private.close()

    def fail(_: Daemon) -> IO[str]:
        raise DaemonError("dockerd did not start: no such device")

    monkeypatch.setattr(Daemon, "hold", fail)
    assert find({"PATH": str(tmp_path)})[0].name == "stand-in"
    assert "dockerd did not start: no such device" in capsys.readouterr().err


def test_podman_gets_limits_that_the_process_has_itself(tmp_path: Path) -> None:
    variables = podman.variables()
    settings = Path(variables["CONTAINERS_CONF"]).read_text()
    assert 'netns = "host"' in settings
    assert "nofile=" in settings
    assert str(tmp_path) in Path(variables["CONTAINERS_STORAGE_CONF"]).read_text()
