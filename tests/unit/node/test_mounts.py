"""Does an fstab keep what others wrote, and have one entry for each of our directories?"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from shoal_node.contract import fstab_field
from shoal_node.mounts import with_entry

OTHERS = "# made by the installer\nUUID=1 / ext4 defaults 0 1\n"
paths = st.text(min_size=1).map(lambda text: f"/{text}")


def entry(mount_dir: str, source: str = "/dev/sdf") -> str:
    return f"{source} {fstab_field(mount_dir)} ext4 defaults 0 2"


def test_an_entry_is_added_to_those_of_others() -> None:
    assert with_entry(OTHERS, "/shared", entry("/shared")) == f"{OTHERS}{entry('/shared')}\n"


def test_an_entry_takes_the_place_of_another_for_its_directory() -> None:
    before = with_entry(OTHERS, "/a b", entry("/a b", "/dev/old"))
    assert with_entry(before, "/a b", entry("/a b")) == f"{OTHERS}{entry('/a b')}\n"


def test_a_comment_that_looks_like_an_entry_stays() -> None:
    comment = f"#{entry('/shared')}\n"
    assert with_entry(comment, "/shared", entry("/shared")).startswith(comment)


@given(paths)
def test_a_field_has_no_character_that_ends_it(path: str) -> None:
    assert not re.search(r"[ \t\n#\"]", fstab_field(path))


@given(paths)
def test_a_field_is_read_back_as_the_path(path: str) -> None:
    read = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), fstab_field(path))
    assert read == path
