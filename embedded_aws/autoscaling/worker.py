"""What groups do after a request was answered, in a thread of its own: one step at a time, in an account's name.

A request is served on the server's only loop, and what a group does are requests to this server.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("core.responses", "request_scope"),
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
)

Step = tuple[float, int, tuple[str, str], Callable[[], object]]
"""When it is due on the monotonic clock, its place among those of the same instant, account and Region, what to do."""

_steps: list[Step] = []
_changed = threading.Condition()
_threads: list[threading.Thread] = []
_places = itertools.count()


def later(step: Callable[[], object], seconds: float = 0.0) -> None:
    """Do something soon, in the account and Region of the request being served.

    Args:
        step: what to do.
        seconds: after how long.
    """
    from ministack.core.responses import get_account_id, get_region

    with _changed:
        due = time.monotonic() + seconds
        heapq.heappush(_steps, (due, next(_places), (get_account_id(), get_region()), step))
        if not _threads:
            _threads.append(threading.Thread(target=_work, name="auto-scaling", daemon=True))
            _threads[0].start()
        _changed.notify()


def _work() -> None:
    from ministack.core.responses import request_scope

    while True:
        _, _, scope, step = _next()
        with request_scope(*scope), contextlib.suppress(BotoCoreError):  # the server may be ending
            step()


def _next() -> Step:
    with _changed:
        while not _steps or _steps[0][0] > time.monotonic():
            _changed.wait(_steps[0][0] - time.monotonic() if _steps else None)
        return heapq.heappop(_steps)
