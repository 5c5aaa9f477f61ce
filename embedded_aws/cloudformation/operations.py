"""What the stack operation that is running works with: its template, and the role it acts as.

A stack acts with its service role on everything
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html); MiniStack forgets the role.
The types that are added here act with it; MiniStack's own do not.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from embedded_aws import clients
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation", "_stacks"),
    ("services.cloudformation.handlers", "_ACTION_HANDLERS"),
    ("services.cloudformation.handlers", "_resolve_stack"),
    ("services.cloudformation.handlers", "_deploy_stack_async"),
    ("services.cloudformation.changesets", "_deploy_stack_async"),
    ("services.cloudformation.stacks", "_deploy_stack_async"),
    ("services.cloudformation.handlers", "_delete_stack_async"),
    ("services.cloudformation.stacks", "_delete_stack_async"),
)

WITH_ROLE = ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet")
"""Operations that name a service role, which the stack then keeps."""

SESSION = "AWSCloudFormation"


@dataclass(frozen=True)
class Operation:
    """One create, update or delete of a stack."""

    template: dict[str, Any]
    role_arn: str


_running: contextvars.ContextVar[Operation] = contextvars.ContextVar("operation")


def install() -> None:
    """Note template and role of every operation."""
    from ministack.services import cloudformation
    from ministack.services.cloudformation import changesets, handlers, stacks

    deploy, delete = stacks._deploy_stack_async, stacks._delete_stack_async

    async def deploy_stack(stack: str, stack_id: str, template: dict[str, Any], *rest: Any, **named: Any) -> Any:
        with _operation(stack, template):
            return await deploy(stack, stack_id, template, *rest, **named)

    async def delete_stack(stack: str, *rest: Any, **named: Any) -> Any:
        with _operation(stack, (cloudformation._stacks.get(stack) or {}).get("_template") or {}):
            return await delete(stack, *rest, **named)

    for module in (stacks, handlers, changesets):
        for name, wrapper in (("_deploy_stack_async", deploy_stack), ("_delete_stack_async", delete_stack)):
            if hasattr(module, name):
                setattr(module, name, wrapper)
    for action in WITH_ROLE:
        handlers._ACTION_HANDLERS[action] = _keeping_role(handlers._ACTION_HANDLERS[action])


def template_resource(logical_id: str) -> dict[str, Any]:
    """A resource as the running operation's template declares it."""
    found: dict[str, Any] = _running.get().template.get("Resources", {}).get(logical_id, {})
    return found


def client(service: str) -> Any:
    """A client with the service role of the running operation's stack; as root for a stack without one."""
    operation = _running.get(None)
    if operation is None or not operation.role_arn:
        return clients.client(service)
    return clients.role_client(service, operation.role_arn, SESSION)


@contextlib.contextmanager
def _operation(stack: str, template: dict[str, Any]) -> Iterator[None]:
    from ministack.services.cloudformation import _stacks

    token = _running.set(Operation(template, (_stacks.get(stack) or {}).get("_role_arn", "")))
    try:
        yield
    finally:
        _running.reset(token)


def _keeping_role(action: Any) -> Any:
    def act(parameters: Any) -> Any:
        from ministack.services.cloudformation.handlers import _resolve_stack

        answer = action(parameters)  # the operation itself is only scheduled by now
        role, stack = (parameters.get("RoleARN") or [""])[0], _resolve_stack((parameters.get("StackName") or [""])[0])
        if role and stack and answer[0] == 200:
            stack["_role_arn"] = role
        return answer

    return act
