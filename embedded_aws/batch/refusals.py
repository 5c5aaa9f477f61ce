"""Why SubmitJob does not take a job.

https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html. The sentences about the job's name, its size
and the targets of node overrides are AWS's; of the others the wording is not published.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from embedded_aws.batch import definitions
from embedded_aws.batch.properties import node_range

ARRAY_SIZES = range(2, 10_001)
MOST_DEPENDENCIES = 20
MOST_NODES = 1000
LARGEST_JOB = 30 * 1024
"""Bytes of a request (https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html)."""
_NOT_OFFERED = ("ecsPropertiesOverride", "eksPropertiesOverride", "consumableResourcePropertiesOverride")
_PREFIX = "Error executing request, Exception : "

Request = Mapping[str, Any]


def refusal(request: Request, definition: Request, is_known: Callable[[str], bool]) -> str | None:
    """Why a job is not taken, for a queue and a definition that are.

    Args:
        request: SubmitJob's parameters.
        definition: the revision it names.
        is_known: whether there is a job of an id.
    """
    questions = (_name, _size, _array, _dependencies, _shares, _nodes, _missing)
    messages = [question(request, definition) for question in questions]
    messages += [definitions.unfit(dict(request)), _unknown(request, is_known)]
    return next((_PREFIX + message.removeprefix(_PREFIX) for message in messages if message), None)


def _name(request: Request, _: Request) -> str | None:
    fits = definitions.NAME.fullmatch(str(request.get("jobName", "")))
    return None if fits else "Job name should match valid pattern"


def _size(request: Request, _: Request) -> str | None:
    size = len(json.dumps(request).encode())
    return f"Job size must be less than 30 KiB, got {size // 1024} KiB" if size > LARGEST_JOB else None


def _array(request: Request, definition: Request) -> str | None:
    size = (request.get("arrayProperties") or {}).get("size")
    if size is None:
        return None
    if definition["type"] == "multinode":
        return "Array jobs are not supported for multi-node parallel job definitions"
    if size not in ARRAY_SIZES:
        return f"Array size must be between {ARRAY_SIZES[0]} and {ARRAY_SIZES[-1]}, got {size}"
    return None


def _dependencies(request: Request, _: Request) -> str | None:
    depends_on = request.get("dependsOn") or []
    if len(depends_on) > MOST_DEPENDENCIES:
        return f"Job can depend on at most {MOST_DEPENDENCIES} jobs, got {len(depends_on)}"
    is_array = bool((request.get("arrayProperties") or {}).get("size"))
    for item in depends_on:
        kind = item.get("type")
        if kind not in (None, "N_TO_N", "SEQUENTIAL"):
            return f"Dependency type {kind} is not supported"
        if kind and not is_array:
            return f"Dependency type {kind} is only supported for array jobs"
        if kind != "SEQUENTIAL" and not item.get("jobId"):
            return "Dependency must have a jobId"
    return None


def _unknown(request: Request, is_known: Callable[[str], bool]) -> str | None:
    ids = [str(item["jobId"]) for item in request.get("dependsOn") or [] if item.get("jobId")]
    missing = [identifier for identifier in ids if not is_known(identifier)]
    return f"Dependency job {missing[0]} does not exist" if missing else None


def _shares(request: Request, _: Request) -> str | None:
    if request.get("shareIdentifier") or request.get("schedulingPriorityOverride") is not None:
        return "shareIdentifier cannot be specified, the job queue has no scheduling policy"
    return next((f"{key} is not offered by the embedded AWS" for key in _NOT_OFFERED if request.get(key)), None)


def _nodes(request: Request, definition: Request) -> str | None:
    overrides = request.get("nodeOverrides")
    if not overrides:
        return None
    if definition["type"] != "multinode":
        return "NodeOverride targets should match job definition. Non matching targets - 0:0"
    count = overrides.get("numNodes") or definition["nodeProperties"]["numNodes"]
    if not 1 <= count <= MOST_NODES:
        return f"numNodes must be between 1 and {MOST_NODES}, got {count}"
    targets = [item["targetNodes"] for item in overrides.get("nodePropertyOverrides") or []]
    beyond = [target for target in targets if not _is_within(target, count)]
    if beyond:
        return f"NodeOverride targets should match job definition. Non matching targets - {', '.join(beyond)}"
    return None


def _is_within(target: str, count: int) -> bool:
    try:
        nodes = node_range(target, count)
    except ValueError:
        return False
    return bool(nodes) and nodes[-1] < count


def _missing(_: Request, definition: Request) -> str | None:
    """AWS would hand these to the container; the embedded AWS says that it does not, rather than run without them."""
    for container in definitions.containers(dict(definition)):
        if container.get("secrets"):
            return "secrets of a container are not offered by the embedded AWS"
        if any(volume.get("efsVolumeConfiguration") for volume in container.get("volumes") or []):
            return "efsVolumeConfiguration is not offered by the embedded AWS"
    return None
