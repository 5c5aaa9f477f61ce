"""A project keeps all its settings.

AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codebuild-project.html -
`LogsConfig`, `ConcurrentBuildLimit`, `QueuedTimeoutInMinutes` and `Cache` come back from BatchGetProjects and act on
builds. MiniStack drops them, whether they come from the API or from a template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.codebuild", "_create_project"),
    ("services.codebuild", "_update_project"),
    ("services.codebuild", "_project_shape"),
    ("services.codebuild", "_projects"),
    ("services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    ("services.cloudformation.provisioners", "_codebuild_cfn_to_api"),
)

_KEPT = ("logsConfig", "concurrentBuildLimit", "queuedTimeoutInMinutes", "cache")
_PROJECT = "AWS::CodeBuild::Project"


def install() -> None:
    """Keep the settings of projects made by the API or by a template, and show them."""
    from ministack.services import codebuild
    from ministack.services.cloudformation import provisioners

    plain_shape = codebuild._project_shape

    def shape(project: dict[str, Any]) -> dict[str, Any]:
        return dict(plain_shape(project)) | {name: project[name] for name in _KEPT if name in project}

    codebuild._project_shape = shape
    codebuild._create_project = _keeping(codebuild._create_project)
    codebuild._update_project = _keeping(codebuild._update_project)
    handlers = provisioners._RESOURCE_HANDLERS[_PROJECT]
    provisioners._RESOURCE_HANDLERS[_PROJECT] = handlers | {
        "create": _from_template(handlers["create"], 1),
        "update": _from_template(handlers["update"], 2),
    }


def _keeping(operation: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def keep(request: dict[str, Any]) -> Any:
        from ministack.services import codebuild

        answer = operation(request)
        if request.get("name") in codebuild._projects:
            _keep(request["name"], request)
        return answer

    return keep


def _from_template(handler: Callable[..., Any], position: int) -> Callable[..., Any]:
    """The handler, and then the settings of the properties at a position among its arguments."""

    def keep(*arguments: Any) -> Any:
        from ministack.services.cloudformation import provisioners

        created = handler(*arguments)
        settings = provisioners._codebuild_cfn_to_api(arguments[position])
        if "concurrentBuildLimit" in settings:
            settings["concurrentBuildLimit"] = int(settings["concurrentBuildLimit"])
        _keep(created[0], settings)
        return created

    return keep


def _keep(name: str, settings: Mapping[str, Any]) -> None:
    from ministack.services import codebuild

    codebuild._projects[name].update({key: settings[key] for key in _KEPT if key in settings})
