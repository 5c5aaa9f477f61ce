"""Waiting for a server: a condition and a deadline, never a fixed pause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def until[T](probe: Callable[[], T], seconds: float = 15.0, what: str = "the condition") -> T:
    """Call `probe` until it returns something true, and return that.

    Raises:
        AssertionError: it did not within `seconds`; the message says `what` was waited for and what came last.
    """
    deadline = time.monotonic() + seconds
    pause, length = threading.Event(), 0.02
    while not (found := probe()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s; last: {found!r}"
        pause.wait(length)
        length = min(0.1, length * 1.2)
    return found
