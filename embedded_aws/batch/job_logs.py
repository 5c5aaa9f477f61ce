"""The log stream of a job's container, written while it runs.

https://docs.aws.amazon.com/batch/latest/userguide/using_awslogs.html: without a configuration the group is
`/aws/batch/job`, which Batch makes; a stream is `<prefix>/default/<task id>`, its prefix the definition's name. The
log driver has the rights of the execution role, else of the host's role, and does not make a group unless asked to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from embedded_aws import clients
from embedded_aws.batch.job import Job
from embedded_aws.batch.states import named
from embedded_aws.builds.log import LogDeniedError, LogStream
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudwatch_logs", "_log_groups"),
    ("services.iam", "_instance_profiles"),
    ("services.iam", "_roles"),
)

DEFAULT_GROUP = "/aws/batch/job"


class LogError(Exception):
    """The container cannot start, for its log cannot be written."""


def stream_name(task: Job, task_id: str) -> str:
    """The name of a container's log stream."""
    prefix = _options(task).get("awslogs-stream-prefix") or named(task.asked.definition).partition(":")[0]
    return f"{prefix}/default/{task_id}"


def open_stream(task: Job, name: str, environment: Mapping[str, Any]) -> LogStream:
    """Make the stream of a container.

    Args:
        task: the job or node.
        name: the stream's name.
        environment: where it runs.

    Raises:
        LogError: there is no such group, or the role may not write to it.
    """
    options = _options(task)
    group = options.get("awslogs-group", DEFAULT_GROUP)
    if not _has(group):
        if group == DEFAULT_GROUP:
            clients.client("logs").create_log_group(logGroupName=group)
        elif options.get("awslogs-create-group") != "true":
            raise LogError("ResourceNotFoundException: The specified log group does not exist.")
    try:
        return LogStream(_client(task, environment), group, name)
    except (LogDeniedError, ClientError) as error:
        raise LogError(str(error)) from error


def _options(task: Job) -> dict[str, str]:
    configuration = (task.container or {}).get("logConfiguration") or {}
    return configuration.get("options") or {}


def _has(group: str) -> bool:
    from ministack.services import cloudwatch_logs

    return group in cloudwatch_logs._log_groups


def _client(task: Job, environment: Mapping[str, Any]) -> Any:
    """A client with the rights of the log driver; Batch's own where the environment names no role of its hosts."""
    role = (task.container or {}).get("executionRoleArn") or _host_role(environment)
    return clients.role_client("logs", role, "batch-logs") if role else clients.client("logs")


def _host_role(environment: Mapping[str, Any]) -> str | None:
    from ministack.services import iam

    profile = iam._instance_profiles.get(named(environment.get("computeResources", {}).get("instanceRole", "")))
    names = [item["RoleName"] if isinstance(item, dict) else item for item in (profile or {}).get("Roles", [])]
    role = iam._roles.get(names[0]) if names else None
    return str(role["Arn"]) if role else None
