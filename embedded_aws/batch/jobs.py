"""Batch job definitions and jobs: what a cluster's life needs beyond MiniStack's stub.

Definitions keep everything that was registered (the stub drops all but `containerProperties`), have revisions, and are
deregistered one by one (https://docs.aws.amazon.com/batch/latest/APIReference/API_DeregisterJobDefinition.html). Jobs
run no container: each ends in `STATUS` at once, SUCCEEDED unless `POST /_shoal/batch-jobs {"status": "RUNNING"}` says
otherwise, so that a test can have jobs that somebody must end. Running jobs for real is not this module's business.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from embedded_aws.batch.queues import queues
from embedded_aws.batch.states import Response, named, ok, refuse
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.batch", "_DISPATCH"),
    ("services.batch", "_job_definitions"),
    ("services.batch", "_jobs"),
    ("services.batch", "_jd_arn"),
    ("services.batch", "_job_arn"),
)

ENDED = ("SUCCEEDED", "FAILED")
PAGE = 100

_submitted = {"status": "SUCCEEDED"}
"""Which status a submitted job gets."""


def install() -> None:
    """Put the operations into Batch's table."""
    from ministack.services import batch

    batch._DISPATCH.update(
        {
            "/v1/registerjobdefinition": _register,
            "/v1/deregisterjobdefinition": _deregister,
            "/v1/describejobdefinitions": _describe_definitions,
            "/v1/submitjob": _submit,
            "/v1/listjobs": _list,
            "/v1/terminatejob": _terminate,
            "/v1/canceljob": _terminate,
        }
    )


def _switch(body: Any) -> object:
    _submitted["status"] = body["status"]
    return _submitted


ROUTES = {("POST", "/_shoal/batch-jobs"): _switch}


def _register(request: dict[str, Any]) -> Response:
    from ministack.services import batch

    name = request.get("jobDefinitionName", "")
    revisions = batch._job_definitions.setdefault(name, [])
    revision = len(revisions) + 1
    identity = {"jobDefinitionName": name, "jobDefinitionArn": batch._jd_arn(name, revision), "revision": revision}
    orchestration = {"containerOrchestrationType": "ECS"}
    revisions.append({"parameters": {}, "tags": {}, **request, **orchestration, **identity, "status": "ACTIVE"})
    return ok(identity)


def _deregister(request: dict[str, Any]) -> Response:
    found = _definitions(named(request.get("jobDefinition", "")))
    if not found:
        return refuse("Object does not exist")
    found[0]["status"] = "INACTIVE"
    return ok({})


def _describe_definitions(request: dict[str, Any]) -> Response:
    references = request.get("jobDefinitions") or [request.get("jobDefinitionName", "")]
    found = [record for reference in references for record in _definitions(named(reference))]
    status = request.get("status")
    return ok({"jobDefinitions": [record for record in found if status in (None, record["status"])]})


def _definitions(reference: str) -> list[dict[str, Any]]:
    """The revisions that `name`, `name:revision` or nothing at all refers to, newest first."""
    from ministack.services import batch

    name, _, revision = reference.partition(":")
    stored = [found for key, found in batch._job_definitions.items() if name in ("", key)]
    revisions = [record for found in stored for record in reversed(found)]
    return [record for record in revisions if revision in ("", str(record["revision"]))]


def _submit(request: dict[str, Any]) -> Response:
    from ministack.services import batch

    queue = queues().get(named(request["jobQueue"]))
    if queue is None or queue["state"] != "ENABLED":
        return refuse(f"JobQueue {request['jobQueue']} not found or is not ENABLED")
    definitions = [record for record in _definitions(named(request["jobDefinition"])) if record["status"] == "ACTIVE"]
    if not definitions:
        return refuse(f"JobDefinition {request['jobDefinition']} not found or is not ACTIVE")
    identifier, now, status = str(uuid.uuid4()), int(time.time() * 1000), _submitted["status"]
    batch._jobs[identifier] = {
        **request,
        "jobId": identifier,
        "jobArn": batch._job_arn(identifier),
        "jobQueue": queue["jobQueueArn"],
        "jobDefinition": definitions[0]["jobDefinitionArn"],
        "status": status,
        "createdAt": now,
        "startedAt": now,
        **({"stoppedAt": now, "container": {"exitCode": 0}} if status in ENDED else {}),
    }
    return ok({"jobId": identifier, "jobName": request["jobName"], "jobArn": batch._job_arn(identifier)})


def _list(request: dict[str, Any]) -> Response:
    from ministack.services import batch

    if not any(request.get(key) for key in ("jobQueue", "arrayJobId", "multiNodeJobId")):
        return refuse("Error executing request, Exception : jobQueue, arrayJobId or multiNodeJobId must be specified")
    queue = named(request.get("jobQueue", ""))
    wanted = request.get("jobStatus", "RUNNING")  # as on AWS, where nothing said means running
    found = [
        {key: job[key] for key in ("jobId", "jobArn", "jobName", "status", "createdAt")}
        for job in batch._jobs.values()
        if named(job["jobQueue"]) == queue and job["status"] == wanted
    ]
    start, size = int(request.get("nextToken") or 0), int(request.get("maxResults") or PAGE)
    following = {"nextToken": str(start + size)} if len(found) > start + size else {}
    return ok({"jobSummaryList": found[start : start + size], **following})


def _terminate(request: dict[str, Any]) -> Response:
    """End a job that has not ended; a job that has, or that is unknown, is left alone without complaint."""
    from ministack.services import batch

    job = batch._jobs.get(request.get("jobId", ""))
    if job and job["status"] not in ENDED:
        job.update(status="FAILED", statusReason=request.get("reason", ""), stoppedAt=int(time.time() * 1000))
    return ok({})
