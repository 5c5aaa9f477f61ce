"""Whoever hands a role to a service needs `iam:PassRole` on it.

AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html - the right is checked when the role
is handed over, with `iam:PassedToService` naming the service. MiniStack checks it nowhere, so a policy that forgets
it, or that names another service, looks fine. Here the check follows the one of the call that hands the role over;
the denial names `iam:PassRole`.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from typing import Any

from embedded_aws.hooks import Hook
from embedded_aws.iam_resources import Parameters, parameters

HOOKS: tuple[Hook, ...] = (
    ("core.iam_evaluator", "enforce"),
    ("core.iam_actions", "request_tag_context"),
    ("core.iam_actions", "access_denied_response"),
    ("core.iam_actions", "identity_denial_message"),
    ("services.iam", "_roles"),
    ("services.iam", "_instance_profiles"),
)

Passed = tuple[str, str]
"""ARN of a role, and the service that it is passed to."""

_asked: contextvars.ContextVar[tuple[str, tuple[Passed, ...]]] = contextvars.ContextVar("passed", default=("", ()))
_denied: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("denied", default=("", ""))

_MEMBERS = {
    ("states", "roleArn"): "states.amazonaws.com",
    ("codebuild", "serviceRole"): "codebuild.amazonaws.com",
    ("cloudformation", "RoleARN"): "cloudformation.amazonaws.com",
    ("lambda", "Role"): "lambda.amazonaws.com",
    ("batch", "serviceRole"): "batch.amazonaws.com",
}
"""Service and member of a request that hands a role over, and who receives it."""


def install() -> None:
    """Note what a request passes, and check it after the request's own action."""
    from ministack.core import iam_actions, iam_evaluator

    keys, decide = iam_actions.request_tag_context, iam_evaluator.enforce

    def request_keys(service: str, action: str, body: bytes, params: Any) -> Any:
        _asked.set((action, tuple(passed(service, action, parameters(body, params)))))
        _denied.set(("", ""))
        return keys(service, action, body, params)

    def enforce(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        refused = decide(access_key, action, service, region, resource_arn, service_context)
        asked, roles = _asked.get()
        if refused or action != asked:
            return refused
        for role, receiver in roles:
            context = {"iam:PassedToService": receiver}
            if refused := decide(access_key, "iam:PassRole", "iam", region, role, context):
                _denied.set(("iam:PassRole", role))
                return refused
        return None

    iam_actions.request_tag_context, iam_evaluator.enforce = request_keys, enforce
    _name_the_right(iam_actions)


def _name_the_right(iam_actions: Any) -> None:
    """Let the denial name `iam:PassRole` and the role, not the call that passes it."""
    respond = iam_actions.access_denied_response

    def access_denied(service: str, action: str, principal: str, request_id: str, **details: Any) -> Any:
        named, role = _denied.get()
        if named:
            explicit = bool(details.get("explicit_deny"))
            details["message"] = iam_actions.identity_denial_message(named, principal, role, explicit)
        return respond(service, action, principal, request_id, **details)

    iam_actions.access_denied_response = access_denied


def passed(service: str, action: str, asked: Parameters) -> Iterator[Passed]:
    """The roles that a request hands over."""
    for (owner, member), receiver in _MEMBERS.items():
        if owner == service and asked.get(member):
            yield str(asked[member]), receiver
    for target in [asked.get("Target"), *(asked.get("Targets") or [])] if service in ("scheduler", "events") else []:
        if isinstance(target, dict) and target.get("RoleArn"):
            yield str(target["RoleArn"]), f"{service}.amazonaws.com"
    if service == "batch":
        container = asked.get("containerProperties") or {}
        yield from ((container[key], "ecs-tasks.amazonaws.com") for key in _JOB_ROLES if container.get(key))
    if service == "ec2":
        profile = asked.get("IamInstanceProfile.Arn") or asked.get("IamInstanceProfile.Name")
        yield from ((role, "ec2.amazonaws.com") for role in _roles_of(profile))
    if action == "iam:AddRoleToInstanceProfile":
        from ministack.services import iam

        role = iam._roles.get(asked.get("RoleName")) or {}
        yield from ((str(arn), "ec2.amazonaws.com") for arn in [role.get("Arn")] if arn)


_JOB_ROLES = ("jobRoleArn", "executionRoleArn")


def _roles_of(profile: str | None) -> list[str]:
    """The ARNs of an instance profile's roles; the profile by name or ARN."""
    from ministack.services import iam

    record = iam._instance_profiles.get((profile or "").split("/")[-1]) or {}
    roles = [role if isinstance(role, str) else role.get("RoleName", "") for role in record.get("Roles", [])]
    return [str(iam._roles[name]["Arn"]) for name in roles if name in iam._roles]
