"""Is the image of a job pulled from where its name leads on AWS, and a failure worded as ECS words it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded_aws.containers import images
from embedded_aws.containers.engine import Engine
from embedded_aws.containers.images import PullError, pull

ECR = "111111111111.dkr.ecr.us-east-1.amazonaws.com/shoal/genomics:one"
CLIENT = """#!/bin/sh
echo "$@" > {log}
case "$*" in *absent*) echo "Error response from daemon: manifest for $2 not found: manifest unknown" >&2; exit 1;; esac
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which an engine's client notes what it was asked for."""
    client, log = tmp_path / "docker", tmp_path / "log"
    client.write_text(CLIENT.format(log=log))
    client.chmod(0o755)
    monkeypatch.setattr(images, "engine", lambda: Engine("docker 20.10", (str(client),), runs_jobs=True))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    return log


@pytest.mark.parametrize(
    ("image", "local"),
    [
        (ECR, "127.0.0.1:4566/111111111111.us-east-1/shoal/genomics:one"),
        ("public.ecr.aws/docker/library/debian:12-slim", "127.0.0.1:4566/docker/library/debian:12-slim"),
        ("127.0.0.1:4566/docker/library/debian:12-slim", "127.0.0.1:4566/docker/library/debian:12-slim"),
    ],
)
def test_a_name_of_aws_is_pulled_from_this_server(asked: Path, image: str, local: str) -> None:
    assert pull(image) == local
    assert asked.read_text() == f"pull {local}\n"


def test_an_image_that_is_not_there_is_named_as_the_job_definition_names_it(asked: Path) -> None:
    image = ECR.replace(":one", ":absent")
    with pytest.raises(PullError) as raised:
        pull(image)
    assert str(raised.value) == (
        f"CannotPullContainerError: Error response from daemon: manifest for {image} not found: manifest unknown"
    )


def test_no_other_registry_is_asked(asked: Path) -> None:
    with pytest.raises(PullError, match="CannotPullContainerError: pull image manifest for busybox has been refused"):
        pull("busybox")
    assert not asked.exists()


def test_a_registry_without_tls_is_said_to_podman(asked: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "engine", lambda: Engine("podman 4.3", (str(tmp_path / "docker"),), runs_jobs=True))
    pull(ECR)
    assert asked.read_text().startswith("pull --tls-verify=false ")
