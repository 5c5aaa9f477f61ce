"""What SubmitJob takes and refuses, and the jobs that a request makes.

https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html. The sentences about the job's name, its size
and the targets of node overrides are AWS's; of the others the wording is not published.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from embedded_aws.batch import definitions
from embedded_aws.batch.job import SUCCEEDED, Asked, Dependency, Job
from embedded_aws.batch.properties import merged, node_containers, node_range

ARRAY_SIZES = range(2, 10_001)
MOST_DEPENDENCIES = 20
MOST_NODES = 1000
LARGEST_JOB = 30 * 1024
"""Bytes of a request (https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html)."""
_PREFIX = "Error executing request, Exception : "

Request = Mapping[str, Any]


def refusal(request: Request, definition: Request, is_known: Callable[[str], bool]) -> str | None:
    """Why a job is not taken, for a queue and a definition that are.

    Args:
        request: SubmitJob's parameters.
        definition: the revision it names.
        is_known: whether there is a job of an id.
    """
    questions = (_name, _size, _array, _dependencies, _shares, _nodes, _secrets)
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
    if request.get("shareIdentifier"):
        return "shareIdentifier cannot be specified, the job queue has no scheduling policy"
    return None


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


def _secrets(_: Request, definition: Request) -> str | None:
    """AWS would hand them to the container; the embedded AWS says that it does not, rather than run without them."""
    if any(container.get("secrets") for container in definitions.containers(dict(definition))):
        return "secrets of a container are not offered by the embedded AWS"
    return None


def job(
    request: Request, definition: Request, queue: str, scope: tuple[str, str], identifier: str, ends_in: str = SUCCEEDED
) -> Job:
    """The job that a request makes, with the children of an array or the nodes of a multi-node job.

    Args:
        request: SubmitJob's parameters, not refused.
        definition: the revision it names.
        queue: ARN of the queue.
        scope: account and Region.
        identifier: the new job's id.
        ends_in: where it stays when no engine runs it.
    """
    asked = _asked(request, definition, queue, scope, ends_in)
    arn = f"arn:aws:batch:{scope[1]}:{scope[0]}:job/{identifier}"
    made = Job(identifier, arn, asked)
    if definition["type"] == "multinode":
        _add_nodes(made, request, definition)
        return made
    container = merged(definition["containerProperties"], request.get("containerOverrides") or {}, asked.parameters)
    made.container = container
    for index in range((request.get("arrayProperties") or {}).get("size") or 0):
        made.children.append(
            Job(f"{identifier}:{index}", f"{arn}:{index}", asked, container=dict(container), parent=made, index=index)
        )
    return made


def _add_nodes(made: Job, request: Request, definition: Request) -> None:
    overrides = request.get("nodeOverrides") or {}
    properties = definition["nodeProperties"]
    made.nodes = {**properties, "numNodes": overrides.get("numNodes") or properties["numNodes"]}
    found = node_containers(_stretched(made.nodes, properties["numNodes"]), overrides, made.asked.parameters)
    for index, container in found:
        made.children.append(
            Job(f"{made.id}#{index}", f"{made.arn}#{index}", made.asked, container, parent=made, index=index)
        )
    groups = [item["targetNodes"] for item in made.nodes["nodeRangeProperties"]]
    firsts = [next(iter(node_range(target, made.nodes["numNodes"])), 0) for target in groups]
    shown = [
        {"targetNodes": target, "container": made.children[min(first, len(made.children) - 1)].container}
        for target, first in zip(groups, firsts, strict=True)
    ]
    made.nodes = {**made.nodes, "nodeRangeProperties": shown}


def _stretched(nodes: dict[str, Any], defined: int) -> dict[str, Any]:
    """The ranges with the last one open: `0:1` of two nodes covers all of the eight that the submitter asks for."""
    groups = [dict(item) for item in nodes["nodeRangeProperties"]]
    for item in groups:
        first, colon, last = item["targetNodes"].partition(":")
        if colon and last and int(last) == defined - 1:
            item["targetNodes"] = f"{first}:"
    return {**nodes, "nodeRangeProperties": groups}


def _asked(request: Request, definition: Request, queue: str, scope: tuple[str, str], ends_in: str) -> Asked:
    retry = request.get("retryStrategy") or definition.get("retryStrategy") or {}
    timeout = request.get("timeout") or definition.get("timeout") or {}
    depends_on = request.get("dependsOn") or []
    return Asked(
        name=request["jobName"],
        queue=queue,
        definition=definition["jobDefinitionArn"],
        scope=scope,
        retry={"attempts": retry.get("attempts") or 1, "evaluateOnExit": retry.get("evaluateOnExit") or []},
        timeout=timeout.get("attemptDurationSeconds"),
        depends_on=tuple(Dependency(item.get("jobId", ""), item.get("type", "")) for item in depends_on),
        parameters={**(definition.get("parameters") or {}), **(request.get("parameters") or {})},
        tags=request.get("tags") or {},
        propagate_tags=bool(request.get("propagateTags", definition.get("propagateTags", False))),
        ends_in=ends_in,
    )
