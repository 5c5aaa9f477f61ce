"""Rules between the shared storages of a cluster: how many there may be, and that none hides or repeats another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from shoal.cluster.grammar import Code, Violation

if TYPE_CHECKING:
    from shoal.cluster.storage import SharedStorage

MOST_EBS_VOLUMES = 20
MOST_RAID_ARRAYS = 1
MOST_NEW_FILE_SYSTEMS = 1
MOST_EXISTING_FILE_SYSTEMS = 20


def violations(items: Sequence[tuple[int, SharedStorage]]) -> Iterator[Violation]:
    """The storages that are too many, hide or repeat an earlier one."""
    yield from _crowded(items)
    yield from _overlapping(items)
    yield from _shared_twice(items)


def _crowded(items: Sequence[tuple[int, SharedStorage]]) -> Iterator[Violation]:
    counts: dict[tuple[str, int], int] = {}
    for index, storage in items:
        kind, most = _kind(storage)
        counts[kind, most] = counts.get((kind, most), 0) + 1
        if counts[kind, most] == most + 1:
            yield Violation((index,), f"makes more than {most} {kind}", f"keep at most {most}", Code.OUT_OF_RANGE)


def _kind(storage: SharedStorage) -> tuple[str, int]:
    if storage.ebs_settings:
        return ("RAID arrays", MOST_RAID_ARRAYS) if storage.ebs_settings.raid else ("EBS volumes", MOST_EBS_VOLUMES)
    if storage.efs_settings and storage.efs_settings.file_system_id:
        return ("existing EFS file systems", MOST_EXISTING_FILE_SYSTEMS)
    return ("new EFS file systems", MOST_NEW_FILE_SYSTEMS)


def _overlapping(items: Sequence[tuple[int, SharedStorage]]) -> Iterator[Violation]:
    suggestion = "write directories of which none contains another"
    for position, (index, storage) in enumerate(items):
        own = f"{storage.mount_point}/"
        earlier = [f"{other.mount_point}/" for _, other in items[:position]]
        if any(own.startswith(path) or path.startswith(own) for path in earlier):
            yield Violation(
                (index, "MountDir"), "overlaps with that of an earlier storage", suggestion, Code.NOT_UNIQUE
            )


def _shared_twice(items: Sequence[tuple[int, SharedStorage]]) -> Iterator[Violation]:
    seen: set[str] = set()
    for index, storage in items:
        for section, key, value in (
            ("EbsSettings", "VolumeId", storage.ebs_settings and storage.ebs_settings.volume_id),
            ("EfsSettings", "FileSystemId", storage.efs_settings and storage.efs_settings.file_system_id),
        ):
            if value in seen:
                message = "is used by an earlier storage"
                yield Violation((index, section, key), message, "share it once", Code.NOT_UNIQUE)
            elif value:
                seen.add(value)
