"""Where does a link of a context lead, and what stands in its place? Linux itself is the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal.image.symlinks import MOST_LINKS, Astray, LinkError, Links

FOLDERS = ("a", "b", "a/c")
FILES = tuple(f"{folder}/file" for folder in FOLDERS)
PLACES = ("l", "m", "a/n", "a/c/o")
TARGETS = st.lists(st.sampled_from(("..", ".", "a", "b", "c", "l", "m", "n", "o", "file")), min_size=1, max_size=5)


def copies(link: str, targets: Mapping[str, str], files: tuple[str, ...] = FILES) -> dict[str, str]:
    return dict(Links(targets, iter(files)).copies(link))


def why(link: str, targets: Mapping[str, str], files: tuple[str, ...] = FILES) -> Astray:
    with pytest.raises(LinkError) as error:
        copies(link, targets, files)
    return error.value.why


def test_a_link_to_a_file_becomes_the_file() -> None:
    assert copies("l", {"l": "a/c/file"}) == {"l": "a/c/file"}


def test_a_link_to_a_folder_becomes_its_files_at_every_depth() -> None:
    assert copies("l", {"l": "a"}) == {"l/file": "a/file", "l/c/file": "a/c/file"}


def test_a_link_is_relative_to_its_own_folder() -> None:
    assert copies("a/c/o", {"a/c/o": "../../b/file"}) == {"a/c/o": "b/file"}


def test_links_in_a_folder_that_a_link_leads_to_are_followed_too() -> None:
    assert copies("l", {"l": "a/c", "a/c/o": "../../b"}) == {"l/file": "a/c/file", "l/o/file": "b/file"}


def test_the_steps_behind_a_link_begin_where_it_leads() -> None:
    assert copies("l", {"l": "m/../../b/file", "m": "a/c"}) == {"l": "b/file"}


@pytest.mark.parametrize("target", ["..", "../file", "/etc/passwd", "a/../../b", "m/../../x"])
def test_a_link_that_leads_out_of_the_tree_is_told(target: str) -> None:
    assert why("l", {"l": target, "m": "a"}) is Astray.OUT


@pytest.mark.parametrize("target", ["nothing", "a/nothing", "b/file/x"])
def test_a_link_to_what_is_not_there_is_told(target: str) -> None:
    assert why("l", {"l": target}) is Astray.NOWHERE


@pytest.mark.parametrize(
    "targets", [{"l": "l"}, {"l": "m", "m": "l"}, {"l": "."}, {"l": "a", "a/n": ".."}, {"l": "a", "a/n": "../a"}]
)
def test_a_circle_is_told(targets: Mapping[str, str]) -> None:
    assert why("l", targets) is Astray.CIRCLE


def test_as_many_links_are_followed_as_linux_follows() -> None:
    chain = {f"l{number}": f"l{number + 1}" for number in range(MOST_LINKS - 1)} | {f"l{MOST_LINKS - 1}": "a/file"}
    assert copies("l0", chain) == {"l0": "a/file"}
    assert why("k", {"k": "l0", **chain}) is Astray.CIRCLE


def test_folders_of_links_in_folders_of_links_end() -> None:
    nested = {f"d{number}/l": f"../d{number + 1}" for number in range(MOST_LINKS + 1)}
    assert why("d0/l", nested, ("d41/file",)) is Astray.CIRCLE


def written(tree: Path, targets: Mapping[str, str]) -> None:
    for folder in FOLDERS:
        (tree / folder).mkdir(parents=True)
        (tree / folder / "file").write_text(folder)
    for place, target in targets.items():
        (tree / place).symlink_to(target)


def as_linux_sees_it(tree: Path, path: Path, within: tuple[Path, ...] = ()) -> dict[str, str] | None:
    """The files that Linux finds at a path, each with what it is; none where something of it is nowhere in the tree."""
    real = path.resolve()
    if not path.exists() or not real.is_relative_to(tree) or real in within:
        return None
    if real.is_file():
        return {str(path.relative_to(tree)): str(real.relative_to(tree))}
    found: dict[str, str] = {}
    for child in path.iterdir():
        seen = as_linux_sees_it(tree, child, (*within, real))
        if seen is None:
            return None
        found |= seen
    return found


@given(targets=st.dictionaries(st.sampled_from(PLACES), TARGETS.map("/".join), min_size=1, max_size=4))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_linux_finds_at_a_link_stands_in_its_place(
    tmp_path_factory: pytest.TempPathFactory, targets: Mapping[str, str]
) -> None:
    tree = tmp_path_factory.mktemp("tree").resolve()
    written(tree, targets)
    for link in targets:
        seen = as_linux_sees_it(tree, tree / link)
        if seen is not None:
            assert copies(link, targets) == seen
