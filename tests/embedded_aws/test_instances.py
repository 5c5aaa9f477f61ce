"""Instances that boot: what their metadata service answers, what they export, and why none may boot; none is booted."""

from __future__ import annotations

import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.instances import engine, exports, root_image
from embedded_aws.instances.metadata_service import MetadataService, found
from tests.support.embedded import Account

TREE = {"meta-data": {"instance-id": "i-1", "placement": {"region": "us-east-1"}}, "user-data": "#!/bin/sh\n"}
TOKEN = "X-aws-ec2-metadata-token"


class Service:
    """A metadata service on a port of 127.0.0.1, and what its image asked."""

    def __init__(self) -> None:
        self.required = True
        self.asked: list[tuple[str, dict[str, str]]] = []
        listener = socket.create_server(("127.0.0.1", 0))
        self._url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._service = MetadataService(listener, lambda: TREE, self._ask, lambda: self.required)

    def _ask(self, what: str, parameters: dict[str, str]) -> str:
        self.asked.append((what, parameters))
        return "no such export" if what == "mount" else ""

    def call(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Status and text of an answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self._url + path, method=method, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def token(self, seconds: str = "60") -> tuple[int, str]:
        """What the request of a token is answered."""
        return self.call("/latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds=seconds)

    def close(self) -> None:
        """Serve no more."""
        self._service.close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


def test_metadata_are_told_to_who_has_a_token(service: Service) -> None:
    status, token = service.token()
    assert status == 200
    given = {TOKEN.replace("-", "_"): token}
    assert service.call("/latest/meta-data/placement/region", **given) == (200, "us-east-1")
    assert service.call("/latest/meta-data/", **given) == (200, "instance-id\nplacement/")
    assert service.call("/latest/user-data", **given) == (200, "#!/bin/sh\n")
    assert service.call("/latest/meta-data/spot/instance-action", **given)[0] == 404


def test_without_a_token_nothing_is_told_where_one_is_required(service: Service) -> None:
    assert service.call("/latest/meta-data/instance-id")[0] == 401
    assert service.call("/latest/meta-data/instance-id", X_aws_ec2_metadata_token="invented")[0] == 401
    service.required = False
    assert service.call("/latest/meta-data/instance-id") == (200, "i-1")
    assert service.call("/latest/meta-data/instance-id", X_aws_ec2_metadata_token="invented")[0] == 401


def test_cloud_init_which_cannot_know_that_it_is_on_ec2_reads_one_version_without(service: Service) -> None:
    assert service.call("/2009-04-04/meta-data/instance-id") == (200, "i-1")
    assert service.call("/2021-03-23/meta-data/instance-id")[0] in (401, 404)


@pytest.mark.parametrize("seconds", ["", "0", "21601", "long"])
def test_a_token_lives_for_up_to_six_hours(service: Service, seconds: str) -> None:
    assert service.token(seconds)[0] == 400


def test_what_the_image_asks_for_and_cannot_have_is_told_with_the_reason(service: Service) -> None:
    assert service.call("/embedded-aws/started", "PUT") == (200, "")
    assert service.call("/embedded-aws/mount?source=10.0.0.4%3A%2Fa&target=%2Fa", "PUT") == (400, "no such export")
    assert service.asked == [("started", {}), ("mount", {"source": "10.0.0.4:/a", "target": "/a"})]


def test_an_entry_is_found_by_its_path_and_a_folder_lists_what_is_in_it() -> None:
    assert found(TREE, ["meta-data", "placement", "region"]) == "us-east-1"
    assert found(TREE, ["meta-data", ""]) == "instance-id\nplacement/"
    assert found(TREE, ["meta-data", "instance-id", "deeper"]) is None


@pytest.mark.parametrize(
    ("directory", "client", "said"),
    [
        ("/home", "10.0.3.4", ""),
        ("/home", "10.1.3.4", "access denied by server"),
        ("/a b", "192.0.2.7", ""),
        ("/srv", "10.0.3.4", "No such file or directory"),
    ],
)
def test_an_export_is_open_to_the_networks_that_it_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, directory: str, client: str, said: str
) -> None:
    table = tmp_path / "etab"
    table.write_text("/home\t10.0.0.0/16(rw,sync)\n/a\\040b\t*(rw)\n")
    monkeypatch.setattr(exports, "_ETAB", str(table))
    assert exports.refusal(1, directory, client) == said


def test_nothing_is_mounted_from_who_exports_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exports, "_ETAB", str(tmp_path / "none"))
    assert exports.refusal(1, "/home", "10.0.0.4") == "Connection refused"


def test_no_instance_boots_where_the_environment_says_so() -> None:
    told = engine.find({"SHOAL_INSTANCES": "none"})
    assert (told.name, told.boots, told.why_none) == ("none", False, "SHOAL_INSTANCES=none")
    assert told.root("debian-12-amd64-20261102-2286") is None


def test_why_no_instance_boots_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(root_image, "DEBIAN_12", tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert engine.find({}).why_none == "set-up made no root file system for instances"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert engine.find({}).why_none == "only root may boot instances"


def test_only_images_that_have_a_root_file_system_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    boots = engine.Engine("nspawn")
    assert boots.root("debian-12-amd64-20261102-2286") == root_image.DEBIAN_12
    assert boots.root("debian-12-arm64-20261102-2286") is None
    assert boots.root("al2023-ami-2023.9.20261103.0-kernel-6.12-x86_64") is None


def test_the_index_of_stored_packages_names_each_with_its_digest(tmp_path: Path) -> None:
    control = tmp_path / "tree/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: none\n")
    folder = tmp_path / "packages"
    (folder / "partial").mkdir(parents=True)
    build = ["dpkg-deb", "--build", "--root-owner-group", str(tmp_path / "tree"), str(folder / "hello_1_all.deb")]
    subprocess.run(build, check=True, capture_output=True)
    root_image.write_index(folder)
    index = (folder / "Packages").read_text()
    assert "Package: hello" in index
    assert "Filename: ./hello_1_all.deb" in index
    assert not (folder / "partial").exists()


def test_where_none_boots_an_instance_is_a_record(account: Account, aws: Callable[[str], Any]) -> None:
    debian = aws("ssm").get_parameter(Name="/aws/service/debian/release/12/latest/amd64")["Parameter"]["Value"]
    aws("ec2").run_instances(ImageId=debian, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    told = account.server.call("GET", "/_shoal/instances")
    assert told == {"engine": "none", "whyNone": "SHOAL_INSTANCES=none", "instances": []}
