"""The events of an update, which on AWS are those of what it does and of nothing else.

An unchanged resource has none, a new one is created, and what is removed or replaced is deleted at the end, in a status
of its own (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html). MiniStack updates
every resource, new ones included, and deletes without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embedded_aws.cloudformation.types import stack_record
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation", "_stacks"),
    ("services.cloudformation.stacks", "_add_event"),
    ("services.cloudformation.handlers", "_add_event"),
    ("services.cloudformation.changesets", "_add_event"),
    ("services.cloudformation.stacks", "_provision_resource"),
    ("services.cloudformation.stacks", "_update_resource"),
    ("services.cloudformation.stacks", "_delete_resource"),
)

STACK = "AWS::CloudFormation::Stack"
UPDATING = "UPDATE_IN_PROGRESS"
CLEANING = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"

_HELD, _NEW, _SAME, _CLEANED = "_held_events", "_new_resources", "_unchanged_resources", "_cleaned"
"""Keys of a stack's record: the first event of a resource until it is known what happens to it, and what was found
of the others; and whether the cleaning has begun."""

Add = Callable[..., None]


def install() -> None:
    """Hold a resource's first event until it is known what happens to it."""
    from ministack.services.cloudformation import changesets, handlers, stacks

    add = stacks._add_event
    stacks._add_event = handlers._add_event = changesets._add_event = _telling(add)
    stacks._provision_resource = _creating(stacks._provision_resource, add)
    stacks._update_resource = _updating(stacks._update_resource, add)
    stacks._delete_resource = _deleting(stacks._delete_resource, add)


def _telling(add: Add) -> Add:
    def add_event(stack_id: str, stack: str, logical_id: str, kind: str, status: str, *rest: Any, **named: Any) -> None:
        record = stack_record(stack)
        if kind == STACK and logical_id == stack:
            _begin_or_end(record, status, add)
        elif record["StackStatus"] == UPDATING:
            if status == UPDATING and not any(rest):
                record[_HELD][logical_id] = (stack_id, stack, logical_id, kind)
                return
            status = _settled(record, logical_id, status, add)
        if status:
            add(stack_id, stack, logical_id, kind, status, *rest, **named)

    return add_event


def _begin_or_end(record: dict[str, Any], status: str, add: Add) -> None:
    if status == UPDATING:
        record.update({_HELD: {}, _NEW: set(), _SAME: set(), _CLEANED: False})
    if status == "UPDATE_COMPLETE":
        _clean(record, add)
        record["StackStatus"] = status


def _clean(record: dict[str, Any], add: Add) -> None:
    """Begin to delete what the update leaves behind, once."""
    if not record[_CLEANED]:
        record.update({"StackStatus": CLEANING, _CLEANED: True})
        add(record["StackId"], record["StackName"], record["StackName"], STACK, CLEANING, physical_id=record["StackId"])


def _creating(provision: Any, add: Add) -> Any:
    def provision_resource(kind: str, logical_id: str, properties: Any, stack: str) -> Any:
        _release(stack_record(stack), logical_id, "CREATE_IN_PROGRESS", add)
        return provision(kind, logical_id, properties, stack)

    return provision_resource


def _updating(update: Any, add: Add) -> Any:
    def update_resource(kind: str, pid: str, old: Any, new: Any, stack: str, logical_id: str, *rest: Any) -> Any:
        record = stack_record(stack)
        if old == new and logical_id in record.get(_HELD, {}):
            del record[_HELD][logical_id]
            record[_SAME].add(logical_id)
        _release(record, logical_id, UPDATING, add)
        return update(kind, pid, old, new, stack, logical_id, *rest)

    return update_resource


def _deleting(delete: Any, add: Add) -> Any:
    def delete_resource(kind: str, physical_id: str, properties: Any, stack: str, logical_id: str) -> Any:
        record = stack_record(stack)
        if record["StackStatus"] not in (UPDATING, CLEANING):
            return delete(kind, physical_id, properties, stack, logical_id)
        _clean(record, add)
        where = (record["StackId"], stack, logical_id, kind)
        add(*where, "DELETE_IN_PROGRESS", physical_id=physical_id)
        done = delete(kind, physical_id, properties, stack, logical_id)
        add(*where, "DELETE_COMPLETE", physical_id=physical_id)
        return done

    return delete_resource


def _release(record: dict[str, Any], logical_id: str, status: str, add: Add) -> None:
    """Let a held event go, as what it turned out to be."""
    held = record.get(_HELD, {}).pop(logical_id, None)
    if held is None:
        return
    if status != UPDATING:
        record[_NEW].add(logical_id)
    add(*held, status)


def _settled(record: dict[str, Any], logical_id: str, status: str, add: Add) -> str:
    """The status of a later event of a resource; nothing for one that has none."""
    if logical_id in record.get(_SAME, ()):
        record[_SAME].discard(logical_id)
        return ""
    _release(record, logical_id, UPDATING, add)  # it failed before anything was done to it
    if logical_id in record.get(_NEW, ()):
        return status.replace("UPDATE_", "CREATE_")
    return status
