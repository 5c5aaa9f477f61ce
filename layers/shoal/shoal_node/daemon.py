"""What the three daemons share: a loop that ends on SIGTERM, waits longer after errors, and logs one line each."""

from __future__ import annotations

import logging
import signal
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shoal_node.shell import NodeError
from shoal_node.slurm.commands import SlurmError

log = logging.getLogger("shoal_node")

LONGEST_PAUSE = 60.0
"""Seconds between two tries while AWS or Slurm does not answer."""
MOST_DECISIONS = 20
"""Decisions that `shoal describe` can show."""
ERRORS = (BotoCoreError, ClientError, SlurmError, NodeError, OSError)
"""What passes by itself: the next look may succeed."""


class Decisions:
    """The last decisions of a daemon, each logged as one line; one that repeats the last about the same is not."""

    def __init__(self) -> None:
        self.last: deque[dict[str, Any]] = deque(maxlen=MOST_DECISIONS)
        self._of: dict[str, str] = {}

    def tell(self, now: float, about: str, what: str, why: str) -> None:
        """Log a decision and keep it."""
        if self._of.get(about) == f"{what}: {why}":
            return
        self._of[about] = f"{what}: {why}"
        self.last.append({"at": int(now), "about": about, "what": what, "why": why})
        log.info("%s: %s: %s", about, what, why)


def run(name: str, look: Callable[[], None], pause: float, stop: threading.Event) -> None:
    """Look again and again until `stop` is set.

    Args:
        name: of the daemon, for its log.
        look: one look; what it raises of `ERRORS` is logged, and it is called again later.
        pause: seconds between two looks.
        stop: ends the loop after the look that goes on.
    """
    failures = 0
    log.info("%s begins", name)
    while not stop.is_set():
        try:
            look()
            failures = 0
        except ERRORS as error:
            failures += 1
            log.warning("%s: %s", name, str(error).replace("\n", " "))
        stop.wait(pause if not failures else backoff(pause, failures))
    log.info("%s ends", name)


def backoff(pause: float, failures: int) -> float:
    """Seconds to wait after so many failures in a row: doubling from a second, at most a minute."""
    return max(pause, min(LONGEST_PAUSE, 2.0 ** (failures - 1)))


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
