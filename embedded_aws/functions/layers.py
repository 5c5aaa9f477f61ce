"""Lambda layers, unpacked once per content for all functions that name them.

AWS: https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html - layers are mounted read-only below `/opt`.
MiniStack unpacks every layer again for every worker; with twenty functions on one layer that is most of a cold
start, and none of them finds compiled modules.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import threading
import zipfile
from pathlib import Path

KEPT = 4
"""Unpacked layers that survive a start of the server: the next run finds them compiled."""

_lock = threading.Lock()


def folder() -> Path:
    """Where layers are unpacked; beside the temporary folder, because it outlives the server."""
    return Path(os.environ["TMPDIR"]).parent / "layers"


def unpack(content: bytes) -> Path:
    """The folder with a layer's files; its name is a hash of names and checksums, so time stamps do not matter."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive, _lock:
        parts = sorted(f"{entry.filename} {entry.CRC} {entry.file_size}" for entry in archive.infolist())
        target = folder() / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
        if target.exists():
            target.touch()
            return target
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        archive.extractall(partial)
        return partial.rename(target)


def prune() -> None:
    """Remove all but the layers used last."""
    found = sorted(folder().glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in found[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
