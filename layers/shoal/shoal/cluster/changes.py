"""What differs between two configurations, key by key, and what each difference does to a running cluster."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shoal.cluster.configuration import Cluster
from shoal.cluster.grammar import Change
from shoal.cluster.keys import DEPENDS, Key, walk

SIZE_OF_VOLUMES = "SharedStorage[].EbsSettings.Size"
"""Of an array it is fixed: the volumes would grow and be paid for, and mdadm cannot stripe onto the new space."""

_HOLD_JOBS = {"AwsBatchQueues", "SlurmQueues", "ComputeResources"}
"""Lists whose items have instances on which jobs run."""

type Step = str | tuple[str, str]
"""A key, or the item of a list whose key (`Name`) has a value."""


@dataclass(frozen=True)
class KeyChange:
    """One key with another value than before; an item that came or went counts as one change of its list."""

    location: tuple[Step, ...]
    current: Any
    """Value before, or none."""
    requested: Any
    """Value asked for, or none."""
    change: Change

    @property
    def parameter(self) -> str:
        """`Scheduling.AwsBatchQueues[main].ComputeResources[small].MaxvCpus`, as ParallelCluster's API writes it."""
        words = (f".{step}" if isinstance(step, str) else f"[{step[1]}]" for step in self.location)
        return "".join(words).removeprefix(".")

    @property
    def refused(self) -> bool:
        """Whether an update may not make it."""
        if self.change is Change.GROWS:
            return self.current is None or self.requested is None or self.requested < self.current
        return self.change.refused

    @property
    def effect(self) -> str | None:
        """What it does to nodes and jobs that run, if it is made and does anything to them."""
        words = [step for step in self.location if isinstance(step, str)]
        if not self.refused and not isinstance(self.location[-1], str):
            holds = words[-1] in _HOLD_JOBS and self.requested is None
            return "its instances end, and with them the jobs that run there" if holds else None
        if self.change is not Change.ROLLS:
            return None
        if any(word.startswith("Slurm") for word in words):
            return "nodes that run keep the old value until they end"
        return "AWS Batch replaces instances that run; their jobs get some time to end"

    def to_item(self) -> dict[str, Any]:
        """In the form of ParallelCluster's `changeSet`, with what it does."""
        return {
            "parameter": self.parameter,
            "currentValue": self.current,
            "requestedValue": self.requested,
            "change": self.change.value,
            **({"effect": self.effect} if self.effect else {}),
        }


@functools.cache
def _grammar() -> Mapping[str, Key]:
    return {key.path: key for key in walk(Cluster)}


def key_changes(old: Cluster, new: Cluster) -> tuple[KeyChange, ...]:
    """Every difference in meaning: a default written out is none."""
    before, after = old.meaning(), new.meaning()
    return tuple(_section((), "", before, after))


def _section(at: tuple[Step, ...], path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[KeyChange]:
    for name in dict.fromkeys((*old, *new)):
        before = old[name] if name in old else _absent(f"{path}{name}", new[name])
        after = new[name] if name in new else _absent(f"{path}{name}", old[name])
        if before != after:
            found = _key((*at, name), f"{path}{name}", before, after)
            fixed = f"{path}{name}" == SIZE_OF_VOLUMES and new.get("Raid")
            yield from (replace(change, change=Change.FIXED) if fixed else change for change in found)


def _absent(path: str, other: Any) -> Any:
    """What a key is in a section that is not there: its default, if that depends on no other key."""
    default = _grammar()[path].default
    return other if other in ({}, []) else None if default == DEPENDS else default


def _key(at: tuple[Step, ...], path: str, old: Any, new: Any) -> Iterator[KeyChange]:
    key = _grammar()[path]
    if key.identity is not None:
        yield from _items(at, path, key, old or (), new or ())
    elif key.change is not None:
        yield KeyChange(at, old, new, key.change)
    else:
        yield from _section(at, f"{path}.", old or {}, new or {})


def _items(
    at: tuple[Step, ...], path: str, key: Key, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]
) -> Iterator[KeyChange]:
    """Items of a list, recognised by the key that tells them apart."""
    identity, change = str(key.identity), key.change or Change.FIXED
    before, after = ({item[identity]: item for item in items} for items in (old, new))
    for name in dict.fromkeys((*before, *after)):
        here = (*at, (identity, name))
        if name in before and name in after:
            yield from _section(here, f"{path}[].", before[name], after[name])
        else:
            yield KeyChange(here, before.get(name), after.get(name), change)
    orders = [name for name in before if name in after], [name for name in after if name in before]
    if orders[0] != orders[1]:
        yield KeyChange(at, orders[0], orders[1], Change.LIVE)


def taken_back(change: KeyChange, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The new configuration with one change taken back, as a document; it may break a rule by that.

    Args:
        change: what is taken back.
        old: the configuration before, as `Cluster.dump` gives it.
        new: the configuration asked for, likewise.
    """
    return dict(_restored(change.location, old, new))


def _restored(location: Sequence[Step], old: Any, new: Any) -> Any:
    if not location:
        return old
    step, rest = location[0], location[1:]
    if isinstance(step, str):
        before, after = old or {}, new or {}
        if not rest and step not in before:
            return {name: value for name, value in after.items() if name != step}
        return {**after, step: _restored(rest, before.get(step), after.get(step))}
    identity, name = step
    was = next((item for item in old or () if item[identity] == name), None)
    others = [item for item in new or () if item[identity] != name]
    now = next((item for item in new or () if item[identity] == name), None)
    restored = was if not rest else _restored(rest, was, now)
    return [*others, restored] if restored is not None else others
