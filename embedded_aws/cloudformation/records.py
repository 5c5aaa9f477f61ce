"""What a stack shows of itself: its resources while it works and after it is gone, and its reasons.

On AWS a resource is listed from its first event on, a deleted stack answers by its id for 90 days with what became of
each resource (DELETE_COMPLETE, DELETE_SKIPPED), and a stack whose creation was rolled back keeps its name
(https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html). MiniStack lists what is complete
and existing, and a stack of the same name takes the place of a deleted one.
"""

from __future__ import annotations

import contextvars
import re
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation", "_stacks"),
    ("services.cloudformation", "_stack_events"),
    ("services.cloudformation.handlers", "_ACTION_HANDLERS"),
    ("services.cloudformation.handlers", "_resolve_stack"),
    ("services.cloudformation.handlers", "_add_event"),
    ("services.cloudformation.changesets", "_add_event"),
    ("services.cloudformation.stacks", "_add_event"),
    ("services.cloudformation.helpers", "_error"),
)

READING = ("DescribeStackEvents", "DescribeStackResource", "DescribeStackResources", "ListStackResources")
MAKING = ("CreateStack", "CreateChangeSet")
STACK = "AWS::CloudFormation::Stack"

_reading: contextvars.ContextVar[bool] = contextvars.ContextVar("reading", default=False)


def install() -> None:
    """Put the view around the reading operations, and the rules of names around those that make stacks."""
    from ministack.services.cloudformation import changesets, handlers, stacks

    resolve, add = handlers._resolve_stack, stacks._add_event

    def resolve_stack(name: str) -> Any:
        stack = resolve(name)
        if stack is None or not _reading.get():
            return stack
        if stack["StackStatus"] == "DELETE_COMPLETE" and name != stack["StackId"]:
            return None  # a deleted stack answers by its id only
        return {**stack, "_resources": _resources(stack)}

    def add_event(stack_id: str, stack: str, logical_id: str, kind: str, status: str, *rest: Any, **named: Any) -> None:
        reason = rest[0] if rest else named.pop("reason", "")
        if kind == STACK and logical_id == stack:
            reason = _worded(reason, status)
            _note(stack, stack_id, reason)
        add(stack_id, stack, logical_id, kind, status, reason, *rest[1:], **named)

    handlers._resolve_stack = resolve_stack
    stacks._add_event = handlers._add_event = changesets._add_event = add_event
    for action in READING:
        handlers._ACTION_HANDLERS[action] = _read(handlers._ACTION_HANDLERS[action])
    for action in MAKING:
        handlers._ACTION_HANDLERS[action] = _made(handlers._ACTION_HANDLERS[action], action)


def _resources(stack: dict[str, Any]) -> dict[str, Any]:
    """A stack's resources by logical id, each in the status of its last event."""
    from ministack.services.cloudformation import _stack_events

    existing = stack.get("_resources", {})
    shown: dict[str, Any] = {}
    for event in _stack_events.get(stack["StackId"], []):
        logical_id = event["LogicalResourceId"]
        if logical_id == stack["StackName"] and event["ResourceType"] == STACK:
            continue
        record = existing.get(logical_id, {})
        if event["ResourceStatus"].startswith("DELETE_") and _is_of_a_predecessor(event, record):
            continue
        shown[logical_id] = {
            **shown.get(logical_id, {}),
            **record,
            "LogicalResourceId": logical_id,
            "ResourceType": event["ResourceType"],
            "ResourceStatus": event["ResourceStatus"],
            "ResourceStatusReason": event["ResourceStatusReason"],
            "Timestamp": event["Timestamp"],
        }
        if physical_id := event["PhysicalResourceId"] or record.get("PhysicalResourceId"):
            shown[logical_id]["PhysicalResourceId"] = physical_id
    updating = stack["StackStatus"].startswith("UPDATE")
    return {key: record for key, record in shown.items() if key in existing or _is_shown(record, updating)}


def _is_of_a_predecessor(event: dict[str, Any], record: dict[str, Any]) -> bool:
    """Whether an event is about what a resource of the stack was before it was replaced."""
    return bool(record) and event["PhysicalResourceId"] not in ("", record["PhysicalResourceId"])


def _is_shown(record: dict[str, Any], updating: bool) -> bool:
    """Whether a resource that the stack does not have, or not yet, is listed; what an update removed is not."""
    status = record["ResourceStatus"]
    if status.startswith("DELETE_"):
        return not updating
    return bool(status.endswith("_IN_PROGRESS") or status == "CREATE_FAILED")


def _worded(reason: str, status: str) -> str:
    """A stack's reason in AWS's words, which name the resources and leave their reasons to their own events."""
    if failed := re.match(r"Resource (\w+) failed: ", reason):
        verb = "update" if status.startswith("UPDATE") else "create"
        return f"The following resource(s) failed to {verb}: [{failed[1]}]. "
    return reason


def _note(name: str, stack_id: str, reason: str) -> None:
    """A stack's own reason is that of its last event."""
    from ministack.services.cloudformation import _stacks

    stack = _stacks.get(name)
    if stack and stack["StackId"] == stack_id:
        stack["StackStatusReason"] = reason


def _read(action: Any) -> Any:
    def act(parameters: Any) -> Any:
        token = _reading.set(True)
        try:
            return action(parameters)
        finally:
            _reading.reset(token)

    return act


def _made(action: Any, name: str) -> Any:
    def act(parameters: Any) -> Any:
        from ministack.services.cloudformation import _stacks
        from ministack.services.cloudformation.helpers import _error

        stack = _stacks.get((parameters.get("StackName") or [""])[0])
        if stack and stack["StackStatus"] == "ROLLBACK_COMPLETE" and name == "CreateStack":
            return _error("AlreadyExistsException", f"Stack [{stack['StackName']}] already exists")
        if stack and stack["StackStatus"] == "DELETE_COMPLETE":
            _stacks[stack["StackId"]] = stack  # the new one takes the name, this one goes on answering by its id
        return action(parameters)

    return act
