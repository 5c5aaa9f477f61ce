"""Placeholders: the nodes that could come, told to Slurm so that it knows which jobs are possible.

They are FUTURE: invisible, and no job is given to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from shoal_node.fleet import ComputeResource, Fleet
from shoal_node.slurm.commands import slurm

_NAME = re.compile(r"NodeName=(\S+)-future(\d+)\s")
_FIELDS = {
    "cpus": re.compile(r"\sCPUTot=(\d+)"),
    "realmemory": re.compile(r"\sRealMemory=(\d+)"),
    "feature": re.compile(r"\sAvailableFeatures=(\S+)"),
    "gres": re.compile(r"\sGres=(\S+)"),
}
NONE = "(null)"
Shape = tuple[tuple[str, str], ...]
"""What Slurm knows of a placeholder, by the names that `scontrol create` takes."""


def keep_placeholders(fleet: Fleet) -> None:
    """Have exactly `MaxCount` placeholders of the right kind for each compute resource, whatever there was.

    Raises:
        SlurmAwayError: Slurm does not answer.
        SlurmRefusedError: it refuses to make or to delete one.
    """
    found = parse(slurm("scontrol", "--oneliner", "show", "nodes", "--future").splitlines())
    wanted = {prefix(resource): resource for resource in fleet.resources}
    for name, shapes in found.items():
        resource = wanted.get(name)
        gone = [n for n, told in shapes.items() if not resource or n > resource.max_count or told != shape(resource)]
        if gone:
            slurm("scontrol", "delete", f"nodename={name}-future[{ranges(gone)}]")
    for name, resource in wanted.items():
        there = [number for number, told in found.get(name, {}).items() if told == shape(resource)]
        missing = sorted(set(range(1, resource.max_count + 1)) - set(there))
        if missing:
            settings = [f"{key}={value}" for key, value in shape(resource) if value != NONE]
            settings += [*resource.custom_settings, "state=FUTURE"]
            slurm("scontrol", "create", f"nodename={name}-future[{ranges(missing)}]", *settings)


def prefix(resource: ComputeResource) -> str:
    """How the names of its placeholders begin."""
    return f"{resource.queue}-{resource.name}"


def shape(resource: ComputeResource) -> Shape:
    """What Slurm is to know of a placeholder."""
    return (
        ("cpus", str(resource.cpus)),
        ("realmemory", str(resource.memory)),
        ("feature", ",".join(sorted(resource.features))),
        ("gres", f"gpu:{resource.gpus}" if resource.gpus else NONE),
    )


def parse(lines: Iterable[str]) -> dict[str, dict[int, Shape]]:
    """The placeholders that there are, by prefix and number, from what `scontrol --oneliner show nodes` writes."""
    found: dict[str, dict[int, Shape]] = {}
    for line in lines:
        name = _NAME.match(line)
        if name:
            values = {key: pattern.search(line) for key, pattern in _FIELDS.items()}
            told = tuple((key, value.group(1) if value else NONE) for key, value in values.items())
            found.setdefault(name.group(1), {})[int(name.group(2))] = told
    return found


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as Slurm writes them between brackets, `1-3,7`."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
