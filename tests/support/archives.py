"""Zip archives of build contexts, right ones and wrong ones."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Mapping

LINK = stat.S_IFLNK | 0o777
DOCKERFILE = {"Dockerfile": b"ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n"}


def archive(
    files: Mapping[str, bytes] = DOCKERFILE,
    modes: Mapping[str, int] | None = None,
    links: Mapping[str, str] | None = None,
) -> bytes:
    """An archive as `zip -ry` makes it.

    Args:
        files: name to content.
        modes: name to type and permission bits; a plain file of everybody's otherwise.
        links: name to target.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in files.items():
            target.writestr(_entry(name, (modes or {}).get(name, stat.S_IFREG | 0o644)), content)
        for name, leads_to in (links or {}).items():
            target.writestr(_entry(name, LINK), leads_to)
    return made.getvalue()


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16 or 0x20  # of a file without permissions Windows says that it is to be archived
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
