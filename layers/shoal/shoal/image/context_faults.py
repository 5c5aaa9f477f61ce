"""What is wrong with a user's build context, told by names and sizes before anything is read."""

from __future__ import annotations

import difflib
import json
import posixpath
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from shoal.image.content import COMPANIONS

MIB = 1024 * 1024
LONGEST_TARGET = 4096
"""Bytes of a link's target; Linux's PATH_MAX."""
SHOWN_NAMES = 3
"""Names that a sentence tells of those that it is about."""
_NO_NAME = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
"""Control characters, the backslash with which some Windows tools separate folders, and what is not UTF-8."""


@dataclass(frozen=True)
class Limits:
    """How large a context may be.

    It is read by functions with 1 GiB of memory and two minutes' time, which hold it once as it came, once unpacked
    and once packed again; a build that needs more data fetches it while building.
    """

    archive: int = 100 * MIB
    """Bytes of the archive."""
    content: int = 256 * MIB
    """Bytes of all files, each copy that stands for a link counted."""
    files: int = 10_000


LIMITS = Limits()


@dataclass(frozen=True)
class Entry:
    """A file or a link as it was found, not read yet."""

    path: str
    """Relative, with `/` between its parts."""
    mode: int
    """File type and permission bits as `stat` has them; 0 where nothing is known."""
    size: int
    """Bytes."""
    read: Callable[[], bytes]
    """Its content, or a link's target."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a context."""

    message: str
    """Follows `names <context>, which`."""
    suggestion: str


def shown(names: Iterable[str]) -> str:
    """Some names in a sentence; those with characters that cannot be seen as JSON has them."""
    every = [name if name.isprintable() else json.dumps(name) for name in sorted(names)]
    more = len(every) - SHOWN_NAMES
    return ", ".join(every[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def size_of(count: int) -> str:
    """A number of bytes in a sentence; rounded up, so that what is more than a limit looks like it."""
    return f"{-(-count // MIB)} MiB" if count >= MIB else f"{count} bytes"


def of_sizes(entries: Sequence[Entry], limits: Limits) -> list[Fault]:
    """What is too large, or too much."""
    faults, total = [], sum(entry.size for entry in entries)
    if total > limits.content:
        message = f"holds {size_of(total)}, more than the {size_of(limits.content)} that a context may have"
        faults.append(Fault(message, "leave out what the Dockerfile does not copy, or fetch it while building"))
    if len(entries) > limits.files:
        faults.append(too_many(f"{len(entries):,}", limits.files))
    return faults


def too_many(count: str, most: int) -> Fault:
    """More files than a context may have."""
    message = f"holds {count} files, more than the {most:,} that a context may have"
    return Fault(message, "leave out what the Dockerfile does not copy, or put it into an archive")


def of_names(entries: Sequence[Entry]) -> Iterator[Fault]:
    """What no context may hold."""
    paths = [entry.path for entry in entries]
    if wrong := {path for path in paths if _is_no_name(path)}:
        message = f"holds names that do not lie in it, {shown(wrong)}"
        yield Fault(message, "name files relative to the folder of the context, with / between folders")
    folders = {path[:end] for path in paths for end, letter in enumerate(path) if letter == "/"}
    if twice := {path for path, count in Counter(paths).items() if count > 1} | (folders & set(paths)):
        yield Fault(f"holds two entries of one name, {shown(twice)}", "keep one of each")
    if any(path.split("/")[0] == COMPANIONS for path in paths):
        yield Fault(f"holds {COMPANIONS}, the name of the files that Shoal adds", "give it another name")
    if special := {entry.path for entry in entries if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG, stat.S_IFLNK)}:
        yield Fault(f"holds what is neither file nor link nor folder, {shown(special)}", "remove it")
    if long := {entry.path for entry in entries if stat.S_ISLNK(entry.mode) and not is_link(entry)}:
        message = f"holds links of more than {LONGEST_TARGET} bytes, {shown(long)}"
        yield Fault(message, "make a shorter path of each")


def is_link(entry: Entry) -> bool:
    """Whether it is a link that can be followed."""
    return stat.S_ISLNK(entry.mode) and entry.size <= LONGEST_TARGET


def _is_no_name(path: str) -> bool:
    return bool(_NO_NAME.search(path)) or any(step in ("", ".", "..") for step in path.split("/"))


def of_dockerfile(paths: Iterable[str], dockerfile: str) -> list[Fault]:
    """A Dockerfile that is not there, with where one may be."""
    names = sorted(paths)
    if dockerfile in names:
        return []
    if not names:
        return [Fault("holds no files", f"put {dockerfile} and what it copies there")]
    top = names[0].split("/")[0]
    if f"{top}/{dockerfile}" in names and all(name.startswith(f"{top}/") for name in names):
        suggestion = f"take the content of its folder {top}, not the folder itself"
    elif near := _near(dockerfile, [name for name in names if not name.endswith(".dockerignore")]):
        suggestion = f"write Dockerfile: {near[0]}"
    else:
        suggestion = f"add it, or name another by the key Dockerfile; there are {shown(names)}"
    return [Fault(f"holds no {dockerfile}", suggestion)]


def _near(dockerfile: str, names: Sequence[str]) -> list[str]:
    """Files that are called nearly as the Dockerfile is, in any folder; the nearest first."""
    wanted = posixpath.basename(dockerfile).lower()
    called_so = [name for name in names if posixpath.basename(name).lower().startswith(wanted)]
    return difflib.get_close_matches(dockerfile, names, n=1) or called_so
