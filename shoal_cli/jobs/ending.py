"""`shoal job kill`: ending jobs, with a reason that stays with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from shoal_cli.jobs import records

LONGEST_REASON = 1024
"""Characters; https://docs.aws.amazon.com/batch/latest/APIReference/API_TerminateJob.html"""


def kill(batch: Any, jobs: Sequence[records.Record], reason: str) -> Iterator[dict[str, Any]]:
    """End jobs, children of arrays with them; what was done about each, and whether that is what was wanted.

    Args:
        batch: a client.
        jobs: the jobs as Batch describes them.
        reason: what `show` will say; at most `LONGEST_REASON` characters.
    """
    for job in jobs:
        done, ok = "had ended before", True
        if job["status"] not in records.ENDED:
            done = "is cancelled" if job["status"] in records.WAITING else "is being ended"
            try:
                batch.terminate_job(jobId=job["jobId"], reason=reason)
            except ClientError as error:  # the others are ended all the same
                done, ok = f"is not ended: {' '.join(str(error).split())}", False
        yield {"jobId": job["jobId"], "jobName": job["jobName"], "was": job["status"], "done": done, "ok": ok}
