"""What both programs have: calls that take as long as on a network, and a count of the messages that are done."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any


class Calls:
    """Counts, and delays, the calls of a boto3 session's clients."""

    def __init__(self, events: Any, round_trip: float) -> None:
        self.number = 0
        self.done = 0
        """Messages deleted from the queue."""
        self._round_trip = round_trip
        events.register("before-send", self._send)
        events.register("after-call.sqs.DeleteMessage", self._one)
        events.register("after-call.sqs.DeleteMessageBatch", self._some)

    def _send(self, **_: Any) -> None:
        self.number += 1
        time.sleep(self._round_trip)

    def _one(self, **_: Any) -> None:
        self.done += 1

    def _some(self, parsed: dict[str, Any], **_: Any) -> None:
        self.done += len(parsed.get("Successful", []))


def serve(calls: Calls, handle: Callable[[dict[str, Any]], float]) -> None:
    """Handle what waits in the queue each time that a line of JSON comes, which says how many `messages` that are.

    Args:
        calls: of the program.
        handle: handles what it finds, with what the line tells; returns the seconds that it only waited for more.
    """
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        told = json.loads(line)
        calls.number = calls.done = 0
        began, waited = time.perf_counter(), 0.0
        while calls.done < told["messages"]:
            waited += handle(told)
        seconds = time.perf_counter() - began - waited
        sys.stdout.write(json.dumps({"seconds": seconds, "waited": waited, "calls": calls.number}) + "\n")
        sys.stdout.flush()
