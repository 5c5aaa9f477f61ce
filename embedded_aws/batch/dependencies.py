"""When a job that depends on others may run, and when it never will.

https://docs.aws.amazon.com/batch/latest/userguide/job_dependencies.html and
https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html: with N_TO_N each child of an array waits for the
child of the same index of the other array, with SEQUENTIAL for the child before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from embedded_aws.batch.job import ENDED, FAILED, Job

FAILED_REASON = "Dependent Job failed"

Find = Callable[[str], Job | None]
"""A job by its id, `<id>:<index>` for a child."""


def unmet(job: Job, find: Find) -> list[Job]:
    """The jobs that have not ended and that this one waits for."""
    return [other for other in awaited(job, find) if other.status not in ENDED]


def is_hopeless(job: Job, find: Find) -> bool:
    """Whether one of the jobs that this one depends on has failed."""
    return any(other.status == FAILED for other in awaited(job, find))


def awaited(job: Job, find: Find) -> Iterator[Job]:
    """The jobs that have to succeed before this one; one that is no longer known is no hindrance."""
    for dependency in job.asked.depends_on:
        if dependency.kind == "SEQUENTIAL" and not dependency.job:
            if job.parent is not None and job.index:
                yield job.parent.children[job.index - 1]
            continue
        other = find(dependency.job)
        if other is not None and dependency.kind == "N_TO_N" and other.is_array and job.index is not None:
            other = find(f"{dependency.job}:{job.index}")
        if other is not None:
            yield other
