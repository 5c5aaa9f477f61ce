"""What StartBuild and a project come to, as the record of a new build.

AWS: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TIMEOUT_MINUTES = (5, 2160)
_SOURCE_OVERRIDES = {
    "sourceTypeOverride": "type",
    "sourceLocationOverride": "location",
    "buildspecOverride": "buildspec",
}
_ENVIRONMENT_OVERRIDES = {
    "environmentTypeOverride": "type",
    "imageOverride": "image",
    "computeTypeOverride": "computeType",
    "privilegedModeOverride": "privilegedMode",
}
_OFFERED = {
    "projectName",
    "sourceVersion",
    "idempotencyToken",
    "environmentVariablesOverride",
    "timeoutInMinutesOverride",
    "queuedTimeoutInMinutesOverride",
    "serviceRoleOverride",
    "logsConfigOverride",
    *_SOURCE_OVERRIDES,
    *_ENVIRONMENT_OVERRIDES,
}


class InvalidInputError(Exception):
    """StartBuild refuses; becomes InvalidInputException."""


def new_build(project: Mapping[str, Any], request: Mapping[str, Any], identity: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a build that is about to start.

    Args:
        project: the project as MiniStack keeps it, with `logsConfig`.
        request: StartBuild's parameters.
        identity: `id`, `arn`, `buildNumber`, `startTime`, `initiator`, `region` and `account`.

    Raises:
        InvalidInputError: a value is out of range, or an override is not offered.
    """
    unknown = sorted(set(request) - _OFFERED)
    if unknown:
        raise InvalidInputError(f"not offered by the embedded AWS: {', '.join(unknown)}")
    minutes = int(request.get("timeoutInMinutesOverride") or project["timeoutInMinutes"])
    if not TIMEOUT_MINUTES[0] <= minutes <= TIMEOUT_MINUTES[1]:
        raise InvalidInputError("Invalid timeout: build timeout must be between 5 and 2160 minutes")
    return {
        "id": identity["id"],
        "arn": identity["arn"],
        "buildNumber": identity["buildNumber"],
        "startTime": identity["startTime"],
        "currentPhase": "SUBMITTED",
        "buildStatus": "IN_PROGRESS",
        "sourceVersion": request.get("sourceVersion") or project.get("sourceVersion") or "",
        "projectName": project["name"],
        "phases": [{"phaseType": "SUBMITTED", "phaseStatus": "IN_PROGRESS", "startTime": identity["startTime"]}],
        "source": _overridden(project["source"], request, _SOURCE_OVERRIDES),
        "artifacts": {"location": ""},
        "cache": {"type": "NO_CACHE"},
        "environment": _environment(project, request),
        "serviceRole": request.get("serviceRoleOverride") or project["serviceRole"],
        "logs": _logs(project, request, identity),
        "timeoutInMinutes": minutes,
        "queuedTimeoutInMinutes": int(request.get("queuedTimeoutInMinutesOverride") or 480),
        "buildComplete": False,
        "initiator": identity["initiator"],
        "encryptionKey": project["encryptionKey"],
        "exportedEnvironmentVariables": [],
    }


def _overridden(section: Mapping[str, Any], request: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return dict(section) | {key: request[name] for name, key in names.items() if name in request}


def _environment(project: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    environment = _overridden(project["environment"], request, _ENVIRONMENT_OVERRIDES)
    variables = {variable["name"]: variable for variable in environment.get("environmentVariables") or []}
    variables |= {variable["name"]: variable for variable in request.get("environmentVariablesOverride") or []}
    values = [{"type": "PLAINTEXT"} | dict(variable) for variable in variables.values()]
    return environment | {"environmentVariables": values}


def _logs(project: Mapping[str, Any], request: Mapping[str, Any], identity: Mapping[str, Any]) -> dict[str, Any]:
    config = request.get("logsConfigOverride") or project.get("logsConfig") or {}
    cloudwatch = config.get("cloudWatchLogs") or {}
    group, stream = cloudwatch.get("groupName") or f"/aws/codebuild/{project['name']}", identity["id"].split(":")[1]
    if cloudwatch.get("streamName"):
        stream = f"{cloudwatch['streamName']}/{stream}"
    region, place = identity["region"], f"{group.replace('/', '$252F')}/log-events/{stream.replace('/', '$252F')}"
    return {
        "groupName": group,
        "streamName": stream,
        "deepLink": f"https://console.aws.amazon.com/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{place}",
        "cloudWatchLogsArn": f"arn:aws:logs:{region}:{identity['account']}:log-group:{group}:log-stream:{stream}",
        "cloudWatchLogs": {"status": "ENABLED"} | dict(cloudwatch),
    }
