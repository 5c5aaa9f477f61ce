"""One attempt of a job: its containers, its time limit, and who may end it.

https://docs.aws.amazon.com/batch/latest/userguide/multi-node-parallel-jobs.html: the main node starts first, and when
it ends the other nodes are stopped; how it ended is how the job ended.
https://docs.aws.amazon.com/batch/latest/userguide/job_timeouts.html: out of time, a job is ended and not retried.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from embedded_aws.batch import hosts
from embedded_aws.batch.containers import EngineError
from embedded_aws.batch.job import FAILED, SUCCEEDED, Job, now
from embedded_aws.batch.job_network import JobNetwork
from embedded_aws.batch.retries import Outcome
from embedded_aws.batch.tasks import NOT_STARTED, Task, TaskError
from embedded_aws.networking.namespaces import NetworkError

OUT_OF_TIME = "Job attempt duration exceeded timeout"
GRACE = 30.0
"""Seconds between SIGTERM and SIGKILL, ECS's default; shortened as Wait states are."""
_LOOK = 1.0
"""Seconds after which it is seen that a host is gone."""


class Attempt:
    """One attempt, in a thread of its own."""

    def __init__(self, job: Job, environment: Mapping[str, Any], started: Callable[[Job], None]) -> None:
        """Prepare nothing yet.

        Args:
            job: what runs.
            environment: the compute environment.
            started: told when the job runs.
        """
        self._job, self._environment, self._started = job, environment, started
        self._scale = float(os.environ.get("SFN_WAIT_SCALE", "1"))
        self._tasks: list[Task] = []
        self._ending: Outcome | None = None
        self._lock = threading.Lock()

    def run(self) -> Outcome:
        """Run it to its end, record it, and leave nothing of it behind."""
        began = now()
        with contextlib.ExitStack() as undo:
            try:
                outcome = self._run(undo)
            except TaskError as error:
                outcome = error.outcome
            except (NetworkError, EngineError, OSError) as error:
                outcome = Outcome(NOT_STARTED, reason=f"CannotCreateNetworkError: {error}")
            outcome = self._ended_as(outcome)
        self._record(began, outcome)
        return outcome

    def interrupt(self, reason: str, *, final: bool = True, grace: float = GRACE) -> None:
        """End the attempt; the first reason counts.

        Args:
            reason: the job's status reason.
            final: whether no attempt may follow.
            grace: seconds between SIGTERM and SIGKILL.
        """
        with self._lock:
            self._ending = self._ending or Outcome(reason, interrupted=True, final=final)
            tasks = list(self._tasks)
        for task in tasks:
            threading.Thread(target=task.stop, args=(grace * self._scale,), daemon=True).start()

    def _run(self, undo: contextlib.ExitStack) -> Outcome:
        number = len(self._job.attempts) + 1
        tasks = [Task(member, self._environment, number) for member in self._job.tasks]
        for task in tasks:
            undo.callback(task.close)
        images = [task.pull() for task in tasks]
        main, others = tasks[0], tasks[1:]
        with self._network(images) as network:
            self._start(main, images[0], network, None)
            self._started(self._job)
            for task, image in zip(others, images[1:], strict=True):
                self._start(task, image, network, network.addresses[0] if network else None)
            self._wait(main)
            self._end(others)
        return main.outcome

    @contextlib.contextmanager
    def _network(self, images: list[str]) -> Iterator[JobNetwork | None]:
        """The network of a multi-node job; a single container uses this machine's."""
        if self._job.nodes is None:
            yield None
            return
        port = int(os.environ["GATEWAY_PORT"])
        with contextlib.closing(JobNetwork(images, port)) as network:
            yield network

    def _start(self, task: Task, image: str, network: JobNetwork | None, main_address: str | None) -> None:
        with self._lock:
            self._tasks.append(task)
            ending = self._ending
        if ending is not None:
            raise TaskError(ending)
        place = self._job.tasks.index(task.job)
        if network is not None:
            task.job.task["networkInterfaces"] = [{"privateIpv4Address": network.addresses[place]}]
        try:
            task.start(image, network.option(place) if network else "host", main_address)
        except TaskError as error:
            if place == 0:
                raise
            task.outcome = error.outcome  # the job goes on, and ends as its main node does
            task.ended.set()

    def _wait(self, main: Task) -> None:
        """Until the main container has ended, as it does when the attempt is interrupted."""
        limit = self._job.asked.timeout
        deadline = time.monotonic() + limit * self._scale if limit else float("inf")
        while not main.ended.wait(min(_LOOK, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                self.interrupt(OUT_OF_TIME)
                deadline = float("inf")
            for task in self._tasks if self._ending is None else ():
                if task.host is not None and hosts.is_gone(task.host):
                    self.interrupt(f"Host EC2 (instance {task.host.instance}) terminated.", final=False, grace=0)

    def _end(self, others: list[Task]) -> None:
        """Stop the nodes that still run, all at once."""
        running = [task for task in others if not task.ended.is_set()]
        stops = [threading.Thread(target=task.stop, args=(GRACE * self._scale,)) for task in running]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()
        for task in running:
            task.ended.wait()

    def _ended_as(self, outcome: Outcome) -> Outcome:
        """The end that was asked for from outside, with the exit code that came of it; else the container's."""
        with self._lock:
            ending = self._ending
        return dataclasses.replace(ending, exit_code=outcome.exit_code) if ending else outcome

    def _record(self, began: int, outcome: Outcome) -> None:
        """Put the attempt into the job, and the end of each node into the node."""
        ended = {task.job: task.outcome for task in self._tasks}
        for node in self._job.tasks:
            found = outcome if node is self._job.tasks[0] else ended.get(node, outcome)
            if found.exit_code is not None:
                node.task["exitCode"] = found.exit_code
            if found.reason:
                node.task["reason"] = found.reason
            attempt = {"startedAt": node.started_at or began, "stoppedAt": now(), "statusReason": found.status_reason}
            node.attempts.append({"container": {"networkInterfaces": [], **node.task}, **attempt})
            if node is not self._job:
                node.reach(SUCCEEDED if found.succeeded else FAILED, found.status_reason)
        if self._job.nodes is not None:
            self._job.attempts.append(self._job.tasks[0].attempts[-1])
