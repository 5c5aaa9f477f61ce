"""Batch's events: one for every change of a job's status.

https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html: source `aws.batch`, type `Batch Job State
Change`, the detail as DescribeJobs shows the job; none for the submission itself.
"""

from __future__ import annotations

import json
import queue
import threading
from typing import Any

from embedded_aws.batch import views
from embedded_aws.batch.job import Job
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.eventbridge", "_put_events"), ("core.responses", "request_scope"))

_waiting: queue.SimpleQueue[tuple[tuple[str, str], dict[str, Any]]] = queue.SimpleQueue()
_starting = threading.Lock()
_threads: list[threading.Thread] = []


def emit(job: Job) -> None:
    """Send the event of a job's new status, from a thread of its own: a rule's target may ask for the job at once."""
    entry = {
        "Source": "aws.batch",
        "DetailType": "Batch Job State Change",
        "Resources": [job.arn],
        "Detail": json.dumps(views.detail(job)),
    }
    with _starting:
        if not _threads:
            _threads.append(threading.Thread(target=_send, name="batch-events", daemon=True))
            _threads[0].start()
    _waiting.put((job.asked.scope, entry))


def _send() -> None:
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    while True:
        scope, entry = _waiting.get()
        with request_scope(*scope):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
