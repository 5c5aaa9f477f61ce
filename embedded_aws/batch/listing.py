"""Which jobs ListJobs answers with, in which order, page by page.

https://docs.aws.amazon.com/batch/latest/APIReference/API_ListJobs.html: of a queue, an array or a multi-node job;
with one filter the status does not count and the newest come first. A page holds 1,000 jobs, 100 with a filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from embedded_aws.batch.job import RUNNING, Job

PAGE = 1000
FILTERED_PAGE = 100

Request = Mapping[str, Any]


def chosen(request: Request, jobs: Iterable[Job]) -> list[Job]:
    """The jobs that were asked for, of those of a queue or the children or nodes of one job."""
    filters = request.get("filters") or []
    if not filters:
        wanted = request.get("jobStatus") or RUNNING  # as on AWS, where nothing said means running
        return [job for job in jobs if job.status == wanted]
    test = FILTERS[filters[0]["name"]]
    found = [job for job in jobs if any(test(job, value) for value in filters[0].get("values") or [])]
    return sorted(found, key=lambda job: job.created_at, reverse=True)


def refusal(request: Request) -> str | None:
    """Why a list is not answered."""
    places = [key for key in ("jobQueue", "arrayJobId", "multiNodeJobId") if request.get(key)]
    if not places:
        return "Error executing request, Exception : jobQueue, arrayJobId or multiNodeJobId must be specified"
    if len(places) > 1:
        return f"Error executing request, Exception : only one of {', '.join(places)} must be specified"
    filters = request.get("filters") or []
    if len(filters) > 1:
        return "Error executing request, Exception : only one filter can be used at a time"
    unknown = [item.get("name") for item in filters if item.get("name") not in FILTERS]
    return f"Error executing request, Exception : filter {unknown[0]} is not supported" if unknown else None


def page(request: Request, jobs: Sequence[Job]) -> tuple[Sequence[Job], str | None]:
    """One page, and the token of the next."""
    limit = FILTERED_PAGE if request.get("filters") else PAGE
    start, size = int(request.get("nextToken") or 0), min(int(request.get("maxResults") or limit), limit)
    following = str(start + size) if len(jobs) > start + size else None
    return jobs[start : start + size], following


def _matches(text: str, pattern: str) -> bool:
    text, pattern = text.lower(), pattern.lower()
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _definition(job: Job, pattern: str) -> bool:
    """By name, by name and revision, or by ARN; without the revision all of them count."""
    arn = job.asked.definition
    name = arn.rsplit("/", 1)[-1]
    return any(_matches(text, pattern) for text in (arn, name, name.rpartition(":")[0], arn.rpartition(":")[0]))


FILTERS: dict[str, Callable[[Job, str], bool]] = {
    "JOB_NAME": lambda job, value: _matches(job.asked.name, value),
    "JOB_DEFINITION": _definition,
    "BEFORE_CREATED_AT": lambda job, value: job.created_at < int(value),
    "AFTER_CREATED_AT": lambda job, value: job.created_at > int(value),
}
