"""CloudFormation's event bus policy, which MiniStack does not know.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbuspolicy.html
"""

from __future__ import annotations

import json

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import picked
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import Created, Properties, ResourceType, absent_is_deleted, register
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS

DEFAULT_BUS = "default"


def install() -> None:
    """Register the type."""
    register(
        ResourceType(
            "AWS::Events::EventBusPolicy", _create, _delete, _update, replacing=("EventBusName", "StatementId")
        )
    )


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    bus, statement_id = properties.get("EventBusName", DEFAULT_BUS), properties["StatementId"]
    if statement := properties.get("Statement"):
        document = {"Version": "2012-10-17", "Statement": [{"Sid": statement_id, **statement}]}
        client("events").put_permission(EventBusName=bus, Policy=json.dumps(document))
    else:
        granted = picked(properties, "Action", "Condition", "Principal")
        client("events").put_permission(EventBusName=bus, StatementId=statement_id, **granted)
    return f"{bus}|{statement_id}", {}


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    return _create("", new, stack)


def _delete(physical_id: str, properties: Properties) -> None:
    bus, _, statement_id = physical_id.partition("|")
    with absent_is_deleted("ResourceNotFoundException"):
        client("events").remove_permission(EventBusName=bus, StatementId=statement_id)
