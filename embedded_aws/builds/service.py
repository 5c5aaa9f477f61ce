"""CodeBuild's API where it has to do with running builds, and what `GET /_shoal/engine` says of them.

AWS: https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html and API_StopBuild.html.
MiniStack records a build as SUCCEEDED at once, knows no overrides, drops a project's log group, emits no events.
"""

from __future__ import annotations

import contextvars
import threading
import time
from typing import Any

from embedded_aws.builds import docker, worker
from embedded_aws.builds.interruption import Interruption, switch_minute
from embedded_aws.builds.projects import InvalidInputError, new_build
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.codebuild", "_start_build"),
    ("services.codebuild", "_stop_build"),
    ("services.codebuild", "_project_arn"),
    ("services.codebuild", "_build_arn"),
    ("services.codebuild", "_build_id"),
    ("services.codebuild", "_projects"),
    ("services.codebuild", "_builds"),
    ("services.eventbridge", "_put_events"),
    ("core.responses", "error_response_json"),
)
ROUTES = {
    ("GET", "/_shoal/engine"): docker.describe,
    ("POST", "/_shoal/build-minute"): switch_minute,
}

_TOKEN_LIFE = 300
"""Seconds for which CodeBuild remembers an idempotency token."""
_interruptions: dict[str, Interruption] = {}
_tokens: dict[tuple[str, str], tuple[float, str]] = {}
_starting = threading.Lock()


def install() -> None:
    """Run builds when they are started, end them when they are stopped."""
    from ministack.services import codebuild

    codebuild._start_build = start_build
    codebuild._stop_build = stop_build


def start_build(request: dict[str, Any]) -> Any:
    """StartBuild: the record of a build that runs from now on in a thread of its own."""
    from ministack.core.responses import error_response_json, json_response
    from ministack.services import codebuild

    name = str(request.get("projectName", "")).rsplit("/", 1)[-1]
    project = codebuild._projects.get(name)
    if project is None:
        message = f"Project cannot be found: {codebuild._project_arn(name)}"
        return error_response_json("ResourceNotFoundException", message, 400)
    with _starting:
        known = _known(request, project["arn"])
        if known:
            return json_response({"build": codebuild._builds[known]})
        refusal = _refusal(project)
        if refusal:
            return error_response_json("AccountLimitExceededException", refusal, 400)
        try:
            build = _register(project, request)
        except InvalidInputError as error:
            return error_response_json("InvalidInputException", str(error), 400)
    context = contextvars.copy_context()  # account and Region of this request
    interruption = _interruptions[build["id"]]
    threading.Thread(target=context.run, args=(worker.execute, build, interruption), daemon=True).start()
    return json_response({"build": build})


def stop_build(request: dict[str, Any]) -> Any:
    """StopBuild: ends what runs; a build that has ended stays as it is."""
    from ministack.core.responses import error_response_json, json_response
    from ministack.services import codebuild

    build_id = str(request.get("id", "")).rsplit("build/", 1)[-1]
    build = codebuild._builds.get(build_id)
    if build is None:
        return error_response_json("ResourceNotFoundException", f"Build {build_id} cannot be found", 400)
    _interruptions[build_id].stop()
    return json_response({"build": build})


def _known(request: dict[str, Any], project_arn: str) -> str | None:
    """The build that was started with the same token in the last five minutes."""
    started, build_id = _tokens.get((project_arn, request.get("idempotencyToken", "")), (0.0, ""))
    return build_id if build_id and time.monotonic() - started < _TOKEN_LIFE else None


def _refusal(project: dict[str, Any]) -> str | None:
    """Why the project may not start another build at this time."""
    from ministack.services import codebuild

    limit = project.get("concurrentBuildLimit")
    builds = [build for build in codebuild._builds.values() if build["projectName"] == project["name"]]
    if limit is None or sum(not build["buildComplete"] for build in builds) < limit:
        return None
    return f"Cannot have more than {limit} active builds for the project"


def _register(project: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Make the record of a new build, and what can end it."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import codebuild

    build_id: str = codebuild._build_id(project["name"])
    identity = {
        "id": build_id,
        "arn": codebuild._build_arn(build_id),
        "buildNumber": 1 + sum(build["projectName"] == project["name"] for build in codebuild._builds.values()),
        "startTime": round(time.time(), 3),
        "initiator": "embedded-aws",
        "region": get_region(),
        "account": get_account_id(),
    }
    build = new_build(project, request, identity)
    codebuild._builds[build_id] = build
    _interruptions[build_id] = Interruption()
    if request.get("idempotencyToken"):
        _tokens[project["arn"], request["idempotencyToken"]] = (time.monotonic(), build_id)
    return build


def stop() -> None:
    """End every build, as the server ends."""
    for interruption in list(_interruptions.values()):
        interruption.stop()
