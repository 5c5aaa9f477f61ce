"""Batch job definitions: revisions that keep everything that was registered, checked and retired as on AWS.

https://docs.aws.amazon.com/batch/latest/APIReference/API_RegisterJobDefinition.html and
https://docs.aws.amazon.com/batch/latest/APIReference/API_DeregisterJobDefinition.html (one revision at a time).
MiniStack's stub drops all but `containerProperties`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from embedded_aws.batch.states import Response, named, ok, refuse
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.batch", "_DISPATCH"),
    ("services.batch", "_job_definitions"),
    ("services.batch", "_jd_arn"),
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
SHORTEST_TIMEOUT = 60
"""Seconds."""
MOST_ATTEMPTS = 10
MOST_CONDITIONS = 5

Record = dict[str, Any]


def install() -> None:
    """Put the operations into Batch's table."""
    from ministack.services import batch

    batch._DISPATCH.update(
        {
            "/v1/registerjobdefinition": _register,
            "/v1/deregisterjobdefinition": _deregister,
            "/v1/describejobdefinitions": _describe,
        }
    )


def definitions(reference: str) -> list[Record]:
    """The revisions that `name`, `name:revision`, an ARN or nothing at all refers to, newest first."""
    from ministack.services import batch

    name, _, revision = named(reference).partition(":")
    stored = [found for key, found in batch._job_definitions.items() if name in ("", key)]
    revisions = [record for found in stored for record in reversed(found)]
    return [record for record in revisions if revision in ("", str(record["revision"]))]


def containers(request: Record) -> Iterator[Record]:
    """The properties of each container that a definition describes."""
    if request.get("containerProperties"):
        yield request["containerProperties"]
    for group in (request.get("nodeProperties") or {}).get("nodeRangeProperties") or []:
        yield group.get("container") or {}


def refusal(request: Record) -> str | None:
    """Why AWS would not register a definition."""
    name = request.get("jobDefinitionName", "")
    if not NAME.fullmatch(name):
        return f"Provided name {name} is not supported pattern[a-zA-Z_0-9-]{{1,128}}"
    kind = request.get("type")
    if kind not in ("container", "multinode"):
        return f"Error executing request, Exception : Job definition type {kind} is not supported"
    wanted = {"container": "containerProperties", "multinode": "nodeProperties"}[kind]
    if not request.get(wanted):
        return f"Error executing request, Exception : {wanted} must be specified for a job definition of type {kind}"
    if not all(container.get("image") for container in containers(request)):
        return "Error executing request, Exception : Container properties must have an image"
    return unfit(request)


def unfit(request: Record) -> str | None:
    """What is wrong with the time limit or the retries of a definition or of a submitted job."""
    seconds = (request.get("timeout") or {}).get("attemptDurationSeconds")
    if seconds is not None and seconds < SHORTEST_TIMEOUT:
        return f"Error executing request, Exception : Timeout must be at least {SHORTEST_TIMEOUT} seconds"
    retry = request.get("retryStrategy") or {}
    if not 1 <= int(retry.get("attempts") or 1) <= MOST_ATTEMPTS:
        return f"Error executing request, Exception : Retry attempts must be between 1 and {MOST_ATTEMPTS}"
    if len(retry.get("evaluateOnExit") or []) > MOST_CONDITIONS:
        return f"Error executing request, Exception : evaluateOnExit must have at most {MOST_CONDITIONS} conditions"
    return None


def _register(request: Record) -> Response:
    from ministack.services import batch

    if message := refusal(request):
        return refuse(message)
    name = request["jobDefinitionName"]
    revisions = batch._job_definitions.setdefault(name, [])
    revision = len(revisions) + 1
    identity = {"jobDefinitionName": name, "jobDefinitionArn": batch._jd_arn(name, revision), "revision": revision}
    orchestration = {"containerOrchestrationType": "ECS"}
    revisions.append({"parameters": {}, "tags": {}, **request, **orchestration, **identity, "status": "ACTIVE"})
    return ok(identity)


def _deregister(request: Record) -> Response:
    found = definitions(request.get("jobDefinition", ""))
    if not found:
        return refuse("Object does not exist")
    found[0]["status"] = "INACTIVE"
    return ok({})


def _describe(request: Record) -> Response:
    references = request.get("jobDefinitions") or [request.get("jobDefinitionName", "")]
    found = [record for reference in references for record in definitions(reference)]
    status = request.get("status")
    return ok({"jobDefinitions": [record for record in found if status in (None, record["status"])]})
