"""A resource whose creation failed still belongs to its stack, which deletes it: on rollback, or when it is deleted.

So an instance that never signalled is terminated, the event of its failure names it, and a custom resource whose Create
failed gets a Delete (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-delete.html).
MiniStack forgets what failed.
"""

from __future__ import annotations

import secrets
from typing import Any

from embedded_aws.cloudformation.types import FailedResourceError, stack_record
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation", "_stacks"),
    ("services.cloudformation.provisioners", "_provision_resource"),
    ("services.cloudformation.stacks", "_provision_resource"),
    ("services.cloudformation.stacks", "_add_event"),
    ("services.cloudformation.stacks", "_roll_back_operation"),
    ("services.cloudformation.handlers", "_roll_back_operation"),
    ("services.cloudformation.custom_resource", "deliver_response"),
    ("core.responses", "now_iso"),
)

FAILED = "CREATE_FAILED"

_answered: dict[tuple[str, str], str] = {}
"""Physical ids as custom resources last answered them, by stack id and logical id."""


def install() -> None:
    """Keep failed resources in the stack's record, and give them to its rollback."""
    from ministack.services.cloudformation import custom_resource, handlers, provisioners, stacks

    custom_resource.deliver_response = _remembering(custom_resource.deliver_response)
    provisioners._provision_resource = stacks._provision_resource = _keeping(provisioners._provision_resource)
    stacks._roll_back_operation = handlers._roll_back_operation = _with_failed(stacks._roll_back_operation)
    stacks._add_event = _naming(stacks._add_event)


def _remembering(deliver: Any) -> Any:
    def deliver_response(token: str, response: dict[str, Any]) -> Any:
        if response.get("PhysicalResourceId"):
            where = response.get("StackId", ""), response.get("LogicalResourceId", "")
            _answered[where] = response["PhysicalResourceId"]
        return deliver(token, response)

    return deliver_response


def _keeping(provision: Any) -> Any:
    def provision_resource(kind: str, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        try:
            return provision(kind, logical_id, properties, stack)
        except FailedResourceError as failure:
            _keep(stack, kind, logical_id, properties, failure.physical_id, str(failure))
            raise
        except (RuntimeError, TimeoutError) as failure:
            if _is_custom(kind):
                physical_id = _answered.get((stack_record(stack)["StackId"], logical_id))
                made_up = f"{stack}-{logical_id}-{secrets.token_hex(6).upper()}"
                _keep(stack, kind, logical_id, properties, physical_id or made_up, str(failure))
            raise

    return provision_resource


def _with_failed(roll_back: Any) -> Any:
    async def roll_back_operation(name: str, stack_id: str, stack: dict[str, Any], operation: Any, *rest: Any) -> Any:
        logical_id, created = operation.get("failed_logical_id"), operation.get("created", [])
        if stack["_resources"].get(logical_id, {}).get("ResourceStatus") == FAILED and logical_id not in created:
            operation = {**operation, "created": [*created, logical_id]}
        return await roll_back(name, stack_id, stack, operation, *rest)

    return roll_back_operation


def _naming(add: Any) -> Any:
    """The event of a failed creation has the id of what was made, as on AWS."""

    def add_event(stack_id: str, stack: str, logical_id: str, kind: str, status: str, *rest: Any, **named: Any) -> None:
        kept = stack_record(stack)["_resources"].get(logical_id, {}) if status == FAILED else {}
        if kept.get("ResourceStatus") == FAILED and len(rest) < 2:  # after the reason comes the physical id
            named.setdefault("physical_id", kept["PhysicalResourceId"])
        add(stack_id, stack, logical_id, kind, status, *rest, **named)

    return add_event


def _keep(stack: str, kind: str, logical_id: str, properties: Any, physical_id: str, reason: str) -> None:
    from ministack.core.responses import now_iso

    stack_record(stack)["_resources"][logical_id] = {
        "PhysicalResourceId": physical_id, "ResourceType": kind, "ResourceStatus": FAILED, "Properties": properties,
        "LogicalResourceId": logical_id, "ResourceStatusReason": reason, "Attributes": {}, "Timestamp": now_iso(),
    }  # fmt: skip


def _is_custom(kind: str) -> bool:
    return kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"
