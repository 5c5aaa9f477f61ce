"""Does the stand-in refuse what docker would refuse, before anything reaches a registry?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from embedded_aws.builds import docker
from embedded_aws.containers.engine import Engine
from embedded_aws.stand_in.__main__ import main
from embedded_aws.stand_in.dockerfile import DockerfileError, check
from embedded_aws.stand_in.images import Store, built
from shoal.image.arguments import BASE_IMAGE_ARG
from shoal.image.content import read_context
from shoal.image.job_image import BASE_IMAGES, base_image


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build context with a Dockerfile, and a place for the stand-in's state."""
    monkeypatch.setenv("SHOAL_DOCKER_STATE", str(tmp_path))
    monkeypatch.setenv("SHOAL_DOCKER_CALLS", str(tmp_path / "calls.jsonl"))
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM debian\nCOPY script /\n")
    (folder / "script").write_text("#!/bin/sh\n")
    return folder


@pytest.mark.parametrize("base", [base_image(system) for system in BASE_IMAGES])
def test_the_dockerfile_that_ships_passes_with_every_base_image(tmp_path: Path, base: str) -> None:
    files = {file.path: file for file in read_context()}
    for file in files.values():
        (tmp_path / file.path).parent.mkdir(exist_ok=True)
        (tmp_path / file.path).write_bytes(file.data)
    found = check(files["Dockerfile"].data.decode(), tmp_path, {BASE_IMAGE_ARG: base})
    assert found.base_images == (base,)


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("FORM debian", {}, "unknown instruction: FORM"),
        ("", {}, "no stages"),
        ("# only a comment", {}, "no stages"),
        ("RUN true\nFROM debian", {}, "no build stage"),
        ("ARG BASE\nFROM ${BASE}", {}, "should not be blank"),
        ("FROM debian\nCOPY absent /", {}, "absent: file does not exist"),
        ("FROM debian", {"UNKNOWN": "1"}, r"build-args \['UNKNOWN'\] were not consumed"),
    ],
)
def test_a_dockerfile_that_cannot_be_built_is_refused(
    tmp_path: Path, text: str, arguments: dict[str, str], message: str
) -> None:
    with pytest.raises(DockerfileError, match=message):
        check(text, tmp_path, arguments)


@pytest.mark.parametrize(
    ("text", "arguments", "bases"),
    [
        ("ARG BASE=debian\nFROM ${BASE}", {}, ("debian",)),
        ("ARG BASE=debian\nFROM $BASE", {"BASE": "ubuntu"}, ("ubuntu",)),
        ("ARG BASE\nFROM ${BASE:-debian}", {}, ("debian",)),
        ("FROM --platform=linux/amd64 debian AS one\nFROM one\nCOPY --from=one /a /b", {}, ("debian",)),
        ("FROM debian\nRUN <<END\nnot an instruction\nEND\nRUN true", {}, ("debian",)),
        ("ARG A=debian B=1\nFROM $A", {}, ("debian",)),
        ("FROM debian", {"HTTP_PROXY": "http://proxy"}, ("debian",)),
        ("FROM debian\nRUN a \\\n  # why\n  && b", {}, ("debian",)),
    ],
)
def test_base_images_are_found_through_arguments(
    tmp_path: Path, text: str, arguments: dict[str, str], bases: tuple[str, ...]
) -> None:
    assert check(text, tmp_path, arguments).base_images == bases


@pytest.mark.parametrize("target", ["one", "ONE", "0", "two"])
def test_a_stage_can_be_asked_for_by_name_and_number(tmp_path: Path, target: str) -> None:
    assert check("FROM debian AS One\nFROM debian AS two", tmp_path, {}, target).steps


def test_a_stage_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match='target stage "three" could not be found'):
        check("FROM debian AS one", tmp_path, {}, "three")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "absent"], 'target stage "absent" could not be found'),
        (["--platform", "windows/amd64"], "unknown operating system or architecture"),
        (["--build-arg", "BUILDKIT_INLINE_CACHE=yes"], "BUILDKIT_INLINE_CACHE is 0 or 1"),
    ],
)
def test_an_option_that_cannot_be_is_refused(
    context: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", *options, str(context)]) == 1
    assert message in capsys.readouterr().err


def test_a_base_image_in_ecr_needs_a_login(context: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = "111111111111.dkr.ecr.us-east-1.amazonaws.com/base:1"
    (context / "Dockerfile").write_text(f"FROM {image}\n")
    assert main(["build", str(context)]) == 1
    assert capsys.readouterr().err == f"ERROR: failed to solve: {image}: no basic auth credentials\n"


def test_the_platform_is_the_images(context: Path, tmp_path: Path) -> None:
    main(["build", "--platform", "linux/arm64", "--tag", "a:1", str(context)])
    assert json.loads(Store(tmp_path).images["a:1"].config)["architecture"] == "arm64"


def test_another_dockerfile_can_be_named(context: Path, tmp_path: Path) -> None:
    other = tmp_path / "Other"
    other.write_text("FROM alpine\n")
    assert main(["build", "--file", str(other), "--tag", "a:1", str(context)]) == 0
    assert json.loads(Store(tmp_path).images["a:1"].config)["history"] == ["FROM alpine"]


def test_a_cache_that_may_not_be_read_is_done_without_and_said(
    context: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", "--cache-from", "registry/cache:amd64", "--tag", "a:1", str(context)]) == 0
    assert "importing cache manifest from registry/cache:amd64: no basic auth" in capsys.readouterr().out


def test_a_build_is_remembered_under_its_names(context: Path, tmp_path: Path) -> None:
    assert main(["build", "--tag", "registry/one:1", "-t", "registry/two:2", str(context)]) == 0
    assert set(Store(tmp_path).images) == {"registry/one:1", "registry/two:2"}


def test_two_builds_of_the_same_context_are_two_images(context: Path) -> None:
    assert built(context, ()).id != built(context, ()).id


def test_an_argument_without_a_value_comes_from_the_environment(
    context: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (context / "Dockerfile").write_text("ARG BASE\nFROM $BASE\n")
    monkeypatch.setenv("BASE", "ubuntu")

    assert main(["build", "--build-arg", "BASE", str(context)]) == 0
    assert "from ubuntu" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "absent"], "path 'absent' not found"),
        (["build", "--file", "absent", "."], "lstat absent"),
        (["tag", "absent", "new"], "No such image: absent"),
        (["push", "registry/absent:1"], "does not exist locally"),
    ],
)
def test_what_is_not_there_is_named(
    context: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert message in capsys.readouterr().err


def test_nothing_is_pushed_without_a_login(context: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["build", "--tag", "registry/one:1", str(context)])
    assert main(["push", "registry/one:1"]) == 1
    assert "no basic auth credentials" in capsys.readouterr().err


def test_what_the_stand_in_does_not_offer_is_refused_and_not_ignored(context: Path) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["build", "--squash", str(context)])
    assert raised.value.code == 2


def test_every_call_is_recorded_with_its_exit_status(context: Path, tmp_path: Path) -> None:
    main(["build", "--tag", "a:1", str(context)])
    main(["push", "b:1"])

    calls = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [(call["arguments"][0], call["status"]) for call in calls] == [("build", 0), ("push", 1)]


def test_the_interpreter_of_the_stand_in_is_the_servers() -> None:
    assert docker.variables(Engine("stand-in"), Path("/state"))["SHOAL_DOCKER_PYTHON"] == sys.executable
