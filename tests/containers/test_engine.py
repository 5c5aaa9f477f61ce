"""Does a real build bring an image into ECR from which it can be pulled, and is nothing built twice?"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from embedded_aws.containers import base_images
from embedded_aws.containers.engine import Engine
from embedded_aws.process import REGION, Server
from embedded_aws.registry.accounts import local_name
from shoal.image.content import read_context
from tests.support.embedded import ALLOW_ALL, Account, zipped
from tests.support.polling import until

SECONDS = 300.0
DOCKERFILE = """ARG BASE_IMAGE
FROM $BASE_IMAGE
RUN echo made for {mark} > /made
COPY script /script
"""


@dataclass
class Builds:
    """A project with an immutable repository and one for the cache, of a name that no other test has."""

    account: Account
    engine: Engine
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    """In every name, and in a command of the Dockerfile: no other test has its layers."""

    @property
    def repository(self) -> str:
        """The repository of the images."""
        return f"shoal/{self.mark}"

    @property
    def cache(self) -> str:
        """The repository of the cache."""
        return f"{self.repository}-cache"

    @property
    def host(self) -> str:
        """The account's registry."""
        return f"{self.account.id}.dkr.ecr.{REGION}.amazonaws.com"

    @property
    def address(self) -> str:
        """Where the server listens."""
        return f"127.0.0.1:{self.account.server.port}"

    def create(self) -> None:
        """Make project, role, bucket and repositories."""
        ecr = self.account.client("ecr")
        ecr.create_repository(repositoryName=self.repository, imageTagMutability="IMMUTABLE")
        ecr.create_repository(repositoryName=self.cache)
        self.account.client("s3").create_bucket(Bucket=f"contexts-{self.mark}")
        uri = {"REPOSITORY_URI": f"{self.host}/{self.repository}"}
        self.account.client("codebuild").create_project(
            name=self.mark,
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "privilegedMode": True,
                "environmentVariables": _variables(uri),
            },
            serviceRole=self.account.role(f"build-{self.mark}", ALLOW_ALL),
        )

    def start(self, tag: str, script: str = "echo hello\n") -> str:
        """Start a build of a small context by the buildspec that ships; its id."""
        files = {file.path: file.data.decode() for file in read_context() if file.path == "buildspec.yml"}
        files |= {"Dockerfile": DOCKERFILE.format(mark=self.mark), "script": script}
        bucket, key = f"contexts-{self.mark}", f"{tag}/context.zip"
        self.account.client("s3").put_object(Bucket=bucket, Key=key, Body=zipped(files))
        base = f"{self.address}/{base_images.DEBIAN}:{base_images.TAG}"
        given = {"IMAGE_TAG": tag, "CACHE_IMAGE": f"{self.host}/{self.cache}:layers", "DOCKERFILE": "Dockerfile"}
        given |= {"PLATFORM": _platform(), "TARGET": ""}
        answer = self.account.client("codebuild").start_build(
            projectName=self.mark,
            sourceTypeOverride="S3",
            sourceLocationOverride=f"{bucket}/{key}",
            buildspecOverride="buildspec.yml",
            environmentVariablesOverride=_variables({**given, "BUILD_ARGS": "BASE_IMAGE", "BASE_IMAGE": base}),
        )
        return str(answer["build"]["id"])

    def wait(self, build_id: str) -> list[str]:
        """The log of a build that ends well."""
        codebuild = self.account.client("codebuild")

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = codebuild.batch_get_builds(ids=[build_id])["builds"][0]
            return found if found["buildComplete"] else None

        build = until(ended, SECONDS, f"the end of {build_id}")
        assert build is not None
        where = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
        events = self.account.client("logs").get_log_events(**where, startFromHead=True)["events"]
        log = [str(event["message"]) for event in events]
        assert build["buildStatus"] == "SUCCEEDED", "\n".join(log)
        return log

    def build(self, tag: str, script: str = "echo hello\n") -> list[str]:
        """Build a small context; the log."""
        return self.wait(self.start(tag, script))

    def images(self, repository: str = "") -> list[dict[str, Any]]:
        """What ECR says of the images of a repository, the project's unless another is named."""
        name = repository or self.repository
        return list(self.account.client("ecr").describe_images(repositoryName=name)["imageDetails"])

    def local(self, tag: str) -> str:
        """The engine's name for an image of the repository."""
        name = local_name(self.address, f"{self.host}/{self.repository}:{tag}")
        assert name is not None
        return name

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Ask the engine for something."""
        return subprocess.run(
            [*self.engine.client, *arguments],
            env=self.engine.environment(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )


def _variables(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _platform() -> str:
    return {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}[os.uname().machine]


@pytest.fixture(scope="module")
def account(server: Server) -> Iterator[Account]:
    """One account: an engine uploads a layer to a registry once, whatever the repository."""
    found = Account(server, f"{random.SystemRandom().randrange(10**11, 10**12)}")
    yield found
    found.close()


@pytest.fixture
def builds(account: Account, container_engine: Engine) -> Builds:
    made = Builds(account, container_engine)
    made.create()
    return made


def test_a_built_image_is_pulled_from_its_repository_and_runs(builds: Builds) -> None:
    builds.build("one")

    image = builds.local("one")
    builds.ask("pull", *builds.engine.plain_http, image)
    pulled = builds.ask("image", "inspect", "--format", "{{.RepoDigests}}", image).stdout
    ran = builds.ask("run", "--rm", "--network", "none", image, "sh", "-c", "cat /made; sh /script")
    builds.ask("rmi", image)
    assert builds.images()[0]["imageDigest"] in pulled
    assert ran.stdout == f"made for {builds.mark}\nhello\n"


def test_the_size_that_ecr_tells_is_of_layers(builds: Builds) -> None:
    builds.build("one")
    layer = base_images.FOLDER.rglob("blobs/sha256/*")
    assert builds.images()[0]["imageSizeInBytes"] > max(file.stat().st_size for file in layer) / 2


def test_nothing_is_run_again_when_one_script_changed(builds: Builds) -> None:
    builds.build("one")
    log = builds.build("two", script="echo changed\n")
    assert _was_cached(log, "RUN echo made")
    assert not _was_cached(log, "COPY script")
    assert len(builds.images()) == 2


def test_unchanged_content_is_all_cached(builds: Builds) -> None:
    builds.build("one")
    log = builds.build("two")
    assert _was_cached(log, "RUN echo made")
    assert _was_cached(log, "COPY script")


def test_layers_come_from_the_cache_repository_on_a_machine_that_has_none(builds: Builds) -> None:
    if not builds.engine.name.startswith("docker"):
        pytest.skip(f"{builds.engine.name} cannot read a cache that is within an image")
    builds.build("one")
    assert len(builds.images(builds.cache)) == 1
    _forget_layers(builds)

    log = builds.build("two", script="echo changed\n")

    assert any(f"importing cache manifest from {builds.host}/{builds.cache}" in line for line in log)
    assert _was_cached(log, "RUN echo made"), "\n".join(log)


def test_builds_that_race_for_one_tag_all_succeed_with_one_image(builds: Builds) -> None:
    started = [builds.start("one") for _ in range(3)]
    for build_id in started:
        builds.wait(build_id)
    assert [image["imageTags"] for image in builds.images()] == [["one"]]


def test_a_deleted_image_cannot_be_pulled(builds: Builds) -> None:
    builds.build("one")
    builds.account.client("ecr").batch_delete_image(repositoryName=builds.repository, imageIds=[{"imageTag": "one"}])
    pulled = builds.ask("pull", *builds.engine.plain_http, builds.local("one"))
    assert pulled.returncode != 0
    assert "manifest unknown" in pulled.stderr


def test_a_build_leaves_no_name_in_the_engine(builds: Builds) -> None:
    builds.build("one")
    ecr = builds.account.client("ecr")
    pushed = ecr.batch_get_image(repositoryName=builds.repository, imageIds=[{"imageTag": "one"}])["images"][0]
    image_id = json.loads(pushed["imageManifest"])["config"]["digest"]
    known = json.loads(builds.ask("image", "inspect", image_id).stdout or "[]")
    assert [image["RepoTags"] for image in known] in ([], [[]])


def _forget_layers(builds: Builds) -> None:
    """Take the layers of these builds, and of no others, out of the engine's cache."""
    template = "{{range .BuildCache}}{{.ID}} {{.Parent}} {{.Description}}\n{{end}}"
    known = [
        line.split(" ", 2) for line in builds.ask("system", "df", "--verbose", "--format", template).stdout.split("\n")
    ]
    records = [record for record in known if len(record) == 3]
    own = [record[0] for record in records if builds.mark in record[2]]
    for record_id in [*(record[0] for record in records if record[1] in own), *own]:
        builds.ask("builder", "prune", "--all", "--force", "--filter", f"id={record_id}")
    assert own
    assert builds.mark not in builds.ask("system", "df", "--verbose", "--format", template).stdout


def _was_cached(log: list[str], step: str) -> bool:
    """Whether the result of a step came from a cache.

    BuildKit says `#7 [3/4] RUN ...`, later `#7 CACHED`; Podman `STEP 3/4: RUN ...` and, next, `--> Using cache ...`.
    """
    numbers = {line.split()[0] for line in log if step in line and line.startswith("#")}
    by_podman = any(step in line and after.startswith("--> Using cache") for line, after in itertools.pairwise(log))
    return by_podman or any(line.split() == [number, "CACHED"] for number in numbers for line in log)
