"""Batch job queues: AWS's rules, which MiniStack's stub lacks.

https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html (3 environments per queue),
https://docs.aws.amazon.com/batch/latest/APIReference/API_CreateJobQueue.html (all environments must be VALID and of one
architecture) and https://docs.aws.amazon.com/batch/latest/APIReference/API_DeleteJobQueue.html (DISABLED first).
"""

from __future__ import annotations

from typing import Any

from embedded_aws.batch.environments import environments
from embedded_aws.batch.states import Response, answer, is_changing, named, ok, pass_to, refuse, settled
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.batch", "_DISPATCH"),
    ("services.batch", "_job_queues"),
    ("services.batch", "_jq_arn"),
)

ENVIRONMENTS_PER_QUEUE = 3
READY = "JobQueue Healthy"


def install() -> None:
    """Put the operations into Batch's table."""
    from ministack.services import batch

    batch._DISPATCH.update(
        {
            "/v1/createjobqueue": _create,
            "/v1/updatejobqueue": _update,
            "/v1/deletejobqueue": _delete,
            "/v1/describejobqueues": _describe,
        }
    )


def queues() -> dict[str, dict[str, Any]]:
    """Every queue of the account and Region by name, its status as of now."""
    from ministack.services import batch

    return settled(batch._job_queues)


def _create(request: dict[str, Any]) -> Response:
    from ministack.services import batch

    name = request.get("jobQueueName", "")
    if name in queues():
        return refuse("Object already exists")
    order, problem = _order(request)
    if problem:
        return refuse(problem)
    record = {
        "jobQueueName": name,
        "jobQueueArn": batch._jq_arn(name),
        "state": request.get("state", "ENABLED"),
        "priority": request["priority"],
        "computeEnvironmentOrder": order,
        "jobStateTimeLimitActions": request.get("jobStateTimeLimitActions", []),
        "tags": request.get("tags", {}),
    }
    pass_to(record, "CREATING", "VALID", READY)
    batch._job_queues[name] = record
    return _identity(record)


def _update(request: dict[str, Any]) -> Response:
    record = queues().get(named(request.get("jobQueue", "")))
    if record is None:
        return refuse("Object does not exist")
    if is_changing(record):
        return refuse("Cannot update, resource is being modified.")
    if "computeEnvironmentOrder" in request:
        order, problem = _order(request)
        if problem:
            return refuse(problem)
        record["computeEnvironmentOrder"] = order
    for key in ("state", "priority", "jobStateTimeLimitActions"):
        if key in request:
            record[key] = request[key]
    pass_to(record, "UPDATING", "VALID", READY)
    return _identity(record)


def _delete(request: dict[str, Any]) -> Response:
    record = queues().get(named(request.get("jobQueue", "")))
    if record is None:
        return refuse("Object does not exist")
    if record["state"] != "DISABLED":
        return refuse("Cannot delete, state must be DISABLED")
    if is_changing(record):
        return refuse("Cannot delete, resource is being modified.")
    pass_to(record, "DELETING", "DELETED", "")
    return ok({})


def _describe(request: dict[str, Any]) -> Response:
    wanted = {named(reference) for reference in request.get("jobQueues") or []}
    return ok({"jobQueues": [answer(record) for name, record in queues().items() if not wanted or name in wanted]})


def _order(request: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The queue's environments with their ARNs, or what is wrong with them."""
    entries, known = request.get("computeEnvironmentOrder") or [], environments()
    if len(entries) > ENVIRONMENTS_PER_QUEUE:
        return [], f"Number of compute environments must be at most {ENVIRONMENTS_PER_QUEUE}"
    order, kinds = [], set()
    for entry in entries:
        environment = known.get(named(entry["computeEnvironment"]))
        if environment is None:
            return [], f"Compute environment {entry['computeEnvironment']} does not exist"
        if environment["status"] not in ("VALID", "UPDATING"):
            return [], f"{environment['computeEnvironmentArn']} is not valid"
        kinds.add(environment["computeResources"].get("type", "EC2") in ("FARGATE", "FARGATE_SPOT"))
        order.append({"order": entry["order"], "computeEnvironment": environment["computeEnvironmentArn"]})
    if len(kinds) > 1:
        return [], "EC2 and Fargate compute environments cannot be mixed in one job queue"
    return order, ""


def _identity(record: dict[str, Any]) -> Response:
    return ok({key: record[key] for key in ("jobQueueName", "jobQueueArn")})
