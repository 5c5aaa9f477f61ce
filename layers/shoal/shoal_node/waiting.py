"""Waiting until something is so, with an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Optional, TypeVar

from shoal_node.shell import NodeError

T = TypeVar("T")


def wait_for(ask: Callable[[], Optional[T]], what: str, seconds: float, pause: float = 2.0) -> T:
    """Ask again and again until the answer is not None.

    Args:
        ask: what may answer; what it raises ends the waiting.
        what: is waited for, as the error names it.
        seconds: until it is given up.
        pause: seconds between two questions.

    Raises:
        NodeError: the time is over.
    """
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer is not None:
            return answer
        if time.monotonic() >= end:
            raise NodeError(f"{what}: none within {seconds:.0f} seconds")
        threading.Event().wait(pause)
