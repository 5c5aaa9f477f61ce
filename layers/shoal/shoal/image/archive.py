"""A build context that comes as a zip archive."""

from __future__ import annotations

import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator

from shoal.image.content import DOCKERFILE, ContextFile
from shoal.image.context_faults import LIMITS, Entry, Fault, Limits, shown, size_of, too_many
from shoal.image.user_context import ContextError, read_files

_ENTRY = b"PK\x01\x02"
"""Begins every entry of an archive's directory."""
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, NotImplementedError, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)
"""What `zipfile` raises for archives that are damaged or of a kind that it does not know."""
_NO_ZIP = Fault("is no zip archive", "make one with `zip -r context.zip .` in the folder of the Dockerfile")
_DAMAGED = Fault("is a zip archive that cannot be unpacked", "make it again with `zip -r context.zip .`")


def read_zip(
    name: str, archive: bytes, dockerfile: str = DOCKERFILE, limits: Limits = LIMITS
) -> tuple[ContextFile, ...]:
    """The files of an archive, sorted by path; a link's place is taken by a copy of what it leads to.

    What is unpacked is never more than the archive's directory declares, and that is judged first: `zipfile` stops
    reading an entry at its declared size.

    Args:
        name: the context as the configuration names it, for messages.
        archive: the archive's bytes.
        dockerfile: path of its Dockerfile.
        limits: how large it may be.

    Raises:
        ContextError: with everything that is wrong with it.
    """
    if len(archive) > limits.archive:
        raise ContextError(name, [too_large(len(archive), limits)])
    # Even a directory of millions of entries would be read whole by `zipfile`. Archives in the archive are counted too.
    if archive.count(_ENTRY) > 50 * limits.files:
        raise ContextError(name, [too_many(f"{archive.count(_ENTRY):,}", limits.files)])
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as source:
            return read_files(name, list(_entries(name, source)), dockerfile, limits)
    except _BROKEN as error:
        raise ContextError(name, [_DAMAGED if zipfile.is_zipfile(io.BytesIO(archive)) else _NO_ZIP]) from error


def too_large(size: int, limits: Limits) -> Fault:
    """An archive of more bytes than a context may have."""
    message = f"has {size_of(size)}, more than the {size_of(limits.archive)} that an archive may have"
    return Fault(message, "leave out what the Dockerfile does not copy, or fetch it while building")


def _entries(name: str, source: zipfile.ZipFile) -> Iterator[Entry]:
    listed = [entry for entry in source.infolist() if not _is_folder(entry)]  # folders are made by their files
    if locked := [entry.filename for entry in listed if entry.flag_bits & _ENCRYPTED]:
        raise ContextError(name, [Fault(f"holds encrypted files, {shown(locked)}", "make it without a password")])
    for entry in listed:
        yield Entry(entry.filename, entry.external_attr >> 16, entry.file_size, _reader(source, entry))


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.is_dir() or stat.S_ISDIR(entry.external_attr >> 16)


def _reader(source: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], bytes]:
    return lambda: source.read(entry)
