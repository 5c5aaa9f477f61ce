"""A build context that is a directory beside the configuration file: checked as the control plane would, and packed."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.cluster.materials import named_materials
from shoal.cluster.problems import ConfigurationError, Problem
from shoal.image.archive import too_large
from shoal.image.content import ResolvedContext, context_zip
from shoal.image.context_faults import LIMITS, Entry, Fault, Limits
from shoal.image.user_context import IGNORE_FILE, ContextError, digest, read_files

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster


@dataclass(frozen=True)
class Folder:
    """A directory that was checked, as it is uploaded."""

    archive: bytes
    digest: str

    @property
    def key(self) -> str:
        """Its place in the Region's bucket; the control plane takes nothing else there for a context."""
        return f"contexts/{self.digest}.zip"

    def uri(self, bucket: str) -> str:
        """Its address in the Region's bucket."""
        return f"s3://{bucket}/{self.key}"

    def resolved(self, bucket: str) -> ResolvedContext:
        """What the control plane makes of it, the object's version apart."""
        return ResolvedContext(bucket=bucket, key=self.key, version_id="null", digest=self.digest)


def folders_of(cluster: Cluster, beside: Path, limits: Limits = LIMITS) -> dict[str, Folder]:
    """The directories that a configuration's images are built from, by their names in it.

    Args:
        cluster: the configuration.
        beside: the folder of its file.
        limits: how large a context may be.

    Raises:
        ConfigurationError: with everything that is wrong with them.
    """
    found: dict[str, Folder] = {}
    problems: list[Problem] = []
    named = {place: path for place, path in named_materials(cluster, "").contexts.items() if "://" not in place[0]}
    for (name, dockerfile), path in named.items():
        needed = [other for context, other in named if context == name]
        try:
            found[name] = pack(name, beside / name, dockerfile, needed, limits)
        except ContextError as error:
            problems += error.problems(path)
    if problems:
        raise ConfigurationError(tuple(problems))
    return found


def pack(name: str, folder: Path, dockerfile: str, needed: Sequence[str], limits: Limits = LIMITS) -> Folder:
    """Check a directory and pack what its `.dockerignore` leaves of it.

    Args:
        name: the directory as the configuration names it, for messages.
        folder: the directory.
        dockerfile: path of the Dockerfile in it.
        needed: Dockerfiles that no pattern leaves out, this one among them.
        limits: how large it may be.

    Raises:
        ContextError: with everything that is wrong with it.
    """
    try:
        if not folder.is_dir():
            what = "is no directory" if folder.exists() else "is not there"
            raise ContextError(name, [Fault(what, "write the path of a directory, relative to the configuration file")])
        entries = [_entry(folder, path) for path in _paths(folder, needed)]
        files = read_files(name, [entry for entry in entries if not stat.S_ISDIR(entry.mode)], dockerfile, limits)
    except OSError as error:
        path = Path(error.filename or folder).relative_to(folder)
        fault = Fault(f"cannot be read: {path}: {error.strerror}", f"let yourself read it, or name it in {IGNORE_FILE}")
        raise ContextError(name, [fault]) from error
    archive = context_zip(files)
    if len(archive) > limits.archive:
        raise ContextError(name, [too_large(len(archive), limits)])
    return Folder(archive, digest(files))


def _paths(folder: Path, needed: Sequence[str]) -> list[str]:
    """What docker would send; a Dockerfile's own ignore file goes before the common one, and docker reads it itself."""
    from docker.utils.build import exclude_paths  # no other command waits 0.2 s for it

    ignore = folder / IGNORE_FILE
    own = any((folder / f"{dockerfile}{IGNORE_FILE}").exists() for dockerfile in needed)
    lines = [] if own or not ignore.exists() else ignore.read_text(encoding="utf-8", errors="replace").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return sorted(exclude_paths(str(folder), [*patterns, *(f"!{dockerfile}" for dockerfile in needed)]))


def _entry(folder: Path, path: str) -> Entry:
    at = folder / path
    state = at.lstat()
    return Entry(path, state.st_mode, state.st_size, _reader(at, is_link=stat.S_ISLNK(state.st_mode)))


def _reader(at: Path, *, is_link: bool) -> Callable[[], bytes]:
    return (lambda: str(at.readlink()).encode()) if is_link else at.read_bytes
