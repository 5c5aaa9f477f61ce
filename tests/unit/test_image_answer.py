"""Does the answer tell what was built from what was there, and register all of it?"""

from __future__ import annotations

from typing import Any

import pytest

from shoal.image.answer import answer


def image(tag: str) -> dict[str, Any]:
    return {"tag": tag, "uri": f"registry/shoal/g:{tag}", "digest": f"sha256:{tag}", "queues": ["main"]}


@pytest.mark.parametrize(
    ("tags", "built", "summary"),
    [
        ("", "", "Nothing to build: every queue names a ready image."),
        ("a", "a", "The image registry/shoal/g:a was built and pushed."),
        ("a", "", "The image registry/shoal/g:a was there already, so nothing was built."),
        ("ab", "", "All 2 images were there already, so nothing was built."),
        ("ab", "b", "Of 2 images 1 was built and pushed: registry/shoal/g:b."),
        ("ab", "ab", "Of 2 images 2 were built and pushed: registry/shoal/g:a, registry/shoal/g:b."),
    ],
)
def test_the_summary_tells_a_built_image_from_one_that_was_there(tags: str, built: str, summary: str) -> None:
    assert answer([image(tag) for tag in tags], list(built))["summary"] == summary


def test_every_image_is_registered_with_its_digest_whether_it_was_built_or_not() -> None:
    images = [image("a"), image("b")]
    told = answer(images, ["b"])
    assert (told["images"], told["cluster"]["images"], told["built"]) == (images, images, ["b"])
