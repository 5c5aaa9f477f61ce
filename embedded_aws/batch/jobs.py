"""Batch jobs: submitted, listed, described and ended as on AWS, run in containers where there is an engine.

https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html and its neighbours. With the stand-in a job
ends at once, SUCCEEDED unless `POST /_shoal/batch-jobs {"status": "RUNNING"}` says in which status jobs stay from then
on (STARTING, RUNNING, SUCCEEDED, FAILED), so that a test can have jobs that somebody must end. Time limits of attempts
and the time between SIGTERM and SIGKILL are multiplied by `--wait-scale`, as Wait states are.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from embedded_aws.batch import definitions, job_logs, listing, refusals, runner, submission, views
from embedded_aws.batch.job import ENDED, SUCCEEDED, Job
from embedded_aws.batch.queues import queues
from embedded_aws.batch.states import Response, named, ok, refuse
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *runner.HOOKS,
    *job_logs.HOOKS,
    ("services.batch", "_DISPATCH"),
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
)

MOST_DESCRIBED = 100

_pretended = {"status": SUCCEEDED}
"""In which status a job stays that no engine runs."""


def install() -> None:
    """Put the operations into Batch's table."""
    from ministack.services import batch

    batch._DISPATCH.update(
        {
            "/v1/submitjob": _submit,
            "/v1/describejobs": _describe,
            "/v1/listjobs": _list,
            "/v1/terminatejob": _terminate,
            "/v1/canceljob": _cancel,
        }
    )


def stop() -> None:
    """End every container, as the server ends."""
    runner.stop()


def _switch(body: Any) -> object:
    if body["status"] not in runner.PRETENDED:
        return {"message": f"status is {body['status']}; name one of {', '.join(runner.PRETENDED)}"}
    _pretended["status"] = body["status"]
    return _pretended


ROUTES = {("POST", "/_shoal/batch-jobs"): _switch}


def unfinished() -> list[tuple[str, str]]:
    """Id and status of every job of the account and Region that has not ended."""
    return [(job.id, job.status) for job in runner.scheduler.jobs(_scope()) if job.status not in ENDED]


def _scope() -> tuple[str, str]:
    from ministack.core.responses import get_account_id, get_region

    return get_account_id(), get_region()


def _find(identifier: str) -> Job | None:
    """A job of the account and Region of the request, by id or ARN."""
    job = runner.scheduler.find(named(identifier))
    return job if job is not None and job.asked.scope == _scope() else None


def _submit(request: dict[str, Any]) -> Response:
    queue = queues().get(named(request["jobQueue"]))
    if queue is None or queue["state"] != "ENABLED":
        return refuse(f"JobQueue {request['jobQueue']} not found or is not ENABLED")
    found = [record for record in definitions.definitions(request["jobDefinition"]) if record["status"] == "ACTIVE"]
    if not found:
        return refuse(f"JobDefinition {request['jobDefinition']} not found or is not ACTIVE")
    message = refusals.refusal(request, found[0], lambda identifier: _find(identifier) is not None)
    if message:
        return refuse(message)
    job = submission.job(request, found[0], queue["jobQueueArn"], _scope(), str(uuid.uuid4()), _pretended["status"])
    runner.scheduler.add(job, submission.doom(request))
    return ok({"jobId": job.id, "jobName": job.asked.name, "jobArn": job.arn})


def _describe(request: dict[str, Any]) -> Response:
    wanted = request.get("jobs") or []
    if len(wanted) > MOST_DESCRIBED:
        return refuse(f"Error executing request, Exception : Number of jobs must be at most {MOST_DESCRIBED}")
    with runner.scheduler.lock:
        return ok({"jobs": [views.detail(job) for job in map(_find, wanted) if job is not None]})


def _list(request: dict[str, Any]) -> Response:
    if message := listing.refusal(request):
        return refuse(message)
    with runner.scheduler.lock:
        found, token = listing.page(request, listing.chosen(request, _candidates(request)))
        answer: dict[str, Any] = {"jobSummaryList": [views.summary(job) for job in found]}
    return ok(answer | ({"nextToken": token} if token else {}))


def _candidates(request: dict[str, Any]) -> Sequence[Job]:
    """The jobs of a queue, the children of an array, or the nodes of a multi-node job."""
    parent = request.get("arrayJobId") or request.get("multiNodeJobId")
    if parent:
        job = _find(parent)
        return job.children if job is not None else ()
    queue = named(request["jobQueue"])
    return [job for job in runner.scheduler.jobs(_scope()) if named(job.asked.queue) == queue]


def _terminate(request: dict[str, Any]) -> Response:
    """End a job that has not ended; a job that has, or that is unknown, is left alone without complaint."""
    job = _find(request.get("jobId", ""))
    reason = request.get("reason", "")
    for one in _placed(job):
        runner.end(one, reason)
    return ok({})


def _cancel(request: dict[str, Any]) -> Response:
    """End a job that has not started; one that has goes on."""
    job = _find(request.get("jobId", ""))
    for one in _placed(job):
        if runner.scheduler.give_up(one, request.get("reason", "")):
            one.cancelled = True
    runner.scheduler.advance()
    return ok({})


def _placed(job: Job | None) -> list[Job]:
    """What is placed by itself of a job: a node stands for its whole job, an array for its children."""
    if job is None:
        return []
    return list((job.parent if job.is_node and job.parent is not None else job).scheduled())
