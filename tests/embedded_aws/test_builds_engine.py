"""Does an image of a real engine reach ECR through the server's own registry, and only as the build's role may?

The engine is a script that speaks a registry's protocol as docker does; what a daemon does to a Dockerfile is not
asked here.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.process import ACCOUNT_ID, REGION, SECRET_ACCESS_KEY, Server
from embedded_aws.stand_in.__main__ import main
from tests.support.embedded import Account

HOST = f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com"
DOCKER = """#!{python}
import hashlib, json, sys, urllib.request
from pathlib import Path

command, *arguments = sys.argv[1:]
with Path(__file__).with_suffix(".log").open("a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if command == "build" and arguments[-1].endswith("broken"):
    sys.exit(17)
if command == "push":
    host, _, rest = arguments[-1].partition("/")
    repository, _, tag = rest.rpartition(":")

    def send(method, url, body, **headers):
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        return urllib.request.urlopen(request)

    digests = []
    for blob in (b"config", b"layer"):
        where = send("POST", f"http://{{host}}/v2/{{repository}}/blobs/uploads/", b"").headers["Location"]
        digests.append("sha256:" + hashlib.sha256(blob).hexdigest())
        where = where if where.startswith("http") else f"http://{{host}}{{where}}"
        send("PUT", f"{{where}}{{'&' if '?' in where else '?'}}digest={{digests[-1]}}", blob)
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = {{"schemaVersion": 2, "mediaType": media, "config": {{"digest": digests[0]}},
                "layers": [{{"digest": digests[1]}}]}}
    body = json.dumps(manifest).encode()
    send("PUT", f"http://{{host}}/v2/{{repository}}/manifests/{{tag}}", body, **{{"Content-Type": media}})
"""


@pytest.fixture
def repository(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[str]:
    """An immutable repository of the server's own account, which its registry serves; a build that is logged in."""
    program = tmp_path / "docker"
    program.write_text(DOCKER.format(python=sys.executable))
    program.chmod(0o755)
    variables = {
        "SHOAL_DOCKER_ENGINE": str(program),
        "SHOAL_DOCKER_STATE": str(tmp_path),
        "SHOAL_DOCKER_CALLS": str(tmp_path / "calls.jsonl"),
        "AWS_ENDPOINT_URL": server.url,
        "AWS_DEFAULT_REGION": REGION,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    own = Account(server, ACCOUNT_ID)
    name = f"engine/{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"
    own.client("ecr").create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    _act_as(monkeypatch, ACCOUNT_ID, SECRET_ACCESS_KEY)
    (tmp_path / "docker.json").write_text(json.dumps({"logins": [HOST], "local": {f"{HOST}/{name}:one": "built:1"}}))
    yield name
    own.client("ecr").delete_repository(repositoryName=name, force=True)
    own.close()


def _act_as(monkeypatch: pytest.MonkeyPatch, key: str, secret: str, token: str = "") -> None:
    for name, value in (("ACCESS_KEY_ID", key), ("SECRET_ACCESS_KEY", secret), ("SESSION_TOKEN", token)):
        monkeypatch.setenv(f"AWS_{name}", value)


def _images(server: Server, repository: str) -> list[dict[str, Any]]:
    account = Account(server, ACCOUNT_ID)
    images = account.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    account.close()
    return list(images)


def test_a_pushed_image_has_its_tag_and_no_other(server: Server, repository: str) -> None:
    assert main(["push", f"{HOST}/{repository}:one"]) == 0
    assert [image["imageTags"] for image in _images(server, repository)] == [["one"]]


def test_the_manifest_in_the_repository_is_the_engines(server: Server, repository: str) -> None:
    main(["push", f"{HOST}/{repository}:one"])
    assert _images(server, repository)[0]["imageManifestMediaType"] == "application/vnd.oci.image.manifest.v1+json"


def test_an_immutable_tag_is_refused_and_the_image_stays_as_it_is(
    server: Server, repository: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["push", f"{HOST}/{repository}:one"])
    before = _images(server, repository)

    assert main(["push", f"{HOST}/{repository}:one"]) == 1
    assert "cannot be overwritten because the tag is immutable" in capsys.readouterr().err
    assert _images(server, repository) == before


def _without_rights(server: Server, repository: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on as a role that may do nothing."""
    own = Account(server, ACCOUNT_ID)
    role = own.role(f"push-{repository.rpartition('/')[2]}")
    session = own.client("sts").assume_role(RoleArn=role, RoleSessionName="build")["Credentials"]
    own.close()
    _act_as(monkeypatch, session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])


def test_a_role_without_the_right_to_push_pushes_nothing(
    server: Server, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path, "--tag", f"{HOST}/{repository}:one")
    _without_rights(server, repository, monkeypatch)

    assert main(["push", f"{HOST}/{repository}:one"]) == 1
    assert "denied: " in capsys.readouterr().err
    assert _images(server, repository) == []


def build(tmp_path: Path, *options: str, dockerfile: str = "FROM scratch\n", name: str = "context") -> list[str]:
    """Build a context; what the engine was asked for."""
    context = tmp_path / name
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(dockerfile)
    main(["build", *options, str(context)])
    calls = [json.loads(line) for line in (tmp_path / "docker.log").read_text().splitlines()]
    return next(call for call in reversed(calls) if call[0] == "build")


def test_building_is_the_engines_and_so_is_its_exit_status(repository: str, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/Dockerfile").write_text("FROM scratch\n")
    assert main(["build", str(tmp_path / "broken")]) == 17


def test_the_engine_builds_with_the_network_of_the_host(repository: str, tmp_path: Path) -> None:
    called = build(tmp_path, "--target", "last", "--platform", "linux/amd64")
    assert " ".join(called).startswith("build --network host")
    assert "--platform linux/amd64 --target last" in " ".join(called)


def test_two_builds_call_what_they_make_by_different_names(
    server: Server, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(tmp_path, "--tag", f"{HOST}/{repository}:one")
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("SHOAL_DOCKER_STATE", str(tmp_path / "other"))
    second = build(tmp_path, "--tag", f"{HOST}/{repository}:one")
    names = [call[call.index("--tag") + 1] for call in (first, second)]
    assert names[0] != names[1]
    assert HOST not in "".join(names)


def test_registries_of_aws_in_a_dockerfile_are_the_servers_own(server: Server, repository: str, tmp_path: Path) -> None:
    text = f"ARG BASE=public.ecr.aws/docker/library/debian:12-slim\nFROM $BASE\nCOPY --from={HOST}/tools:1 /a /b\n"
    called = build(tmp_path, dockerfile=text + "RUN echo public.ecr.aws/x\n")
    address = f"127.0.0.1:{server.port}"
    assert Path(called[called.index("--file") + 1]).read_text() == (
        f"ARG BASE={address}/docker/library/debian:12-slim\nFROM $BASE\n"
        f"COPY --from={address}/{ACCOUNT_ID}.{REGION}/tools:1 /a /b\nRUN echo public.ecr.aws/x\n"
    )


def test_a_dockerfile_without_them_is_taken_as_it_is(repository: str, tmp_path: Path) -> None:
    called = build(tmp_path)
    assert called[called.index("--file") + 1] == str(tmp_path / "context/Dockerfile")


def test_a_base_image_in_an_argument_is_the_servers_own(
    server: Server, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["push", f"{HOST}/{repository}:one"])
    digest = _images(server, repository)[0]["imageDigest"]
    monkeypatch.setenv("BASE_IMAGE", f"{HOST}/{repository}@{digest}")
    called = build(tmp_path, "--build-arg", "BASE_IMAGE", "--build-arg", "ABSENT", "--build-arg", "OTHER=1=2")
    given = [called[at + 1] for at, word in enumerate(called) if word == "--build-arg"]
    local = f"127.0.0.1:{server.port}/{ACCOUNT_ID}.{REGION}/{repository}@{digest}"
    assert given == [f"BASE_IMAGE={local}", "OTHER=1=2"]


def test_a_base_image_in_ecr_is_read_with_the_role_of_the_build(
    server: Server, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["push", f"{HOST}/{repository}:one"])
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text(f"FROM {HOST}/{repository}:one\n")
    assert main(["build", str(tmp_path / "context")]) == 0

    _without_rights(server, repository, monkeypatch)
    assert main(["build", str(tmp_path / "context")]) == 1
    assert f"failed to solve: {HOST}/{repository}:one: denied: " in capsys.readouterr().err


def test_a_cache_that_is_there_is_read_from_the_servers_registry(
    server: Server, repository: str, tmp_path: Path
) -> None:
    build(tmp_path, "--tag", f"{HOST}/{repository}:one")
    main(["push", f"{HOST}/{repository}:one"])
    called = build(tmp_path, "--cache-from", f"{HOST}/{repository}:one", "--cache-from", f"{HOST}/{repository}:two")
    given = [called[at + 1] for at, word in enumerate(called) if word == "--cache-from"]
    assert given == [f"127.0.0.1:{server.port}/{ACCOUNT_ID}.{REGION}/{repository}:one"]


def test_a_role_without_the_right_to_read_the_cache_builds_without_it(
    server: Server, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path, "--tag", f"{HOST}/{repository}:one")
    main(["push", f"{HOST}/{repository}:one"])
    _without_rights(server, repository, monkeypatch)
    assert "--cache-from" not in build(tmp_path, "--cache-from", f"{HOST}/{repository}:one")
    assert "denied: " in capsys.readouterr().out


def test_the_password_is_checked_before_the_engine_is_asked(
    repository: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("guessed\n"))
    assert main(["login", "--username", "AWS", "--password-stdin", HOST]) == 1
    assert "401 Unauthorized" in capsys.readouterr().err


def test_the_password_that_ecr_gives_is_taken(server: Server, repository: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Account(server, ACCOUNT_ID)
    token = own.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    own.close()
    monkeypatch.setattr(sys, "stdin", io.StringIO(base64.b64decode(token).decode().partition(":")[2]))
    assert main(["login", "--username", "AWS", "--password-stdin", HOST]) == 0


def test_a_password_on_the_command_line_and_an_address_are_taken_too(server: Server, repository: str) -> None:
    own = Account(server, ACCOUNT_ID)
    token = own.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    own.close()
    password = base64.b64decode(token).decode().partition(":")[2]
    assert main(["login", "-u", "AWS", "-p", password, f"https://{HOST}"]) == 0
    assert main(["push", f"{HOST}/{repository}:one"]) == 0


def test_an_image_with_two_tags_keeps_the_other_one(account: Account) -> None:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="tags")
    for tag in ("one", "two"):
        ecr.put_image(repositoryName="tags", imageManifest=json.dumps({"schemaVersion": 2}), imageTag=tag)

    ecr.batch_delete_image(repositoryName="tags", imageIds=[{"imageTag": "one"}])

    assert ecr.list_images(repositoryName="tags")["imageIds"][0]["imageTag"] == "two"


def test_an_image_goes_with_its_last_tag(account: Account) -> None:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="tags")
    ecr.put_image(repositoryName="tags", imageManifest=json.dumps({"schemaVersion": 2}), imageTag="one")

    ecr.batch_delete_image(repositoryName="tags", imageIds=[{"imageTag": "one"}])

    with pytest.raises(ClientError, match="ImageNotFoundException"):
        ecr.describe_images(repositoryName="tags", imageIds=[{"imageTag": "one"}])
