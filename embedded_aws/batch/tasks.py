"""One container of a job as ECS runs it: from the image to the exit code, with its role, its log and its host.

The sentences about what went wrong are ECS's: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html.
"""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from embedded_aws.batch import aws_command, credentials, hosts, job_logs
from embedded_aws.batch.containers import Container, EngineError, options
from embedded_aws.batch.job import Job
from embedded_aws.batch.placement import need
from embedded_aws.batch.retries import Outcome
from embedded_aws.batch.states import named
from embedded_aws.batch.variables import variables
from embedded_aws.builds.log import LogStream
from embedded_aws.containers.images import PullError, pull

ENDED = "Essential container in task exited"
NOT_STARTED = "Task failed to start"
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
_KILLED = 137


class TaskError(Exception):
    """The container did not start; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason or outcome.status_reason)
        self.outcome = outcome


class Task:
    """A container in the making, running, ended."""

    def __init__(self, job: Job, environment: Mapping[str, Any], number: int) -> None:
        """Prepare nothing yet.

        Args:
            job: the job or node whose container it is.
            environment: the compute environment.
            number: of the attempt, from 1.
        """
        self.job, self.environment, self._number = job, environment, number
        self.id = uuid.uuid4().hex
        self.host: hosts.Host | None = None
        self.ended = threading.Event()
        self.outcome = Outcome(NOT_STARTED)
        self._undo = contextlib.ExitStack()
        self._container: Container | None = None
        self._lock = threading.Lock()
        self._stopping: float | None = None
        cluster = named(environment["ecsClusterArn"])
        account, region = job.asked.scope
        job.task = {"taskArn": f"arn:aws:ecs:{region}:{account}:task/{cluster}/{self.id}"}

    def pull(self) -> str:
        """Get the image; what the engine calls it.

        Raises:
            TaskError: there is none.
        """
        try:
            return pull(self._properties["image"])
        except PullError as error:
            raise TaskError(Outcome(NOT_STARTED, reason=str(error))) from error

    def start(self, image: str, network: str, main_address: str | None) -> None:
        """Start the container; from now on `ended` is set some time.

        Args:
            image: what `pull` answered.
            network: of the container, as `docker create` takes it.
            main_address: of the main node, for the other nodes.

        Raises:
            TaskError: it cannot be started.
        """
        container, log = self._create(image, network, main_address)
        try:
            container.start()
        except EngineError as error:
            raise self._cannot_start(str(error)) from error
        threading.Thread(target=self._follow, args=(container, log), daemon=True).start()
        with self._lock:
            self._container = container
            grace = self._stopping
        if grace is not None:
            container.stop(grace)

    def stop(self, grace: float) -> None:
        """End the container, now or as soon as it has started: SIGTERM, after `grace` seconds SIGKILL."""
        with self._lock:
            self._stopping, container = grace, self._container
        if container is not None and not self.ended.is_set():
            container.stop(grace)

    def close(self) -> None:
        """Remove the container, and take back what was handed to it."""
        self._undo.close()

    @property
    def _properties(self) -> dict[str, Any]:
        return self.job.container or {}

    def _create(self, image: str, network: str, main_address: str | None) -> tuple[Container, LogStream]:
        """The container, not started, with its role, its host and its log."""
        try:
            role = self._undo.enter_context(credentials.served(self._properties.get("jobRoleArn"), self.id))
        except credentials.RoleError as error:
            raise TaskError(Outcome(str(error))) from error
        self._enter_host()
        known = variables(self.job, self.environment, self._number, role, main_address)
        disk = hosts.disk(self.environment, self._properties)
        given = options(self._properties, known, network, os.cpu_count() or 1, disk)
        log = self._open_log()
        try:
            container = Container(image, self._properties["command"], *given, "--volume", aws_command.volume())
        except EngineError as error:
            raise self._cannot_start(str(error)) from error
        self._undo.callback(container.remove)
        return container, log

    def _open_log(self) -> LogStream:
        name = job_logs.stream_name(self.job, self.id)
        try:
            log = job_logs.open_stream(self.job, name, self.environment)
        except job_logs.LogError as error:
            reason = f"failed to initialize logging driver: failed to create Cloudwatch log stream: {error}"
            raise self._cannot_start(f"Error response from daemon: {reason}") from error
        self._undo.callback(log.close)
        self.job.task["logStreamName"] = name
        return log

    def _enter_host(self) -> None:
        self.host = hosts.enter(self.environment, need(self.job), self.id, alone=self.job.is_node)
        if self.host is not None:
            self.job.task["containerInstanceArn"] = self.host.arn
            self._undo.callback(hosts.leave, self.host, self.id)

    def _cannot_start(self, message: str) -> TaskError:
        return TaskError(Outcome(NOT_STARTED, reason=f"CannotStartContainerError: {message}"))

    def _follow(self, container: Container, log: LogStream) -> None:
        """Read the output to its end, then the exit code."""
        try:
            container.follow(log.emit)
            code = container.wait()
            killed = code == _KILLED and self._stopping is None and container.is_out_of_memory()
            self.outcome = Outcome(ENDED, code, OUT_OF_MEMORY if killed else "")
        except EngineError as error:  # somebody removed the container
            self.outcome = Outcome(ENDED, None, f"CannotInspectContainerError: {error}")
        finally:
            self.ended.set()
