"""Which object versions are selected for deletion, and in which chunks?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shoal.cleanup.versions import KEYS, Version, chunks, writable_in_xml

KEY = st.text(min_size=1, max_size=20)
VERSIONS = st.lists(st.builds(Version, KEY, st.text("abc0", min_size=1, max_size=4)), max_size=50)
PREFIX = st.sampled_from(["", "shoal/genomics/", "a"])


@given(VERSIONS, PREFIX, KEY)
def test_nothing_outside_the_prefix_is_ever_selected(versions: list[Version], prefix: str, spare: str) -> None:
    selected = [version for chunk in chunks(versions, prefix=prefix, spare=spare) for version in chunk]
    assert all(version.key.startswith(prefix) for version in selected)


@given(VERSIONS, PREFIX, KEY)
def test_every_version_below_the_prefix_is_selected_once(versions: list[Version], prefix: str, spare: str) -> None:
    selected = [version for chunk in chunks(versions, prefix=prefix, spare=spare) for version in chunk]
    wanted = [version for version in versions if version.key.startswith(prefix) and version.key != spare]
    assert sorted(selected) == sorted(wanted)


@given(st.integers(0, 3500))
def test_a_chunk_is_at_most_a_thousand_keys(count: int) -> None:
    versions = [Version(f"jobs/{number}", "v") for number in range(count)]
    sizes = [len(chunk) for chunk in chunks(versions, prefix="", spare="")]
    assert sum(sizes) == count
    assert max(sizes, default=0) <= KEYS == 1000


@given(VERSIONS)
def test_a_key_that_xml_cannot_hold_stands_alone(versions: list[Version]) -> None:
    for chunk in chunks(versions, prefix="", spare=""):
        assert writable_in_xml(chunk) or len(chunk) == 1


def test_control_characters_cannot_be_written_in_xml() -> None:
    assert not writable_in_xml([Version("jobs/\x01", "v")])
    assert writable_in_xml([Version("jobs/a+b&<c>%41\"' ü\U0001f41f", "v")])
