"""Is a registry asked for a digest as docker asks, and is its refusal told in words?"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from shoal.aws import registry as asking
from shoal.aws.registry import Answer, RegistryError, digest
from tests.support.registry import Registry, Reply, registry

DIGEST = f"sha256:{'1' * 64}"
MANIFEST = "/v2/team/base/manifests/1"


@pytest.fixture
def there() -> Iterator[Registry]:
    """A registry that has the image `team/base:1`."""
    with registry() as server:
        server.serve("team/base:1", DIGEST)
        yield server


@pytest.fixture
def closed(there: Registry) -> Registry:
    """The registry when it wants a token, which it gives to anyone."""
    challenge = f'Bearer realm="http://{there.host}/token",service="registry.test",scope="repository:team/base:pull"'
    there.replies[MANIFEST] = Reply(401, {"WWW-Authenticate": challenge})
    return there


def test_the_digest_of_a_tag_is_that_of_the_list_of_all_architectures(there: Registry) -> None:
    assert digest(f"{there.host}/team/base:1") == DIGEST
    (asked,) = there.asked
    assert (asked.method, asked.path) == ("HEAD", MANIFEST)
    assert asked.headers["Accept"].startswith("application/vnd.oci.image.index.v1+json, application/vnd.docker")


def test_a_name_without_a_tag_means_latest(there: Registry) -> None:
    there.serve("base:latest", DIGEST)
    assert digest(f"{there.host}/base") == DIGEST


def test_nobody_is_asked_about_a_name_with_a_digest(there: Registry) -> None:
    assert digest(f"{there.host}/team/base@{DIGEST}") == DIGEST
    assert there.asked == []


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_a_registry_that_wants_a_token_gets_an_anonymous_one(key: str, closed: Registry) -> None:
    closed.replies["/token"] = Reply(body=json.dumps({key: "anyone"}).encode())
    closed.then(MANIFEST, Reply(headers={"Docker-Content-Digest": DIGEST}))
    assert digest(f"{closed.host}/team/base:1") == DIGEST
    first, token, second = closed.asked
    assert "Authorization" not in first.headers
    assert token.path == "/token?service=registry.test&scope=repository%3Ateam%2Fbase%3Apull"
    assert second.headers["Authorization"] == "Bearer anyone"


def test_a_registry_that_refuses_the_token_as_well_wants_a_login(closed: Registry) -> None:
    closed.replies["/token"] = Reply(body=b'{"token": "anyone"}')
    with pytest.raises(RegistryError, match="asks for a login"):
        digest(f"{closed.host}/team/base:1")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"no json"])
def test_a_token_that_is_none_is_told(body: bytes, closed: Registry) -> None:
    closed.replies["/token"] = Reply(body=body)
    with pytest.raises(RegistryError, match="gives no token"):
        digest(f"{closed.host}/team/base:1")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(401, {"WWW-Authenticate": 'Basic realm="x"'}), "asks for a login"),
        (Reply(401), "asks for a login"),
        (Reply(403), "asks for a login"),
        (Reply(404), "has no such image"),
        (Reply(429), "limits how often it may be asked"),
        (Reply(500), "answered with status 500"),
        (Reply(200), "tells no digest"),
        (Reply(200, {"Docker-Content-Digest": "md5:1"}), "tells no digest"),
        (Reply(307, {"Location": MANIFEST}), "redirects more than 3 times"),
    ],
)
def test_why_there_is_no_digest_is_told(reply: Reply, reason: str, there: Registry) -> None:
    there.replies[MANIFEST] = reply
    with pytest.raises(RegistryError, match=reason):
        digest(f"{there.host}/team/base:1")


def test_the_limit_of_tokens_is_told_as_well(closed: Registry) -> None:
    closed.replies["/token"] = Reply(429)
    with pytest.raises(RegistryError, match="limits how often it may be asked"):
        digest(f"{closed.host}/team/base:1")


def test_a_registry_that_is_not_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(RegistryError, match="cannot be reached"):
            digest(f"127.0.0.1:{taken.getsockname()[1]}/team/base:1")


def test_what_is_no_registry_is_told(there: Registry) -> None:
    there.replies[MANIFEST] = Reply(302, {"Location": "http://["})
    with pytest.raises(RegistryError, match="leads to no address"):
        digest(f"{there.host}/team/base:1")


def test_a_redirect_is_followed_and_the_token_stays_behind(closed: Registry) -> None:
    closed.replies["/token"] = Reply(body=b'{"token": "anyone"}')
    with registry() as other:
        other.serve("elsewhere:1", DIGEST)
        target = f"http://{other.host}/v2/elsewhere/manifests/1"
        closed.then(MANIFEST, Reply(307, {"Location": target}))
        assert digest(f"{closed.host}/team/base:1") == DIGEST
        (asked,) = other.asked
    assert closed.asked[-1].headers["Authorization"] == "Bearer anyone"
    assert "Authorization" not in asked.headers


def test_a_registry_elsewhere_cannot_lead_to_an_address_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def redirected(method: str, url: str, headers: object) -> Answer:
        asked.append(url)
        return Answer(302, {"Location": "http://127.0.0.1:9001/runtime"}, b"")

    monkeypatch.setattr(asking, "_request", redirected)
    with pytest.raises(RegistryError, match="leads to an address without TLS"):
        digest("registry.example.com/team/base:1")
    assert asked == ["https://registry.example.com/v2/team/base/manifests/1"]


def test_docker_hub_is_asked_where_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answered(method: str, url: str, headers: object) -> Answer:
        asked.append(url)
        return Answer(200, {"Docker-Content-Digest": DIGEST}, b"")

    monkeypatch.setattr(asking, "_request", answered)
    assert digest("debian:12") == DIGEST
    assert asked == ["https://registry-1.docker.io/v2/library/debian/manifests/12"]
