"""How fast a slice may go on once the service has asked it to slow down.

Unlimited until the first throttling answer; then a rate, shared by all workers, that follows what the service takes:
down at most once a second, up a little with every chunk that went well. Measured against an endpoint that throttles
at 3,500 deletions a second, the figure S3 gives for one partition
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_FIRST = 0.9
"""Share of the rate reached so far that is kept at the first throttling answer."""
_DOWN = 0.7
_UP = 1.02
_SETTLING = 1.0
"""Seconds during which further throttling answers belong to the same overload."""
_SLOWEST = 50.0
"""Items a second below which no service's limit lies."""


class Pace:
    """A rate in items per second, shared by the workers of one slice."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wait: Callable[[float], object] | None = None
    ) -> None:
        self._clock, self._wait, self._lock = clock, wait or threading.Event().wait, threading.Lock()
        self._started = clock()
        self._done = 0
        self._slowed_at = float("-inf")
        self._next = self._started
        self.rate: float | None = None

    def admit(self, count: int) -> None:
        """Wait until `count` more items may be sent."""
        with self._lock:
            if self.rate is None:
                return
            now = self._clock()
            start = max(now, self._next)
            self._next = start + count / self.rate
        if start > now:
            self._wait(start - now)

    def went_well(self, count: int) -> None:
        """The service took `count` items."""
        with self._lock:
            self._done += count
            if self.rate is not None:
                self.rate *= _UP

    def slow_down(self) -> None:
        """The service asked to slow down."""
        with self._lock:
            now = self._clock()
            if now - self._slowed_at < _SETTLING:
                return
            self._slowed_at = now
            reached = self._done / max(now - self._started, 0.001)
            rate = reached * _FIRST if self.rate is None else self.rate * _DOWN
            self.rate = max(rate, _SLOWEST)
            self._next = now + _SETTLING
