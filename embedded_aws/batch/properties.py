"""The properties of a job's container: the definition's, with what the submitter overrides.

https://docs.aws.amazon.com/batch/latest/APIReference/API_ContainerOverrides.html: `vcpus` and `memory` of an override
do not change what a definition says in `resourceRequirements`.
https://docs.aws.amazon.com/batch/latest/userguide/job_definition_parameters.html#parameters: `Ref::name` in a command
stands for a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Properties = Mapping[str, Any]

_LEGACY = {"vcpus": "VCPU", "memory": "MEMORY"}
_LISTS = ("volumes", "mountPoints", "ulimits", "secrets")
_PLACEHOLDER = re.compile(r"Ref::([A-Za-z0-9_.-]+)")


def merged(properties: Properties, override: Properties, parameters: Mapping[str, str]) -> dict[str, Any]:
    """What a container runs with, as DescribeJobs shows it.

    Args:
        properties: `containerProperties` of the definition, or `container` of a range of nodes.
        override: the submitter's `containerOverrides` for it.
        parameters: what stands for `Ref::` placeholders.
    """
    command = override.get("command") or properties.get("command") or []
    needs = _needs(properties, override)
    variables = {
        item["name"]: item.get("value", "")
        for source in (properties, override)
        for item in source.get("environment") or []
    }
    found = {key: value for key, value in properties.items() if value is not None} | {
        "command": [substituted(argument, parameters) for argument in command],
        "environment": [{"name": name, "value": value} for name, value in variables.items()],
        "resourceRequirements": [{"type": kind, "value": value} for kind, value in needs.items()],
        "vcpus": int(float(needs.get("VCPU", "1"))),
        "memory": int(needs.get("MEMORY", "0")),
        **({"instanceType": override["instanceType"]} if override.get("instanceType") else {}),
    }
    return {key: [] for key in _LISTS} | found


def substituted(argument: str, parameters: Mapping[str, str]) -> str:
    """An argument with its placeholders replaced; one without a value stays."""
    return _PLACEHOLDER.sub(lambda found: parameters.get(found[1], found[0]), argument)


def gpus(container: Properties) -> int:
    """How many GPUs a container asks for."""
    return next((int(item["value"]) for item in container["resourceRequirements"] if item["type"] == "GPU"), 0)


def node_range(target: str, count: int) -> range:
    """The nodes that `target` (`0:3`, `:3`, `2:`, `1`) stands for.

    Raises:
        ValueError: it is none of these.
    """
    first, colon, last = target.partition(":")
    start = int(first or 0)
    return range(start, (int(last) + 1 if last else count) if colon else start + 1)


def node_containers(
    nodes: Properties, override: Properties, parameters: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each node's index and container, of a multi-node job whose `numNodes` is what the submitter asked for.

    A later range is more special than an earlier one, as on AWS, where ranges may nest.
    """
    count = nodes["numNodes"]
    overrides = override.get("nodePropertyOverrides") or []
    for index in range(count):
        own = [item for item in nodes["nodeRangeProperties"] if index in node_range(item["targetNodes"], count)]
        asked = [item for item in overrides if index in node_range(item["targetNodes"], count)]
        changed = (asked[-1].get("containerOverrides") or {}) if asked else {}
        yield index, merged(own[-1]["container"], changed, parameters)


def _needs(properties: Properties, override: Properties) -> dict[str, str]:
    """Resources by type, as text."""
    stated = _requirements(properties)
    older = {kind: str(properties[key]) for key, kind in _LEGACY.items() if properties.get(key)}
    changed = {kind: str(override[key]) for key, kind in _LEGACY.items() if override.get(key) and kind not in stated}
    return older | changed | stated | _requirements(override)


def _requirements(source: Properties) -> dict[str, str]:
    return {item["type"]: str(item["value"]) for item in source.get("resourceRequirements") or []}
