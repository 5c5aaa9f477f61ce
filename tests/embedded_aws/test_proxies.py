"""Does the proxy of the machine reach what downloads something in a container, without being in an image?"""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded_aws.containers.proxies import client_configuration


@pytest.fixture(autouse=True)
def _apt_without_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _say_as_apt(tmp_path, "")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def _say_as_apt(folder: Path, http: str) -> None:
    program = folder / "apt-config"
    program.write_text(f"#!/bin/sh\ncase $4 in *http::Proxy) echo '{http}';; esac\n")
    program.chmod(0o755)


def test_without_a_proxy_the_client_is_told_nothing() -> None:
    assert client_configuration({}) == {}


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_a_proxy_of_the_environment_is_handed_on_and_the_server_reached_directly(name: str) -> None:
    proxies = client_configuration({name: "http://proxy:8080", "no_proxy": "example.org"})["proxies"]["default"]
    assert proxies == {"httpProxy": "http://proxy:8080", "noProxy": "example.org,127.0.0.1,localhost"}


def test_a_proxy_of_apt_counts_where_the_environment_names_none(tmp_path: Path) -> None:
    _say_as_apt(tmp_path, "http://apt-proxy:3142")
    assert client_configuration({})["proxies"]["default"]["httpProxy"] == "http://apt-proxy:3142"


def test_apt_going_directly_is_no_proxy(tmp_path: Path) -> None:
    _say_as_apt(tmp_path, "DIRECT")
    assert client_configuration({}) == {}
