"""Does the registry of the embedded AWS serve what ECR lists, to each account its own, and base images beside it?"""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.containers import base_images, oci_layout
from embedded_aws.process import REGION, Server
from embedded_aws.registry.accounts import local_name
from embedded_aws.registry.contents import PASSING
from tests.support.embedded import Account

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in small letters) and body of an answer."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


class Registry:
    """One repository of an account, as an engine sees it."""

    def __init__(self, account: Account, repository: str = "images") -> None:
        self.account, self.repository = account, repository
        self.ecr = account.client("ecr")
        self.ecr.create_repository(repositoryName=repository)
        self.url = f"{account.server.url}/v2/{account.id}.{REGION}/{repository}"

    def push(self, tag: str, *layers: bytes) -> str:
        """Push an image; its digest."""
        entries = [{"digest": self.upload(layer), "size": len(layer)} for layer in layers]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": entries[0], "layers": entries[1:]}
        body = json.dumps(manifest).encode()
        headers = {"Content-Type": MANIFEST_TYPE}
        assert ask(f"{self.url}/manifests/{tag}", "PUT", body, **headers)[0] == 201
        return f"sha256:{hashlib.sha256(body).hexdigest()}"

    def upload(self, content: bytes) -> str:
        """Upload a layer as an engine does, to the address that the registry gives; its digest."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        where = ask(f"{self.url}/blobs/uploads/", "POST", b"")[1]["location"]
        assert where.startswith(f"/v2/{self.account.id}.{REGION}/{self.repository}/blobs/uploads/")
        assert ask(f"{self.account.server.url}{where}?digest={digest}", "PUT", content)[0] == 201
        return digest

    def has(self, kind: str, reference: str) -> bool:
        return ask(f"{self.url}/{kind}/{reference}", "HEAD")[0] == 200

    def tags(self) -> list[str | None]:
        return [one.get("imageTag") for one in self.ecr.list_images(repositoryName=self.repository)["imageIds"]]


@pytest.fixture
def registry(account: Account) -> Registry:
    return Registry(account)


def test_an_engine_reaches_the_registry_of_any_account(registry: Registry) -> None:
    digest = registry.push("one", b"config", b"layer")
    details = registry.ecr.describe_images(repositoryName="images")["imageDetails"]
    assert [(image["imageDigest"], image["imageTags"]) for image in details] == [(digest, ["one"])]


def test_a_layer_is_taken_over_from_another_repository_of_the_account(registry: Registry) -> None:
    digest = registry.upload(b"layer")
    other = Registry(registry.account, "others")
    asked = f"{other.url}/blobs/uploads/?mount={digest}&from={registry.account.id}.{REGION}%2F{registry.repository}"
    assert ask(asked, "POST", b"")[0] == 201
    assert other.has("blobs", digest)


def test_an_image_is_not_in_the_registry_of_another_account(registry: Registry) -> None:
    registry.push("one", b"config", b"layer")
    other = registry.url.replace(registry.account.id, "999999999999")
    assert ask(f"{other}/manifests/one")[0] == 404


def test_the_size_of_an_image_is_that_of_its_layers(registry: Registry) -> None:
    registry.push("one", b"config", b"layer", b"another layer")
    details = registry.ecr.describe_images(repositoryName="images")["imageDetails"]
    assert details[0]["imageSizeInBytes"] == len(b"layer") + len(b"another layer")


def test_a_deleted_image_cannot_be_pulled_by_tag_or_digest(registry: Registry) -> None:
    digest = registry.push("one", b"config", b"layer")
    assert registry.has("manifests", digest)

    registry.ecr.batch_delete_image(repositoryName="images", imageIds=[{"imageTag": "one"}])

    assert not registry.has("manifests", "one")
    assert not registry.has("manifests", digest)


def test_layers_go_with_the_last_image_that_has_them(registry: Registry) -> None:
    first = registry.push("one", b"config", b"shared", b"own")
    registry.push("two", b"other config", b"shared")

    registry.ecr.batch_delete_image(repositoryName="images", imageIds=[{"imageDigest": first}])

    layers = {name: f"sha256:{hashlib.sha256(name).hexdigest()}" for name in (b"shared", b"own")}
    assert registry.has("blobs", layers[b"shared"])
    assert not registry.has("blobs", layers[b"own"])


def test_a_deleted_repository_of_the_same_name_begins_empty(registry: Registry) -> None:
    digest = registry.push("one", b"config", b"layer")
    registry.ecr.delete_repository(repositoryName="images", force=True)
    registry.ecr.create_repository(repositoryName="images")
    assert not registry.has("manifests", digest)


def test_a_tag_that_moves_leaves_the_image_it_was_at_untagged(registry: Registry) -> None:
    first = registry.push("cache", b"config", b"layer")
    registry.push("cache", b"config", b"newer layer")

    untagged = registry.ecr.list_images(repositoryName="images", filter={"tagStatus": "UNTAGGED"})["imageIds"]
    assert registry.tags() == [None, "cache"]
    assert untagged == [{"imageDigest": first}]


def test_every_tag_of_an_image_is_listed(registry: Registry) -> None:
    registry.push("one", b"config", b"layer")
    registry.push("two", b"config", b"layer")
    assert sorted(map(str, registry.tags())) == ["one", "two"]


def test_a_push_under_way_is_no_image_until_ecr_is_asked(registry: Registry) -> None:
    digest = registry.push(f"{PASSING}1", b"config", b"layer")
    assert registry.tags() == []

    manifest = ask(f"{registry.url}/manifests/{PASSING}1")[2].decode()
    registry.ecr.put_image(repositoryName="images", imageManifest=manifest, imageTag="one")

    assert registry.tags() == ["one"]
    assert registry.has("manifests", digest)
    assert not registry.has("manifests", f"{PASSING}1")


def test_a_push_under_way_keeps_the_layers_it_counts_on(registry: Registry) -> None:
    first = registry.push("one", b"config", b"layer")
    registry.push(f"{PASSING}2", b"config", b"layer", b"more")
    registry.ecr.batch_delete_image(repositoryName="images", imageIds=[{"imageDigest": first}])
    assert registry.has("blobs", f"sha256:{hashlib.sha256(b'layer').hexdigest()}")


@pytest.mark.parametrize(
    ("image", "local"),
    [
        ("111111111111.dkr.ecr.eu-west-1.amazonaws.com/a/b:1", "127.0.0.1:80/111111111111.eu-west-1/a/b:1"),
        ("111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn/a", "127.0.0.1:80/111111111111.cn-north-1/a"),
        ("public.ecr.aws/debian/debian:12", None),
    ],
)
def test_names_of_ecr_lead_to_this_server(image: str, local: str | None) -> None:
    assert local_name("127.0.0.1:80", image) == local


def test_the_stand_in_finds_a_digest_for_each_base_image(server: Server) -> None:
    for image in ("docker/library/debian", "docker/library/ubuntu", "amazonlinux/amazonlinux"):
        tag = {"debian": "12-slim", "ubuntu": "24.04", "amazonlinux": "2023"}[image.rpartition("/")[2]]
        status, headers, body = ask(f"{server.url}/v2/{image}/manifests/{tag}")
        assert status == 200
        assert headers["docker-content-digest"] == f"sha256:{hashlib.sha256(body).hexdigest()}" or _is_made(image)


def _is_made(image: str) -> bool:
    return (base_images.FOLDER / image / "index.json").exists()


def test_head_has_the_headers_and_no_body(server: Server) -> None:
    status, headers, body = ask(f"{server.url}/v2/docker/library/ubuntu/manifests/24.04", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "manifests/11", 404, "MANIFEST_UNKNOWN"),
        ("GET", f"blobs/sha256:{64 * '0'}", 404, "BLOB_UNKNOWN"),
        ("PUT", "manifests/24.04", 405, "UNSUPPORTED"),
    ],
)
def test_what_is_not_there_or_cannot_be_done_is_said(
    server: Server, method: str, path: str, status: int, code: str
) -> None:
    answer = ask(f"{server.url}/v2/docker/library/ubuntu/{path}", method, b"{}" if method == "PUT" else None)
    assert (answer[0], json.loads(answer[2])["errors"][0]["code"]) == (status, code)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A layout with one image."""
    archive = tmp_path / "root.tar"
    archive.write_bytes(b"files")
    oci_layout.write(tmp_path / "layout", archive, "12-slim")
    return tmp_path / "layout"


def _read(layout: Path, digest: str) -> Any:
    content = oci_layout.blob(layout, digest).read_bytes()
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    return json.loads(content)


def test_a_layout_leads_from_the_tag_to_the_layer(layout: Path) -> None:
    digest = oci_layout.digest(layout, "12-slim")
    assert digest is not None
    image = _read(layout, digest)["manifests"][0]
    manifest = _read(layout, image["digest"])
    layer = oci_layout.blob(layout, manifest["layers"][0]["digest"])
    assert layer.stat().st_size == manifest["layers"][0]["size"]
    assert _read(layout, manifest["config"]["digest"])["rootfs"]["diff_ids"] == [
        f"sha256:{hashlib.sha256(b'files').hexdigest()}"
    ]


def test_the_same_files_give_the_same_image(layout: Path, tmp_path: Path) -> None:
    oci_layout.write(tmp_path / "again", tmp_path / "root.tar", "12-slim")
    assert oci_layout.digest(tmp_path / "again", "12-slim") == oci_layout.digest(layout, "12-slim")


def test_a_layout_has_no_other_tag(layout: Path) -> None:
    assert oci_layout.digest(layout, "13-slim") is None
