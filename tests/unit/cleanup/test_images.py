"""Is every image of a repository deleted, lists before their members?"""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from shoal.cleanup.drain import Phase, Slice, empty
from shoal.cleanup.images import IDS, Image, phases
from shoal.cleanup.pace import Pace
from tests.support.ecr import INDEX, MANIFEST, Repository

PLAIN = st.sets(st.integers(0, 300), max_size=250)
NESTING = st.lists(st.lists(st.integers(0, 40), max_size=4), max_size=30)


def emptied(repository: Repository) -> Slice:
    def begin() -> list[Phase]:
        return [Phase(chunk, repository.delete) for chunk in phases(repository.images())]

    return empty(begin, lambda: 1.0, workers=4, pace=Pace())


@given(PLAIN, NESTING)
def test_a_repository_of_any_shape_is_emptied(plain: set[int], lists: list[list[int]]) -> None:
    repository = Repository()
    for number in plain:
        repository.push(f"sha256:m{number}", MANIFEST)
    for number, members in enumerate(lists):
        inner = [f"sha256:m{member}" for member in members] + ([f"sha256:l{number - 1}"] if number % 3 == 1 else [])
        repository.push(f"sha256:l{number}", INDEX, [member for member in inner if member in repository.stored])
    count = len(repository.stored)
    found = emptied(repository)
    assert repository.stored == {}
    assert found.empty
    assert found.deleted == count


@given(PLAIN)
def test_a_call_names_at_most_a_hundred_images(plain: set[int]) -> None:
    repository = Repository()
    for number in plain:
        repository.push(f"sha256:m{number}", MANIFEST)
    emptied(repository)
    assert max(repository.calls, default=0) <= IDS == 100


def test_lists_go_first_then_what_refers_to_others() -> None:
    images = [
        Image("sha256:member", MANIFEST),
        Image("sha256:signature", MANIFEST, "sha256:list"),
        Image("sha256:list", INDEX),
    ]
    order = [digest for phase in phases(images) for chunk in phase for digest in chunk]
    assert order == ["sha256:list", "sha256:signature", "sha256:member"]


def test_an_image_that_a_foreign_list_holds_is_named_and_not_tried_for_ever() -> None:
    repository = Repository()
    repository.push("sha256:held", MANIFEST)
    repository.refuse = {"sha256:held": "ImageReferencedByManifestList"}
    found = emptied(repository)
    assert not found.empty
    assert [(sample.name, sample.code) for sample in found.samples] == [
        ("sha256:held", "ImageReferencedByManifestList")
    ]
    assert len(repository.calls) == 1


def test_a_list_of_manifests_of_either_vendor_is_a_list() -> None:
    docker = "application/vnd.docker.distribution.manifest.list.v2+json"
    first, *_ = phases([Image("sha256:a", docker), Image("sha256:b", INDEX), Image("sha256:c", MANIFEST)])
    assert list(first) == [("sha256:a", "sha256:b")]


def test_an_empty_repository_takes_one_look() -> None:
    looks: list[int] = []

    def begin(repository: Repository) -> list[Phase]:
        looks.append(1)
        return [Phase(chunk, repository.delete) for chunk in phases(repository.images())]

    assert empty(partial(begin, Repository()), lambda: 1.0, workers=1, pace=Pace()).empty
    assert looks == [1]
