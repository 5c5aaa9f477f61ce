"""Rules between the shared storages of a cluster: how many there may be, and that none hides or repeats another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from shoal.cluster.grammar import Code, problem

if TYPE_CHECKING:
    from shoal.cluster.storage import SharedStorage

MOST_EBS_VOLUMES = 20
MOST_RAID_ARRAYS = 1
MOST_NEW_FILE_SYSTEMS = 1
MOST_EXISTING_FILE_SYSTEMS = 20


def agree(storages: tuple[SharedStorage, ...]) -> tuple[SharedStorage, ...]:
    """The storages, which are not too many, and of which none hides or repeats another."""
    errors = [
        InitErrorDetails(type=problem(code, message, suggestion), loc=loc, input=None)
        for loc, code, message, suggestion in (*_crowded(storages), *_overlapping(storages), *_shared_twice(storages))
    ]
    if errors:
        raise ValidationError.from_exception_data("SharedStorage", errors)
    return storages


type _Found = tuple[tuple[int | str, ...], Code, str, str]


def _crowded(storages: tuple[SharedStorage, ...]) -> Iterator[_Found]:
    counts: dict[tuple[str, int], int] = {}
    for index, storage in enumerate(storages):
        kind = _kind(storage)
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] == kind[1] + 1:
            yield (index,), Code.OUT_OF_RANGE, f"there are more than {kind[1]} {kind[0]}", f"keep at most {kind[1]}"


def _kind(storage: SharedStorage) -> tuple[str, int]:
    if storage.ebs_settings:
        return ("RAID arrays", MOST_RAID_ARRAYS) if storage.ebs_settings.raid else ("EBS volumes", MOST_EBS_VOLUMES)
    if storage.efs_settings and storage.efs_settings.file_system_id:
        return ("existing EFS file systems", MOST_EXISTING_FILE_SYSTEMS)
    return ("new EFS file systems", MOST_NEW_FILE_SYSTEMS)


def _overlapping(storages: tuple[SharedStorage, ...]) -> Iterator[_Found]:
    for index, storage in enumerate(storages):
        for earlier in storages[:index]:
            paths = (f"{storage.mount_point}/", f"{earlier.mount_point}/")
            if paths[0].startswith(paths[1]) or paths[1].startswith(paths[0]):
                suggestion = "write directories of which none contains another"
                yield (index, "MountDir"), Code.NOT_UNIQUE, "overlaps with that of an earlier storage", suggestion
                break


def _shared_twice(storages: tuple[SharedStorage, ...]) -> Iterator[_Found]:
    seen: set[str] = set()
    for index, storage in enumerate(storages):
        for section, key, value in (
            ("EbsSettings", "VolumeId", storage.ebs_settings and storage.ebs_settings.volume_id),
            ("EfsSettings", "FileSystemId", storage.efs_settings and storage.efs_settings.file_system_id),
        ):
            if value and value in seen:
                yield (index, section, key), Code.NOT_UNIQUE, "is used by an earlier storage", "share it once"
            elif value:
                seen.add(value)
