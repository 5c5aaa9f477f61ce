"""CloudFormation's Batch types: compute environment, job queue, job definition.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Batch.html. The handlers do what AWS's do:
they wait until a resource has settled, disable it before deleting it, and register a new revision of a changed job
definition while deregistering the old one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import picked, request, without
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import Created, Properties, ResourceType, physical_name, register
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS

SETTLE_SECONDS = 30.0
NAME_LENGTH = 128

UPDATABLE = (
    "AllocationStrategy", "BidPercentage", "DesiredvCpus", "Ec2Configuration", "Ec2KeyPair", "ImageId", "InstanceRole",
    "InstanceTypes", "LaunchTemplate", "MaxvCpus", "MinvCpus", "PlacementGroup", "SecurityGroupIds", "Subnets", "Tags",
    "Type",
)  # fmt: skip
"""What UpdateComputeEnvironment takes of `ComputeResources`."""


def install() -> None:
    """Register the types."""
    register(
        ResourceType(
            "AWS::Batch::ComputeEnvironment",
            _create_environment,
            _delete_environment,
            _update_environment,
            replacing=("ComputeEnvironmentName", "EksConfiguration", "Tags", "Type"),
            tags=("Tags", "map"),
        ),
        ResourceType(
            "AWS::Batch::JobQueue",
            _create_queue,
            _delete_queue,
            _update_queue,
            replacing=("JobQueueName", "JobQueueType"),
            tags=("Tags", "map"),
        ),
        ResourceType(
            "AWS::Batch::JobDefinition",
            _create_definition,
            _delete_definition,
            _update_definition,
            replacing=("JobDefinitionName",),
            tags=("Tags", "map"),
        ),
    )


def _create_environment(logical_id: str, properties: Properties, stack: str) -> Created:
    wanted = without(properties, "ReplaceComputeEnvironment", "UpdatePolicy")
    wanted["Type"] = str(wanted["Type"]).upper()
    wanted.setdefault("ComputeEnvironmentName", physical_name(stack, logical_id, NAME_LENGTH))
    made = client("batch").create_compute_environment(**request("batch", "CreateComputeEnvironment", wanted))
    arn = made["computeEnvironmentArn"]
    _settle(lambda: _environment(arn))
    return arn, {"ComputeEnvironmentArn": arn}


def _update_environment(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    wanted = {
        "ComputeEnvironment": physical_id,
        **picked(new, "State", "ServiceRole", "UpdatePolicy"),
        "ComputeResources": picked(new.get("ComputeResources", {}), *UPDATABLE),
    }
    wanted["ComputeResources"].pop("DesiredvCpus", None)  # Batch's own: the template's is where it starts
    client("batch").update_compute_environment(**request("batch", "UpdateComputeEnvironment", wanted))
    _settle(lambda: _environment(physical_id))
    return physical_id, {"ComputeEnvironmentArn": physical_id}


def _delete_environment(physical_id: str, properties: Properties) -> None:
    if _environment(physical_id) is None:
        return
    batch = client("batch")
    _settle(lambda: _environment(physical_id), deleting=True)
    batch.update_compute_environment(computeEnvironment=physical_id, state="DISABLED")
    _settle(lambda: _environment(physical_id))
    batch.delete_compute_environment(computeEnvironment=physical_id)
    _settle(lambda: _environment(physical_id))


def _create_queue(logical_id: str, properties: Properties, stack: str) -> Created:
    wanted = {"JobQueueName": physical_name(stack, logical_id, NAME_LENGTH), **properties}
    arn = client("batch").create_job_queue(**request("batch", "CreateJobQueue", wanted))["jobQueueArn"]
    _settle(lambda: _queue(arn))
    return arn, {"JobQueueArn": arn}


def _update_queue(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    wanted = {"JobQueue": physical_id, **without(new, "JobQueueName", "JobQueueType", "Tags")}
    client("batch").update_job_queue(**request("batch", "UpdateJobQueue", wanted))
    _settle(lambda: _queue(physical_id))
    return physical_id, {"JobQueueArn": physical_id}


def _delete_queue(physical_id: str, properties: Properties) -> None:
    if _queue(physical_id) is None:
        return
    batch = client("batch")
    _settle(lambda: _queue(physical_id), deleting=True)
    batch.update_job_queue(jobQueue=physical_id, state="DISABLED")
    _settle(lambda: _queue(physical_id))
    batch.delete_job_queue(jobQueue=physical_id)
    _settle(lambda: _queue(physical_id))


def _create_definition(logical_id: str, properties: Properties, stack: str) -> Created:
    wanted = {"JobDefinitionName": physical_name(stack, logical_id, NAME_LENGTH), **properties}
    for name in ("Type", "PropagateTags"):
        wanted[name] = str(wanted[name]).lower() if name in wanted else None
    made = client("batch").register_job_definition(**request("batch", "RegisterJobDefinition", wanted))
    return made["jobDefinitionArn"], {"JobDefinitionArn": made["jobDefinitionArn"]}


def _update_definition(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    """Register the next revision; CloudFormation then deletes the physical id that was, the one before."""
    name = physical_id.rsplit("/", 1)[-1].rpartition(":")[0]
    return _create_definition(name, {**new, "JobDefinitionName": name}, stack)


def _delete_definition(physical_id: str, properties: Properties) -> None:
    client("batch").deregister_job_definition(jobDefinition=physical_id)


def _environment(arn: str) -> Mapping[str, Any] | None:
    found = client("batch").describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"]
    return found[0] if found else None


def _queue(arn: str) -> Mapping[str, Any] | None:
    found = client("batch").describe_job_queues(jobQueues=[arn])["jobQueues"]
    return found[0] if found else None


def _settle(look: Callable[[], Mapping[str, Any] | None], *, deleting: bool = False) -> None:
    """Wait until a resource is VALID or gone; one that is INVALID can be disabled and deleted.

    Raises:
        ValueError: it is INVALID, with Batch's reason; or it does not settle.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found is None or found["status"] == "VALID":
            return
        if found["status"] == "INVALID":
            if deleting or found["state"] == "DISABLED":
                return
            raise ValueError(f'Resource handler returned message: "{found["statusReason"]}" (Status: INVALID)')
        time.sleep(0.05)
    raise ValueError('Resource handler returned message: "Exceeded attempts to wait" (HandlerErrorCode: NotStabilized)')
