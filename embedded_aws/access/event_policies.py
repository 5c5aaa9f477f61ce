"""A bus policy given as a whole statement, which MiniStack ignores for one that allows everybody.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
"""

from __future__ import annotations

import json
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.eventbridge", "_put_permission"),
    ("services.eventbridge", "_event_bus_policies"),
    ("core.responses", "json_response"),
)


def install() -> None:
    """Put the operation around MiniStack's."""
    from ministack.core.responses import json_response
    from ministack.services import eventbridge

    put = eventbridge._put_permission

    def put_permission(request: dict[str, Any]) -> Any:
        if not request.get("Policy"):
            return put(request)
        bus, given = request.get("EventBusName", "default"), json.loads(request["Policy"])["Statement"]
        replaced = {statement.get("Sid") for statement in given}
        current = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
        kept = [statement for statement in current["Statement"] if statement.get("Sid") not in replaced]
        eventbridge._event_bus_policies[bus] = {**current, "Statement": kept + given}
        return json_response({})

    eventbridge._put_permission = put_permission
