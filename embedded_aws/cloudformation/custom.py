"""A custom resource's function is invoked with the rights of the stack's service role.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html; MiniStack calls it, whoever
may.
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from embedded_aws.cloudformation import operations as cfn_operations
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.cloudformation.custom_resource", "invoke_custom_resource"),)


def install() -> None:
    """Ask Lambda whether the role may, before the function is called."""
    from ministack.services.cloudformation import custom_resource

    invoke = custom_resource.invoke_custom_resource

    def invoke_allowed(kind: str, logical_id: str, properties: dict[str, Any], *rest: Any, **named: Any) -> Any:
        try:
            cfn_operations.client("lambda").invoke(
                FunctionName=properties.get("ServiceToken", ""), InvocationType="DryRun"
            )
        except ClientError as error:
            raise ValueError(error.response["Error"]["Message"]) from error
        return invoke(kind, logical_id, properties, *rest, **named)

    custom_resource.invoke_custom_resource = invoke_allowed
