"""An operation on several messages needs the right of the operation on one: there is no right of its own.

AWS: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html knows `sqs:DeleteMessage`
and no `sqs:DeleteMessageBatch`. MiniStack takes the operation for an action: a policy that is right is denied.
"""

from __future__ import annotations

from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("core.iam_actions", "extract_iam_action"),)

ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
}


def install() -> None:
    """Name the action by the right that there is."""
    from ministack.core import iam_actions

    extract = iam_actions.extract_iam_action

    def extract_action(*arguments: Any) -> Any:
        found = extract(*arguments)
        return ACTIONS.get(found, found)

    iam_actions.extract_iam_action = extract_action
