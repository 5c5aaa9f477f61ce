"""Batch compute environments: AWS's rules, which MiniStack's stub lacks.

https://docs.aws.amazon.com/batch/latest/APIReference/API_DeleteComputeEnvironment.html and its neighbours: deleting
needs a DISABLED environment without queues; a missing role or instance profile makes an environment INVALID, not the
call fail; while an environment changes it can not be changed again.
"""

from __future__ import annotations

import uuid
from typing import Any

from embedded_aws.batch import states as batch_states
from embedded_aws.batch.states import Response, answer, is_changing, named, ok, pass_to, refuse, settled
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *batch_states.HOOKS,
    ("services.batch", "_DISPATCH"),
    ("services.batch", "_compute_envs"),
    ("services.batch", "_job_queues"),
    ("services.batch", "_ce_arn"),
    ("services.ecs", "_put_cluster"),
    ("services.ecs", "_clusters"),
    ("services.iam", "_roles"),
    ("services.iam", "_instance_profiles"),
)

READY = "ComputeEnvironment Healthy"


def install() -> None:
    """Put the operations into Batch's table."""
    from ministack.services import batch

    batch._DISPATCH.update(
        {
            "/v1/createcomputeenvironment": _create,
            "/v1/updatecomputeenvironment": _update,
            "/v1/deletecomputeenvironment": _delete,
            "/v1/describecomputeenvironments": _describe,
        }
    )


def environments() -> dict[str, dict[str, Any]]:
    """Every environment of the account and Region by name, its status as of now."""
    from ministack.services import batch

    return settled(batch._compute_envs)


def _create(request: dict[str, Any]) -> Response:
    from ministack.services import batch, ecs

    name = request.get("computeEnvironmentName", "")
    if name in environments():
        return refuse("Object already exists")
    if request.get("type", "MANAGED") == "MANAGED" and not request.get("computeResources"):
        return refuse(
            "Error executing request, Exception : computeResources must be provided for a MANAGED environment"
        )
    cluster = ecs._put_cluster({"clusterName": f"AWSBatch-{name}-{uuid.uuid4()}"})
    record = {
        "computeEnvironmentName": name,
        "computeEnvironmentArn": batch._ce_arn(name),
        "ecsClusterArn": cluster["clusterArn"],
        "type": request.get("type", "MANAGED"),
        "state": request.get("state", "ENABLED"),
        "computeResources": {"desiredvCpus": 0, **request.get("computeResources", {})},
        "serviceRole": request.get("serviceRole", ""),
        "tags": request.get("tags", {}),
        "containerOrchestrationType": "ECS",
        "uuid": str(uuid.uuid4()),
    }
    pass_to(record, "CREATING", *_verdict(record))
    batch._compute_envs[name] = record
    return _identity(record)


def _update(request: dict[str, Any]) -> Response:
    record = environments().get(named(request.get("computeEnvironment", "")))
    if record is None:
        return refuse("Object does not exist")
    if is_changing(record):
        return refuse("Cannot update, resource is being modified.")
    for key in ("state", "serviceRole", "updatePolicy", "context"):
        if key in request:
            record[key] = request[key]
    record["computeResources"] |= request.get("computeResources") or {}
    pass_to(record, "UPDATING", *_verdict(record))
    return _identity(record)


def _delete(request: dict[str, Any]) -> Response:
    from ministack.services import batch, ecs

    name = named(request.get("computeEnvironment", ""))
    record = environments().get(name)
    if record is None:
        return refuse("Object does not exist")
    if record["state"] != "DISABLED":
        return refuse("Cannot delete, state must be DISABLED")
    for queue in settled(batch._job_queues).values():
        if name in (named(entry["computeEnvironment"]) for entry in queue["computeEnvironmentOrder"]):
            return refuse("Cannot delete, found existing JobQueue relationship")
    if is_changing(record):
        return refuse("Cannot delete, resource is being modified.")
    ecs._clusters.pop(named(record["ecsClusterArn"]), None)
    pass_to(record, "DELETING", "DELETED", "")
    return ok({})


def _describe(request: dict[str, Any]) -> Response:
    wanted = {named(reference) for reference in request.get("computeEnvironments") or []}
    found = [answer(record) for name, record in environments().items() if not wanted or name in wanted]
    return ok({"computeEnvironments": found})


def _verdict(record: dict[str, Any]) -> tuple[str, str]:
    """Status and reason that an environment gets after a moment: INVALID where what it names does not exist."""
    from ministack.services import iam

    resources = record["computeResources"]
    profile = resources.get("instanceRole")
    profiles = {profile for found in iam._instance_profiles.values() for profile in (found["Arn"], named(found["Arn"]))}
    if profile and profile not in profiles:
        return "INVALID", f"CLIENT_ERROR - Instance profile {profile} does not exist"
    for role in (record["serviceRole"], resources.get("spotIamFleetRole")):
        if role and named(role) not in iam._roles:
            return "INVALID", f"CLIENT_ERROR - User: {role} does not exist or cannot be assumed by batch"
    return "VALID", READY


def _identity(record: dict[str, Any]) -> Response:
    return ok({key: record[key] for key in ("computeEnvironmentName", "computeEnvironmentArn")})
