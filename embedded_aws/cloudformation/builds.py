"""CloudFormation's build project, made with the rights of the stack's service role.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codebuild-project.html; which
settings a project keeps is the matter of `builds.settings`.
"""

from __future__ import annotations

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import request, without
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    Properties,
    ResourceType,
    absent_is_deleted,
    physical_name,
    register,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS

_NOT_IN_THE_API = ("BadgeEnabled", "ResourceAccessRole", "Triggers", "Visibility")


def install() -> None:
    """Put the type in place of MiniStack's."""
    register(ResourceType("AWS::CodeBuild::Project", _create, _delete, _update, ("Name",), tags=("Tags", "list")))


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("Name") or physical_name(stack, logical_id, 150)
    wanted = {**without(properties, *_NOT_IN_THE_API), "Name": name}
    made = client("codebuild").create_project(**request("codebuild", "CreateProject", wanted))["project"]
    return name, {"Arn": made["arn"], "Id": name}


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    wanted = {**without(new, *_NOT_IN_THE_API), "Name": physical_id}
    made = client("codebuild").update_project(**request("codebuild", "UpdateProject", wanted))["project"]
    return physical_id, {"Arn": made["arn"], "Id": physical_id}


def _delete(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("ResourceNotFoundException"):
        client("codebuild").delete_project(name=physical_id)
