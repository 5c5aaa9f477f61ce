"""The jobs that a request of SubmitJob makes, and which of them fail before they start.

https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html: what a request says wins over the definition.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from embedded_aws.batch.job import SUCCEEDED, Asked, Dependency, Job
from embedded_aws.batch.properties import merged, node_containers, node_range

LONGEST_OVERRIDES = 8192
"""Characters; ECS's limit, which a job meets only when it is started."""

Request = Mapping[str, Any]


def doom(request: Request) -> str:
    """Why a job that is taken fails before it starts; empty if it does not."""
    nodes = (request.get("nodeOverrides") or {}).get("nodePropertyOverrides") or []
    overrides = [request.get("containerOverrides"), *(item.get("containerOverrides") for item in nodes)]
    longest = max(len(json.dumps(item or {}, separators=(",", ":"))) for item in overrides)
    return f"Container Overrides length must be at most {LONGEST_OVERRIDES}" if longest > LONGEST_OVERRIDES else ""


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
