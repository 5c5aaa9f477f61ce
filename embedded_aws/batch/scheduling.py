"""Takes jobs from SUBMITTED to STARTING, and from the end of an attempt to the next one or to their end.

https://docs.aws.amazon.com/batch/latest/userguide/job_states.html. Jobs start in the order in which they came, as far
as their environments' vCPUs go and this machine has slots: a container takes one, and a job with more containers than
there are slots starts when nothing else runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from embedded_aws.batch import dependencies
from embedded_aws.batch.job import ENDED, FAILED, PENDING, RUNNABLE, STARTING, SUBMITTED, SUCCEEDED, WAITING, Job
from embedded_aws.batch.placement import NO_CAPACITY, Environment, Machine, Need, fitting_types, need, place
from embedded_aws.batch.retries import Outcome, is_retried

TICK = 0.5
"""Seconds after which the scheduler looks again by itself: an environment may have changed."""
ARRAY_FAILED = "Array Child Job failed"
QUEUE_GONE = "Job queue is deleted"

Emit = Callable[[Job], None]


class Scheduler:
    """Every job that has not ended, and what runs of them."""

    def __init__(
        self,
        environments: Callable[[Job], Sequence[Environment] | None],
        begin: Callable[[Job, Environment], None],
        end: Callable[[Job, str], None],
        emit: Emit,
        machine: Callable[[], Machine],
    ) -> None:
        """Schedule nothing yet.

        Args:
            environments: of a job's queue, in order; None when the queue is gone.
            begin: runs one attempt of a job in an environment, and calls `ended` some time.
            end: ends a job for a reason, as a user would.
            emit: told of every change of a job's status.
            machine: what there is to run jobs on.
        """
        self.lock = threading.RLock()
        self._environments, self._begin, self._end = environments, begin, end
        self._emit, self._machine = emit, machine
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[Job, None] = {}
        self._placed: dict[Job, tuple[str, Need]] = {}
        self._ended_children: dict[Job, int] = {}
        self._wake = threading.Condition(self.lock)
        self._thread: threading.Thread | None = None
        self._stopped = self._advancing = False

    def find(self, identifier: str) -> Job | None:
        """A job by its id; `<id>:<index>` is a child of an array, `<id>#<index>` a node."""
        if identifier in self._jobs:
            return self._jobs[identifier]
        name, separator, index = identifier.replace("#", ":").rpartition(":")
        parent = self._jobs.get(name)
        if not separator or parent is None or not index.isdecimal() or int(index) >= len(parent.children):
            return None
        child = parent.children[int(index)]
        return child if child.id == identifier else None

    def jobs(self, scope: tuple[str, str]) -> list[Job]:
        """Every job of an account and Region, children and nodes left out."""
        with self.lock:
            return [job for job in self._jobs.values() if job.asked.scope == scope]

    def add(self, job: Job, doom: str = "") -> None:
        """Take a submitted job, and move it as far as it gets.

        Args:
            job: the job, with its children.
            doom: why it fails before it starts, where it does.
        """
        with self.lock:
            self._jobs[job.id] = job
            self._waiting.update(dict.fromkeys(job.scheduled()))
            if job.is_array:
                self.set_status(job, PENDING)
            for one in job.scheduled() if doom else ():
                self.give_up(one, doom)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="batch-scheduler", daemon=True)
                self._thread.start()
        self.advance()

    def advance(self) -> None:
        """Move every waiting job as far as it gets now."""
        with self.lock:
            if self._stopped or self._advancing:  # a job that ends at once comes here again; the loop below sees it
                return
            self._advancing = True
            try:
                while self._pass():
                    pass
            finally:
                self._advancing = False

    def ended(self, job: Job, outcome: Outcome) -> None:
        """Take the end of an attempt: the job is retried, or has ended."""
        with self.lock:
            self._placed.pop(job, None)
            if is_retried(job.asked.retry, len(job.attempts), outcome):
                self.set_status(job, RUNNABLE, outcome.status_reason)
                self._waiting[job] = None
            else:
                self.set_status(job, SUCCEEDED if outcome.succeeded else FAILED, outcome.status_reason)
        self.advance()

    def give_up(self, job: Job, reason: str) -> bool:
        """End a job that has not started; whether it had not."""
        with self.lock:
            if job.status not in WAITING or job not in self._waiting:
                return False
            del self._waiting[job]
            self.set_status(job, FAILED, reason)
            return True

    def set_status(self, job: Job, status: str, reason: str = "") -> None:
        """Give a job another status, and with it its nodes where they have not one of their own, or its array."""
        with self.lock:
            job.reach(status, reason)
            self._emit(job)
            for node in job.children if job.nodes is not None else ():
                if status not in ENDED or node.status not in ENDED:
                    node.reach(status, reason)
            if job.parent is not None and status in ENDED:
                self._follow(job.parent)

    def stop(self) -> None:
        """Start nothing any more."""
        with self.lock:
            self._stopped = True
            self._wake.notify_all()

    def _run(self) -> None:
        with self.lock:
            while not self._stopped:
                self._wake.wait(TICK)
                self.advance()
                for job in list(self._placed):
                    if not job.terminated and self._environments(job) is None:
                        self._end(job, QUEUE_GONE)

    def _pass(self) -> bool:
        """Move every waiting job as far as it gets by itself; whether any status changed."""
        looked_up: dict[tuple[tuple[str, str], str], Sequence[Environment] | None] = {}
        moved = False
        for job in list(self._waiting):
            queue = (job.asked.scope, job.asked.queue)
            if queue not in looked_up:
                looked_up[queue] = self._environments(job)
            while job in self._waiting and self._step(job, looked_up[queue]):
                moved = True
        return moved

    def _step(self, job: Job, environments: Sequence[Environment] | None) -> bool:
        """One step of a waiting job; whether its status changed."""
        before = job.status
        if environments is None:
            return self.give_up(job, QUEUE_GONE)
        if job.status in (SUBMITTED, PENDING):
            self._await(job)
        else:
            self._place(job, environments)
        return job.status != before

    def _await(self, job: Job) -> None:
        if dependencies.unmet(job, self.find):
            if job.status == SUBMITTED:
                self.set_status(job, PENDING)
        elif dependencies.is_hopeless(job, self.find):
            self.give_up(job, dependencies.FAILED_REASON)
        else:
            self.set_status(job, RUNNABLE)

    def _place(self, job: Job, environments: Sequence[Environment]) -> None:
        asked, machine = need(job), self._machine()
        environment, reason = place(asked, environments, self._used())
        if environment is not None and asked.gpus > machine.gpus:
            reason = f"{NO_CAPACITY} [{fitting_types(asked, environment)[0]}]"
            environment = None
        if environment is None:
            job.reason = reason or job.reason
            return
        if self._placed and self._containers() + asked.containers > machine.slots:
            return
        del self._waiting[job]
        self._placed[job] = (environment["computeEnvironmentArn"], asked)
        self.set_status(job, STARTING)
        self._begin(job, environment)

    def _used(self) -> Mapping[str, int]:
        used: dict[str, int] = {}
        for environment, asked in self._placed.values():
            used[environment] = used.get(environment, 0) + asked.total_vcpus
        return used

    def _containers(self) -> int:
        return sum(asked.containers for _, asked in self._placed.values())

    def _follow(self, array: Job) -> None:
        """An array is PENDING until every child has ended; it failed if one of them did."""
        self._ended_children[array] = self._ended_children.get(array, 0) + 1
        if self._ended_children[array] == len(array.children):
            failed = any(child.status == FAILED for child in array.children)
            self.set_status(array, FAILED if failed else SUCCEEDED, ARRAY_FAILED if failed else "")
