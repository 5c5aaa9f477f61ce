"""The jobs that a job waits for, as `--depends-on` names them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST = 20
"""https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html"""
TYPES = ("N_TO_N", "SEQUENTIAL")
JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[0-9]+)?")
"""A job, or a child of an array job."""
_FORM = "write a job id, or jobId=ID,type=N_TO_N, several separated by `;`"


@dataclass(frozen=True)
class Dependency:
    """A job that must have ended; for children of arrays, one by one."""

    job_id: str | None
    type: str | None

    def request(self) -> dict[str, str]:
        """As SubmitJob takes it."""
        given = {"jobId": self.job_id, "type": self.type}
        return {key: value for key, value in given.items() if value is not None}


def read(asked: Sequence[str]) -> tuple[list[Dependency], list[str]]:
    """The dependencies of the option's values, each one or several separated by `;`, and what is wrong with them."""
    dependencies: list[Dependency] = []
    problems: list[str] = []
    for item in (part.strip() for value in asked for part in value.split(";")):
        if not item:
            continue
        found = _read_one(item)
        if isinstance(found, str):
            problems.append(found)
        else:
            dependencies.append(found)
    if len(dependencies) > MOST:
        problems.append(f"--depends-on names {len(dependencies)} jobs; Batch takes at most {MOST}")
    return dependencies, problems


def _read_one(item: str) -> Dependency | str:
    fields = [part.partition("=") for part in item.split(",")]
    if "=" not in item:
        fields = [("jobId", "=", item)]
    given = {key.strip(): value.strip() for key, _, value in fields}
    if set(given) - {"jobId", "type"} or len(given) < len(fields):
        return f"--depends-on {item} is no dependency; {_FORM}"
    job_id, kind = given.get("jobId"), given.get("type")
    if job_id is not None and not JOB_ID.fullmatch(job_id):
        return f"--depends-on {job_id} is no id of a job; {_FORM}"
    if kind is not None and kind not in TYPES:
        return f"--depends-on type={kind} is unknown; write one of {', '.join(TYPES)}"
    if job_id is None and kind != "SEQUENTIAL":
        return f"--depends-on {item} names no job; {_FORM}"
    return Dependency(job_id, kind)


def misfits(dependencies: Sequence[Dependency], array_size: int | None) -> Iterator[str]:
    """What is wrong with dependencies of a job of that size (none: no array), whatever the jobs are."""
    for dependency in dependencies:
        if dependency.type is not None and array_size is None:
            yield f"--depends-on type={dependency.type} is for array jobs; write --array-size as well, or no type"
        if dependency.type == "SEQUENTIAL" and dependency.job_id is not None:
            yield "--depends-on type=SEQUENTIAL orders the job's own children; leave jobId out, or write no type"


def unmet(
    dependencies: Sequence[Dependency], array_size: int | None, jobs: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """What is wrong with dependencies, now that it is known which jobs there are.

    Args:
        dependencies: what was asked for.
        array_size: children of the job that waits, if it is an array.
        jobs: Batch's description of each named job that exists, by id.
    """
    for dependency in dependencies:
        if dependency.job_id is None:
            continue
        job = jobs.get(dependency.job_id)
        size = (job or {}).get("arrayProperties", {}).get("size")
        if job is None:
            yield f"--depends-on {dependency.job_id} is unknown to Batch, which forgets jobs a week after their end"
        elif job["status"] == "FAILED":
            yield f"--depends-on {dependency.job_id} has failed already, so this job would never start"
        elif dependency.type == "N_TO_N" and size != array_size:
            kind = f"an array of {size}" if size else "no array"
            yield f"--depends-on {dependency.job_id} is {kind}; N_TO_N needs an array of {array_size}, as this job is"
