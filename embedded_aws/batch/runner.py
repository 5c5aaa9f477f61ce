"""Runs jobs where there is an engine, pretends to where there is none, and ends what runs."""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from pathlib import Path

from embedded_aws.batch import events
from embedded_aws.batch.attempts import Attempt
from embedded_aws.batch.containers import remove_all
from embedded_aws.batch.environments import environments
from embedded_aws.batch.job import ACTIVE, ENDED, FAILED, RUNNING, STARTING, SUCCEEDED, Job
from embedded_aws.batch.placement import Environment, Machine
from embedded_aws.batch.queues import queues
from embedded_aws.batch.retries import Outcome
from embedded_aws.batch.scheduling import Scheduler
from embedded_aws.batch.states import is_deleted, named
from embedded_aws.batch.tasks import ENDED as TASK_ENDED
from embedded_aws.batch.tasks import NOT_STARTED
from embedded_aws.containers.engine import engine
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (*events.HOOKS, ("core.responses", "request_scope"))

PRETENDED = (STARTING, RUNNING, SUCCEEDED, FAILED)
"""The statuses in which a job can stay that no engine runs."""
_LONGEST_STOP = 10.0
"""Seconds that ending the server waits for its jobs."""

_running: dict[Job, tuple[Attempt, threading.Thread]] = {}


def stop() -> None:
    """End every container, as the server ends."""
    scheduler.stop()
    running = list(_running.values())
    for attempt, _ in running:
        attempt.interrupt("the server ends", grace=0)
    deadline = time.monotonic() + _LONGEST_STOP
    for _, thread in running:
        thread.join(max(0.0, deadline - time.monotonic()))
    if running:
        remove_all(lambda process: process == os.getpid())


def end(job: Job, reason: str) -> None:
    """End one job that is placed by itself: it is cancelled before it starts, and stopped after.

    Args:
        job: the job; one that has ended is left alone.
        reason: its status reason.
    """
    if scheduler.give_up(job, reason):
        job.cancelled = True
    elif job.status in ACTIVE:
        job.terminated = True
        if engine().runs_jobs:
            attempt, _ = _running.get(job, (None, None))
            if attempt is not None:  # else it is just ending by itself
                attempt.interrupt(reason)
        else:
            scheduler.ended(job, Outcome(reason, interrupted=True, final=True))
    scheduler.advance()


def _environments(job: Job) -> list[Environment] | None:
    """The environments of a job's queue in their order; None when the queue is gone or going."""
    from ministack.core.responses import request_scope

    with request_scope(*job.asked.scope):
        queue = queues().get(named(job.asked.queue))
        if queue is None or is_deleted(queue):
            return None
        known = environments()
        order = sorted(queue["computeEnvironmentOrder"], key=lambda entry: entry["order"])
        names = [named(entry["computeEnvironment"]) for entry in order]
        return [known[name] for name in names if name in known]


def _begin(job: Job, environment: Environment) -> None:
    if not engine().runs_jobs:
        _pretend(job)
        return
    attempt = Attempt(job, environment, lambda started: scheduler.set_status(started, RUNNING))
    thread = threading.Thread(target=_run, args=(job, attempt), name=f"batch-job-{job.id}", daemon=True)
    _running[job] = (attempt, thread)
    thread.start()


def _run(job: Job, attempt: Attempt) -> None:
    from ministack.core.responses import request_scope

    outcome = Outcome(NOT_STARTED, reason="InternalError: the log of the embedded AWS says which")
    try:
        _remove_leftovers()
        with request_scope(*job.asked.scope):
            outcome = attempt.run()
    finally:
        del _running[job]
        scheduler.ended(job, outcome)


@functools.cache
def _remove_leftovers() -> None:
    """Once: the containers of servers that were killed."""
    remove_all(lambda process: not Path(f"/proc/{process}").exists())


def _pretend(job: Job) -> None:
    """Take a job to the status in which it stays."""
    wanted = job.asked.ends_in
    if wanted == STARTING:
        return
    scheduler.set_status(job, RUNNING)
    if wanted not in ENDED:
        return
    code = 1 if wanted == FAILED else 0
    for task in job.tasks:
        task.task = {"exitCode": code}
        task.attempts.append({"container": dict(task.task), "statusReason": TASK_ENDED})
        if task is not job:
            task.reach(wanted, TASK_ENDED)
    if job.nodes is not None:
        job.attempts.append(job.tasks[0].attempts[-1])
    scheduler.ended(job, Outcome(TASK_ENDED, code))


def _machine() -> Machine:
    """A few more containers than cores, for jobs wait as well as compute, and no GPU; no limits where none runs."""
    if engine().runs_jobs:
        return Machine(slots=max(4, 2 * (os.cpu_count() or 1)))
    return Machine(slots=sys.maxsize, gpus=sys.maxsize)


scheduler = Scheduler(_environments, _begin, end, events.emit, _machine)
"""The jobs of every account and Region."""
