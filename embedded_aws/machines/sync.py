"""The `.sync` pattern: start a job, wait for its end, and stop it when the task that waits is stopped.

AWS: https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync
A job that fails raises `States.TaskFailed`, whatever it failed with itself; the Cause is the job's description as
JSON, cut at 32,768 characters. MiniStack knows the pattern for executions only, and hands the child's own error on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from embedded_aws.machines.integrations import Integration, TaskError, result
from embedded_aws.machines.scopes import Scope

FIRST_PAUSE, LONGEST_PAUSE = 0.03, 0.3
"""Seconds between two looks at a job."""


@dataclass(frozen=True)
class Job:
    """How one service describes and stops what it started."""

    identify: Callable[[Any], str]
    """The job's id in the answer that started it."""
    describe: Callable[[Any, str], Any]
    """The job, as the service's API describes it; arguments are the service's client and the id."""
    stop: Callable[[Any, str], Any]
    status: str
    """Name of its status, in PascalCase."""
    shape: Callable[[Any, str], Any]
    """The Task's result: of the described job and the pattern."""


def _execution_result(described: Any, pattern: str) -> Any:
    """`.sync:2` gives the child's output as a value, `.sync` as text."""
    if pattern == ".sync:2" and "Output" in described:
        return described | {"Output": json.loads(described["Output"])}
    return described


JOBS = {
    ("codebuild", "startBuild"): Job(
        identify=lambda answer: str(answer["Build"]["Id"]),
        describe=lambda client, job: client.batch_get_builds(ids=[job])["builds"][0],
        stop=lambda client, job: client.stop_build(id=job),
        status="BuildStatus",
        shape=lambda described, pattern: {"Build": described},
    ),
    ("batch", "submitJob"): Job(
        identify=lambda answer: str(answer["JobId"]),
        describe=lambda client, job: client.describe_jobs(jobs=[job])["jobs"][0],
        stop=lambda client, job: client.terminate_job(jobId=job, reason="The task that waited for it was stopped"),
        status="Status",
        shape=lambda described, pattern: described,
    ),
    ("states", "startExecution"): Job(
        identify=lambda answer: str(answer["ExecutionArn"]),
        describe=lambda client, job: client.describe_execution(executionArn=job),
        stop=lambda client, job: client.stop_execution(executionArn=job),
        status="Status",
        shape=_execution_result,
    ),
}
"""What can be waited for; AWS has more, our machines use these."""

_FAILED = frozenset({"FAILED", "FAULT", "TIMED_OUT", "STOPPED", "ABORTED"})


def wait(integration: Integration, client: Any, started: Any, scope: Scope) -> Any:
    """Wait for a job and return the Task's result.

    Args:
        integration: the Task's Resource.
        client: the service's client, under the machine's role.
        started: the result of the call that started the job.
        scope: the Task's scope; when it ends first, the job is stopped.

    Raises:
        TaskError: `States.TaskFailed` when the job failed; `States.Aborted` when the task itself was stopped.
        ClientError: the role may not describe the job.
    """
    job = JOBS[integration.service, integration.action]
    identity, pause = job.identify(started), FIRST_PAUSE
    while not scope.ended():
        described = result(job.describe(client, identity))
        status = described[job.status]
        if status == "SUCCEEDED":
            return job.shape(described, integration.pattern)
        if status in _FAILED:
            raise TaskError("States.TaskFailed", json.dumps(described))
        time.sleep(pause)
        pause = min(pause * 1.3, LONGEST_PAUSE)
    try:
        job.stop(client, identity)
    except ClientError as error:  # best effort, as on AWS: the role may not stop it, or it has just ended
        raise TaskError("States.Aborted", f"{identity} could not be stopped: {error}") from error
    raise TaskError("States.Aborted", f"{identity} was stopped")
