"""The node package: `shoal_node` as one zip that Python runs as it is, the same bytes for the same code."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold."""
READABLE = 0o100644 << 16
UNWANTED = ("__pycache__", ".pyc")


def node_package() -> tuple[str, bytes]:
    """Key and content of the node package; the key is its content's hash, so a version is stored once."""
    buffer = io.BytesIO()
    # Stored, not deflated: zlib's output differs between its versions.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(_members(files("shoal_node"), "shoal_node")):
            member = zipfile.ZipInfo(name, LONG_AGO)
            member.external_attr = READABLE
            archive.writestr(member, content)
    content = buffer.getvalue()
    return f"node-packages/shoal_node-{hashlib.sha256(content).hexdigest()[:32]}.zip", content


def _members(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.endswith(UNWANTED):
            continue
        if entry.is_dir():
            yield from _members(entry, f"{name}/{entry.name}")
        else:
            yield f"{name}/{entry.name}", entry.read_bytes()
