"""Do old images go by count and age, and never one that somebody names?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cleanup.images import Image
from shoal.image.retention import NEWEST, YOUNG, named_images, references, retired

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
REPOSITORY = "shoal/genomics"
URI = f"111111111111.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}"
DIGEST = f"sha256:{'a' * 64}"


def image(number: int, days: float, *, tags: tuple[str, ...] | None = None, subject: str | None = None) -> Image:
    """An image pushed some days ago, tagged by its number."""
    given = (f"tag-{number}",) if tags is None else tags
    return Image(f"sha256:{number:064x}", subject=subject, tags=given, pushed=NOW - timedelta(days=days))


def digests(images: list[Image]) -> list[int]:
    return sorted(int(item.digest.removeprefix("sha256:"), 16) for item in images)


OLD = [image(number, 100 + number) for number in range(NEWEST + 3)]
"""The higher the number, the older."""


def test_the_newest_stay_whatever_their_age() -> None:
    assert digests(retired(OLD, (), NOW)) == [NEWEST, NEWEST + 1, NEWEST + 2]


def test_the_young_stay_whatever_their_number() -> None:
    assert retired([image(number, 29.9) for number in range(5 * NEWEST)], (), NOW) == []


def test_an_image_of_exactly_the_age_is_not_young() -> None:
    exact = [*OLD[:NEWEST], image(99, YOUNG.days + 200)]
    assert digests(retired(exact, (), NOW)) == [99]
    assert digests(retired([image(n, YOUNG.days) for n in range(NEWEST + 1)], (), NOW)) == [NEWEST]


@pytest.mark.parametrize("used", [f"tag-{NEWEST + 1}", f"sha256:{NEWEST + 1:064x}"])
def test_what_is_in_use_by_tag_or_digest_stays(used: str) -> None:
    assert digests(retired(OLD, {used}, NOW)) == [NEWEST, NEWEST + 2]


def test_an_old_image_without_a_tag_goes_and_does_not_count() -> None:
    untagged = image(99, 31, tags=())
    assert digests(retired([untagged, *OLD[:NEWEST]], (), NOW)) == [99]


def test_a_signature_stays_with_what_it_signs_and_goes_with_it() -> None:
    kept, gone = OLD[0], OLD[NEWEST]
    signatures = [image(98, 100, tags=(), subject=kept.digest), image(99, 100, tags=(), subject=gone.digest)]
    assert digests(retired([*OLD[: NEWEST + 1], *signatures], (), NOW)) == [NEWEST, 99]


def test_a_signature_does_not_take_the_place_of_an_image() -> None:
    signature = image(99, 1, tags=("signature",), subject=OLD[0].digest)
    assert retired([signature, *OLD[:NEWEST]], (), NOW) == []


@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=40),
    st.sets(st.integers(0, 39)),
)
def test_whatever_there_is_what_is_named_young_or_among_the_newest_stays(
    pushed: list[tuple[int, bool]], used: set[int]
) -> None:
    images = [image(number, days, tags=None if tagged else ()) for number, (days, tagged) in enumerate(pushed)]
    in_use = {f"tag-{number}" for number in used} | {f"sha256:{number:064x}" for number in used}
    gone = set(digests(retired(images, in_use, NOW)))
    assert not gone & used
    assert all(pushed[number][0] >= YOUNG.days for number in gone)
    tagged = [number for number, (_, has_tag) in enumerate(pushed) if has_tag]
    assert len([number for number in tagged if number not in gone]) >= min(NEWEST, len(tagged))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (f"{URI}:0f1e", {"0f1e"}),
        (f"{URI}@{DIGEST}", {DIGEST}),
        (f"{URI}:0f1e@{DIGEST}", {"0f1e", DIGEST}),
        (URI, {"latest"}),
        (f"111111111111.dkr-ecr.us-east-1.on.aws/{REPOSITORY}:0f1e", {"0f1e"}),
        (f"127.0.0.1:5000/{REPOSITORY}:0f1e", {"0f1e"}),
        (f"{URI}-other:0f1e", set()),
        ("public.ecr.aws/debian/debian:12-slim", set()),
        ("debian", set()),
    ],
)
def test_a_name_means_a_tag_or_a_digest_of_its_own_repository(name: str, meant: set[str]) -> None:
    assert references([name], REPOSITORY) == meant


@pytest.mark.parametrize(
    "described",
    [
        {"containerProperties": {"image": "i", "command": ["echo"]}},
        {"container": {"image": "i", "environment": [{"name": "IMAGE", "value": "other"}]}},
        {"nodeProperties": {"nodeRangeProperties": [{"targetNodes": "0:", "container": {"image": "i"}}]}},
        {"ecsProperties": {"taskProperties": [{"containers": [{"image": "i"}]}]}},
        {"eksProperties": {"podProperties": {"containers": [{"image": "i"}]}}},
    ],
)
def test_the_image_is_found_in_every_kind_of_job(described: dict[str, Any]) -> None:
    assert list(named_images(described)) == ["i"]


def test_every_range_of_nodes_may_name_an_image_of_its_own() -> None:
    ranges = [{"container": {"image": name}} for name in ("main", "others")]
    assert list(named_images({"nodeProperties": {"nodeRangeProperties": ranges}})) == ["main", "others"]
