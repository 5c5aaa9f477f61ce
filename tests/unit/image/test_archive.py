"""Is a context that comes as a zip archive read whole, and one that cannot be built told in one sentence?"""

from __future__ import annotations

import io
import stat
import warnings
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.cluster.grammar import Code
from shoal.image.archive import read_zip
from shoal.image.content import ContextFile, context_zip
from shoal.image.context_faults import LIMITS, Limits
from shoal.image.user_context import ContextError, digest, with_companions
from tests.support.archives import DOCKERFILE, archive

NAME = "s3://bucket/context.zip"
SMALL = Limits(archive=400, content=1000, files=4)
FILES = {**DOCKERFILE, "src/run.sh": b"#!/bin/sh\n", "src/data": b"\0\1"}


def told(content: bytes, dockerfile: str = "Dockerfile", limits: Limits = LIMITS) -> list[str]:
    """The sentences about an archive that cannot be built, as a configuration's problems."""
    with pytest.raises(ContextError) as error:
        read_zip(NAME, content, dockerfile, limits)
    problems = list(error.value.problems("ContainerImage.Context"))
    assert {problem.path for problem in problems} == {"ContainerImage.Context"}
    assert {problem.code for problem in problems} == {Code.INVALID_VALUE}
    return [f"{problem.message}; {problem.suggestion}" for problem in problems]


def sentence(rest: str) -> str:
    return f"ContainerImage.Context names {NAME}, which {rest}"


def test_an_archive_is_read_with_its_permission_bits_and_without_its_folders() -> None:
    content = archive({"src/": b"", **FILES}, {"src/": stat.S_IFDIR | 0o755, "src/run.sh": stat.S_IFREG | 0o4711})
    assert read_zip(NAME, content) == (
        ContextFile("Dockerfile", 0o644, DOCKERFILE["Dockerfile"]),
        ContextFile("src/data", 0o644, b"\0\1"),
        ContextFile("src/run.sh", 0o711, b"#!/bin/sh\n"),
    )


def test_a_script_is_executable_where_the_archive_knows_no_permissions() -> None:
    files = read_zip(NAME, archive(FILES, dict.fromkeys(FILES, 0)))
    assert {file.path: oct(file.mode) for file in files} == {
        "Dockerfile": "0o644",
        "src/data": "0o644",
        "src/run.sh": "0o755",
    }


def test_what_was_packed_is_read_as_it_was() -> None:
    files = read_zip(NAME, archive(FILES))
    assert read_zip(NAME, context_zip(files)) == files


