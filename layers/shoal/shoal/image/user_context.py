"""A user's build context: what it may hold, judged by names and sizes before anything is read.

Permission bits and contents count, and nothing else does (times, owners, order, empty folders), so that equal content
has an equal digest wherever it comes from: an archive, a prefix in S3, a folder of the user's machine.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import posixpath
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from shoal.cluster.grammar import Code
from shoal.cluster.problems import Problem
from shoal.image.content import COMPANIONS, DOCKERFILE, ContextFile, companion_files
from shoal.image.symlinks import Astray, LinkError, Links

MIB = 1024 * 1024
LONGEST_TARGET = 4096
"""Bytes of a link's target; Linux's PATH_MAX."""
IGNORE_FILE = ".dockerignore"
"""https://docs.docker.com/build/concepts/context/#dockerignore-files"""
SHOWN_NAMES = 3
"""Names that a sentence tells of those that it is about."""
_NO_NAME = re.compile(r"[\x00-\x1f\x7f\\]")
"""Control characters, and the backslash with which some Windows tools separate folders."""


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


class ContextError(Exception):
    """A context that cannot be built.

    Attributes:
        name: the context as the configuration names it.
        faults: all that is wrong with it.
    """

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        super().__init__(f"{name} {faults[0].message}; {faults[0].suggestion}")
        self.name = name
        self.faults = tuple(faults)

    def problems(self, path: str) -> Iterator[Problem]:
        """The faults as problems of the configuration.

        Args:
            path: the key that names the context.
        """
        for fault in self.faults:
            message = f"{path} names {self.name}, which {fault.message}"
            yield Problem(path, Code.INVALID_VALUE, message, fault.suggestion)


def digest(files: Iterable[ContextFile]) -> str:
    """What a context is known by: 64 hexadecimal characters of a SHA-256 over path, mode and content of its files."""
    listed = [[file.path, file.mode, hashlib.sha256(file.data).hexdigest()] for file in sorted(files)]
    return hashlib.sha256(json.dumps(listed, separators=(",", ":")).encode()).hexdigest()


def read_files(
    name: str, entries: Sequence[Entry], dockerfile: str = DOCKERFILE, limits: Limits = LIMITS
) -> tuple[ContextFile, ...]:
    """The files of a context, sorted by path; a link's place is taken by a copy of what it leads to.

    Args:
        name: the context as the configuration names it, for messages.
        entries: what was found; folders left out.
        dockerfile: path of its Dockerfile.
        limits: how large it may be.

    Raises:
        ContextError: with everything that is wrong with its names, links and sizes.
    """
    placed, of_links = _followed(entries, limits)
    of_sizes = _of_sizes(entries, limits) or _of_sizes([*placed.values()], limits)
    of_dockerfile = _of_dockerfile(placed, posixpath.normpath(dockerfile))
    if faults := [*_of_names(entries), *of_links, *of_sizes, *of_dockerfile]:
        raise ContextError(name, faults)
    contents = {entry.path: entry.read() for entry in placed.values()}
    return tuple(
        ContextFile(path, _permissions(entry.mode, contents[entry.path]), contents[entry.path])
        for path, entry in sorted(placed.items())
    )


def with_companions(files: Sequence[ContextFile], dockerfile: str = DOCKERFILE) -> tuple[ContextFile, ...]:
    """A user's files with Shoal's own beside them, which a `*` in a `.dockerignore` does not mean.

    Args:
        files: the context.
        dockerfile: path of its Dockerfile, which may have an ignore file of its own.
    """
    ignoring = {IGNORE_FILE, f"{dockerfile}{IGNORE_FILE}"}
    kept = f"\n!{COMPANIONS}\n".encode()
    users = (replace(file, data=file.data + kept) if file.path in ignoring else file for file in files)
    return (*users, *companion_files())


def _permissions(mode: int, content: bytes) -> int:
    """A file without any bit is of no use, so that means unknown: then scripts are executable, as Shoal's own are."""
    return stat.S_IMODE(mode) & 0o777 or (0o755 if content[:2] == b"#!" else 0o644)


def shown(names: Iterable[str]) -> str:
    """Some names in a sentence; those with characters that cannot be seen as JSON has them."""
    every = [name if name.isprintable() else json.dumps(name) for name in sorted(names)]
    more = len(every) - SHOWN_NAMES
    return ", ".join(every[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def size_of(count: int) -> str:
    """A number of bytes in a sentence."""
    return f"{count / MIB:.0f} MiB" if count >= MIB else f"{count} bytes"


def _of_sizes(entries: Sequence[Entry], limits: Limits) -> list[Fault]:
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


def _of_names(entries: Sequence[Entry]) -> Iterator[Fault]:
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
    if long := {entry.path for entry in entries if stat.S_ISLNK(entry.mode) and not _is_link(entry)}:
        message = f"holds links of more than {LONGEST_TARGET} bytes, {shown(long)}"
        yield Fault(message, "make a shorter path of each")


def _is_link(entry: Entry) -> bool:
    return stat.S_ISLNK(entry.mode) and entry.size <= LONGEST_TARGET


def _is_no_name(path: str) -> bool:
    return bool(_NO_NAME.search(path)) or any(step in ("", ".", "..") for step in path.split("/"))


def _followed(entries: Sequence[Entry], limits: Limits) -> tuple[dict[str, Entry], list[Fault]]:
    """The files by their names, with copies in the places of links, as many as the limit has; and the links' faults."""
    files = {entry.path: entry for entry in entries if not _is_link(entry)}
    targets = {entry.path: entry.read().decode("utf-8", "replace") for entry in entries if _is_link(entry)}
    links, placed = Links(targets, iter(files)), dict(files)
    astray: dict[Astray, list[str]] = {}
    for link in targets:
        try:
            for path, source in links.copies(link):
                placed[path] = files[source]
                if len(placed) > limits.files:
                    return placed, []
        except LinkError as error:
            astray.setdefault(error.why, []).append(link)
    return placed, [
        Fault(f"has a link that {why.value}, {shown(names)}", "put a copy of what it means there, or remove it")
        for why, names in sorted(astray.items())
    ]


def _of_dockerfile(paths: Iterable[str], dockerfile: str) -> list[Fault]:
    names = sorted(paths)
    if dockerfile in names:
        return []
    if not names:
        return [Fault("holds no files", f"put {dockerfile} and what it copies there")]
    top = names[0].split("/")[0]
    if f"{top}/{dockerfile}" in names and all(name.startswith(f"{top}/") for name in names):
        suggestion = f"take the content of its folder {top}, not the folder itself"
    elif near := difflib.get_close_matches(dockerfile, names, n=1) or _of_last_part(dockerfile, names):
        suggestion = f"write Dockerfile: {near[0]}"
    else:
        suggestion = f"add it, or name another by the key Dockerfile; there are {shown(names)}"
    return [Fault(f"holds no {dockerfile}", suggestion)]


def _of_last_part(dockerfile: str, names: Sequence[str]) -> list[str]:
    """Files that are called as the Dockerfile is, or nearly so, in any folder."""
    wanted = posixpath.basename(dockerfile).lower()
    return [name for name in names if posixpath.basename(name).lower().startswith(wanted)]
