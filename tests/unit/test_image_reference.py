"""Is the name of an image read as docker reads it?"""

from __future__ import annotations

import pytest

from shoal.image.reference import Reference, is_pinned, pinned, reference

DIGEST = f"sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("debian", Reference("docker.io", "library/debian", "latest", None)),
        ("team/base:1", Reference("docker.io", "team/base", "1", None)),
        ("localhost/base", Reference("localhost", "base", "latest", None)),
        ("registry:5000/team/base:1", Reference("registry:5000", "team/base", "1", None)),
        ("public.ecr.aws/debian/debian:12-slim", Reference("public.ecr.aws", "debian/debian", "12-slim", None)),
        (f"quay.io/a/b@{DIGEST}", Reference("quay.io", "a/b", "latest", DIGEST)),
        (f"quay.io/a/b:1@{DIGEST}", Reference("quay.io", "a/b", "1", DIGEST)),
    ],
)
def test_a_name_is_taken_apart(name: str, expected: Reference) -> None:
    assert reference(name) == expected


@pytest.mark.parametrize(
    ("registry", "local"),
    [("127.0.0.1:5000", True), ("127.9.9.9", True), ("localhost", False), ("10.0.0.1", False), ("quay.io", False)],
)
def test_only_an_address_of_this_machine_is_spoken_to_without_tls(registry: str, local: bool) -> None:
    assert reference(f"{registry}/base:1").is_local is local


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("debian", f"debian@{DIGEST}"),
        ("debian:12", f"debian@{DIGEST}"),
        ("127.0.0.1:5000/team/base:1", f"127.0.0.1:5000/team/base@{DIGEST}"),
        ("127.0.0.1:5000/base", f"127.0.0.1:5000/base@{DIGEST}"),
    ],
)
def test_a_digest_takes_the_place_of_the_tag_and_never_of_the_port(name: str, expected: str) -> None:
    assert pinned(name, DIGEST) == expected
    assert is_pinned(expected)
    assert not is_pinned(name)
