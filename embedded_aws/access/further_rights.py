"""One request may need several rights: for itself, for the roles it hands over, for the tags it sets.

AWS: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
names them as dependent actions and further resource types. MiniStack checks one action on one resource, so a policy
that forgets the others looks fine. Here they are checked after the request's own; the denial names the missing one.
"""

from __future__ import annotations

import contextvars
from typing import Any

from embedded_aws.access import creation_rights, passrole
from embedded_aws.access.resources import Right, parameters
from embedded_aws.autoscaling import rights as scaling_rights
from embedded_aws.cloudformation import template_urls
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("core.iam_evaluator", "enforce"),
    ("core.iam_actions", "request_tag_context"),
    ("core.iam_actions", "access_denied_response"),
    ("core.iam_actions", "identity_denial_message"),
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
    *passrole.HOOKS,
)

_asked: contextvars.ContextVar[tuple[str, tuple[Right, ...]]] = contextvars.ContextVar("asked", default=("", ()))
_denied: contextvars.ContextVar[Right | None] = contextvars.ContextVar("denied", default=None)


def install() -> None:
    """Note what a request needs besides, and check it after the request's own action."""
    from ministack.core import iam_actions, iam_evaluator
    from ministack.core.responses import get_account_id, get_region

    keys, decide = iam_actions.request_tag_context, iam_evaluator.enforce

    def request_keys(service: str, action: str, body: bytes, params: Any) -> Any:
        wanted, found = parameters(body, params), keys(service, action, body, params)
        where = f"{get_region()}:{get_account_id()}"
        further = [
            *passrole.rights(service, action, wanted),
            *creation_rights.rights(action, wanted, where, found),
            *scaling_rights.rights(action, wanted, where),
            *template_urls.rights(action, wanted),
        ]
        _asked.set((action, tuple(further)))
        _denied.set(None)
        return found

    def enforce(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        refused = decide(access_key, action, service, region, resource_arn, service_context)
        asked, further = _asked.get()
        if refused or action != asked:
            return refused
        for right in further:
            owner = right.action.split(":")[0]
            if refused := decide(access_key, right.action, owner, region, right.resource, right.keys):
                _denied.set(right)
                return refused
        return None

    iam_actions.request_tag_context, iam_evaluator.enforce = request_keys, enforce
    _name_the_right(iam_actions)


def _name_the_right(iam_actions: Any) -> None:
    """Let a denial name the right that is missing, not the call that needs it."""
    respond = iam_actions.access_denied_response

    def access_denied(service: str, action: str, principal: str, request_id: str, **details: Any) -> Any:
        if right := _denied.get():
            explicit = bool(details.get("explicit_deny"))
            action, details["resource_arn"] = right.action, right.resource
            details["message"] = iam_actions.identity_denial_message(action, principal, right.resource, explicit)
        return respond(service, action, principal, request_id, **details)

    iam_actions.access_denied_response = access_denied
