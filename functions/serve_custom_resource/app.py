"""Answer CloudFormation for `Custom::EmptyBucket` and `Custom::EmptyRepository`, whatever happens.

Only the standard library is imported here, so that even a layer that cannot be imported ends in an answer. A timer
answers before the function's time-out. The work is in `shoal.custom_resources`.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen

TIMER_MARGIN = 5.0
"""Seconds before the function's time-out at which the timer answers."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Serve one event of CloudFormation."""
    late = "the function did not finish in time; delete the stack again"
    timer = threading.Timer(context.get_remaining_time_in_millis() / 1000 - TIMER_MARGIN, fail, (event, late))
    timer.start()
    try:
        from shoal.aws.response_url import send
        from shoal.cleanup.custom_resource import answer_body
        from shoal.custom_resources import serve

        if serve(event, datetime.now(UTC)):
            send(event["ResponseURL"], answer_body(event))
    except Exception as error:  # noqa: BLE001 - the outermost guard: CloudFormation would wait an hour
        fail(event, f"{type(error).__name__}: {error}")
    finally:
        timer.cancel()


def fail(event: dict[str, Any], reason: str) -> None:
    """Answer FAILED with nothing but the standard library; Lambda tries the event again if even this fails."""
    print(json.dumps({"level": "ERROR", "message": "custom resource failed", "reason": reason}))  # noqa: T201 - the log
    body = {
        "Status": "FAILED",
        "Reason": " ".join(reason.split())[:300],
        "PhysicalResourceId": event.get("PhysicalResourceId") or f"not-made/{event['LogicalResourceId']}",
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    url = event["ResponseURL"]
    if not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        return
    request = Request(url, data=json.dumps(body).encode(), method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urlopen(request, timeout=4):  # noqa: S310 - scheme checked above
        return
