"""A user's build context: its files, with copies in the places of links, and the digest that it is known by.

Permission bits and contents count, and nothing else does (times, owners, order, empty folders), so that equal content
has an equal digest wherever it comes from: an archive, a prefix in S3, a folder of the user's machine.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from shoal.cluster.grammar import Code
from shoal.cluster.problems import Problem
from shoal.image.content import COMPANIONS, DOCKERFILE, ContextFile, companion_files
from shoal.image.context_faults import LIMITS, Entry, Fault, Limits, is_link, of_dockerfile, of_names, of_sizes, shown
from shoal.image.symlinks import Astray, LinkError, Links

IGNORE_FILE = ".dockerignore"
"""https://docs.docker.com/build/concepts/context/#dockerignore-files"""


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
    faults = [*of_names(entries), *of_links]
    faults += of_sizes(entries, limits) or of_sizes([*placed.values()], limits)
    faults += of_dockerfile(placed, posixpath.normpath(dockerfile))
    if faults:
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


def _followed(entries: Sequence[Entry], limits: Limits) -> tuple[dict[str, Entry], list[Fault]]:
    """The files by their names, with copies in the places of links, as many as the limit has; and the links' faults."""
    files = {entry.path: entry for entry in entries if not is_link(entry)}
    targets = {entry.path: entry.read().decode("utf-8", "replace") for entry in entries if is_link(entry)}
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