@given(st.randoms())
def test_order_and_times_do_not_count(chance: Random) -> None:
    names = list(FILES)
    chance.shuffle(names)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name in names:
            entry = zipfile.ZipInfo(name, (chance.randint(1980, 2100), 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            target.writestr(entry, FILES[name])
    assert digest(read_zip(NAME, made.getvalue())) == digest(read_zip(NAME, archive(FILES)))


@pytest.mark.parametrize(
    "other",
    [
        archive({**FILES, "src/data": b"\0\2"}),
        archive({**DOCKERFILE, "src/run.sh": b"#!/bin/sh\n", "src/date": b"\0\1"}),
        archive(FILES, {"src/data": stat.S_IFREG | 0o600}),
    ],
    ids=["content", "name", "permissions"],
)
def test_contents_names_and_permissions_count(other: bytes) -> None:
    assert digest(read_zip(NAME, other)) != digest(read_zip(NAME, archive(FILES)))


def test_a_link_is_a_copy_of_what_it_leads_to() -> None:
    content = archive({"docker/main": DOCKERFILE["Dockerfile"]}, links={"Dockerfile": "docker/main", "more": "docker"})
    assert {file.path: file.data for file in read_zip(NAME, content)} == dict.fromkeys(
        ("Dockerfile", "docker/main", "more/main"), DOCKERFILE["Dockerfile"]
    )


NO_ZIP = "is no zip archive; make one with `zip -r context.zip .` in the folder of the Dockerfile"


@pytest.mark.parametrize("content", [b"", b"FROM scratch\n", b"\x1f\x8b\x08tar", archive()[:20]])
def test_what_is_no_archive_is_told(content: bytes) -> None:
    assert told(content) == [sentence(NO_ZIP)]


def test_a_damaged_archive_is_told() -> None:
    content = bytearray(archive({"Dockerfile": bytes(Random(1).randbytes(500))}))
    content[100] ^= 0xFF
    assert told(bytes(content)) == [
        sentence("is a zip archive that cannot be unpacked; make it again with `zip -r context.zip .`")
    ]


@given(st.integers(0, len(archive(FILES)) - 1), st.integers(0, 255), st.integers(0, 8))
def test_any_damage_is_told_or_makes_no_difference_to_reading(at: int, value: int, removed: int) -> None:
    content = archive(FILES)
    broken = content[:at] + bytes([value]) + content[at + removed :]
    with warnings.catch_warnings(), suppress(ContextError):
        warnings.simplefilter("ignore")  # `zipfile` warns of names that stand twice
        assert read_zip(NAME, broken)


LINKS: dict[str, tuple[Mapping[str, str], str]] = {
    "out": (
        {"lib": "../../etc", "root": "/etc/passwd"},
        "has a link that leads out of it, lib, root; put a copy of what it means there, or remove it",
    ),
    "nowhere": (
        {"lib": "libs"},
        "has a link that leads to nothing in it, lib; put a copy of what it means there, or remove it",
    ),
    "circle": (
        {"self": "."},
        "has a link that leads in a circle, self; put a copy of what it means there, or remove it",
    ),
    "too long": ({"lib": "a/" * 2049}, "holds links of more than 4096 bytes, lib; make a shorter path of each"),
}


@pytest.mark.parametrize("case", LINKS)
def test_a_link_that_cannot_be_followed_is_told(case: str) -> None:
    links, rest = LINKS[case]
    assert told(archive(links=links)) == [sentence(rest)]


WRONG: dict[str, tuple[Mapping[str, bytes], str]] = {
    "no Dockerfile": (
        {"app.py": b"", "run.sh": b"", "a": b"", "b": b""},
        "holds no Dockerfile; add it, or name another by the key Dockerfile; there are a, app.py, b and 1 more",
    ),
    "a Dockerfile of nearly that name": ({"dockerfile": b""}, "holds no Dockerfile; write Dockerfile: dockerfile"),
    "a Dockerfile in a folder": (
        {"build/Dockerfile.gpu": b"", "app.py": b""},
        "holds no Dockerfile; write Dockerfile: build/Dockerfile.gpu",
    ),
    "a file beside it that is none": (
        {".dockerignore": b"", "Dockerfile.dockerignore": b""},
        "holds no Dockerfile; add it, or name another by the key Dockerfile; "
        "there are .dockerignore, Dockerfile.dockerignore",
    ),
    "the folder itself": (
        {"image/Dockerfile": b"", "image/app.py": b""},
        "holds no Dockerfile; take the content of its folder image, not the folder itself",
    ),
    "nothing": ({}, "holds no files; put Dockerfile and what it copies there"),
    "names that lead out": (
        {**DOCKERFILE, "../up": b"", "/etc/passwd": b"", "a/./b": b""},
        "holds names that do not lie in it, ../up, /etc/passwd, a/./b; "
        "name files relative to the folder of the context, with / between folders",
    ),
    "names that nobody can see": (
        {**DOCKERFILE, "a\nb": b"", "c\\d": b""},
        'holds names that do not lie in it, "a\\nb", c\\d; '
        "name files relative to the folder of the context, with / between folders",
    ),
    "a file that is a folder too": (
        {**DOCKERFILE, "a": b"", "a/b": b""},
        "holds two entries of one name, a; keep one of each",
    ),
    "Shoal's own folder": (
        {**DOCKERFILE, ".shoal/shoal-job": b""},
        "holds .shoal, the name of the files that Shoal adds; give it another name",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_context_may_not_hold_is_told(case: str) -> None:
    files, rest = WRONG[case]
    assert told(archive(files)) == [sentence(rest)]


def test_two_files_of_one_name_are_told() -> None:
    made = io.BytesIO(archive())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(made, "a") as target:
        target.writestr("Dockerfile", "FROM scratch\n")
    assert told(made.getvalue()) == [sentence("holds two entries of one name, Dockerfile; keep one of each")]


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR])
def test_what_is_no_file_is_told(kind: int) -> None:
    content = archive({**DOCKERFILE, "run.sock": b""}, {"run.sock": kind | 0o600})
    assert told(content) == [sentence("holds what is neither file nor link nor folder, run.sock; remove it")]


def test_an_encrypted_file_is_told() -> None:
    content = bytearray(archive())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert told(bytes(content)) == [sentence("holds encrypted files, Dockerfile; make it without a password")]


def test_an_archive_that_is_too_large_is_told_before_it_is_opened() -> None:
    rest = (
        "has 401 bytes, more than the 400 bytes that an archive may have; "
        "leave out what the Dockerfile does not copy, or fetch it while building"
    )
    assert told(b"\0" * 401, limits=SMALL) == [sentence(rest)]


def test_a_small_archive_of_large_files_is_told_before_it_is_unpacked() -> None:
    rest = (
        "holds 301 MiB, more than the 256 MiB that a context may have; "
        "leave out what the Dockerfile does not copy, or fetch it while building"
    )
    made = io.BytesIO(archive())
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as target, target.open("zeros", "w") as zeros:
        for _ in range(300):
            zeros.write(b"\0" * 1024 * 1024)
    content = made.getvalue()
    assert len(content) < LIMITS.archive
    assert told(content) == [sentence(rest)]


def test_more_is_never_unpacked_than_an_archive_declares() -> None:
    content = bytearray(archive({"Dockerfile": b"\0" * 5000}))
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    assert told(bytes(content), limits=SMALL) == [
        sentence("is a zip archive that cannot be unpacked; make it again with `zip -r context.zip .`")
    ]


MANY = (
    "holds {} files, more than the 4 that a context may have; "
    "leave out what the Dockerfile does not copy, or put it into an archive"
)


def test_too_many_files_are_told() -> None:
    content = archive({**DOCKERFILE, **dict.fromkeys("abcd", b"")})
    assert told(content, limits=Limits(files=4)) == [sentence(MANY.format(5))]


def test_copies_that_stand_for_links_count() -> None:
    content = archive({**DOCKERFILE, "a/1": b"", "a/2": b""}, links={"l": "a"})
    assert told(content, limits=Limits(files=4)) == [sentence(MANY.format(5))]


def test_links_that_multiply_files_without_end_are_told_soon() -> None:
    links = {f"d{n}/{side}": f"../d{n - 1}" for n in range(1, 31) for side in "lr"}
    faults = told(archive({**DOCKERFILE, "d0/file": b""}, links=links))
    assert len(faults) == 1
    assert "more than the 10,000 that a context may have" in faults[0]


def test_a_directory_of_more_entries_than_can_be_read_is_told_before_it_is() -> None:
    content = archive() + b"PK\x01\x02" * 201
    assert told(content, limits=Limits(files=4)) == [sentence(MANY.format(202))]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    content = archive({"../up": b"\0" * 2000, ".shoal/x": b"", "a": b"", "a/b": b""}, links={"l": "/etc"})
    faults = told(content, "docker/Dockerfile", Limits(content=1000, files=3))
    assert [fault.split(", which ")[1].split(";")[0] for fault in faults] == [
        "holds names that do not lie in it, ../up",
        "holds two entries of one name, a",
        "holds .shoal, the name of the files that Shoal adds",
        "has a link that leads out of it, l",
        "holds 2004 bytes, more than the 1000 bytes that a context may have",
        "holds 5 files, more than the 3 that a context may have",
        "holds no docker/Dockerfile",
    ]


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "docker/gpu"])
def test_no_ignore_file_leaves_out_what_shoal_adds(dockerfile: str) -> None:
    ignoring = (".dockerignore", f"{dockerfile}.dockerignore")
    files = read_zip(
        NAME, archive({dockerfile: b"FROM scratch\n", "b": b"", **dict.fromkeys(ignoring, b"*")}), dockerfile
    )
    staged = {file.path: file.data for file in with_companions(files, dockerfile)}
    assert {name: staged[name] for name in (dockerfile, "b", *ignoring)} == {
        dockerfile: b"FROM scratch\n",
        "b": b"",
        **dict.fromkeys(ignoring, b"*\n!.shoal\n"),
    }
    assert ".shoal/shoal-job" in staged
