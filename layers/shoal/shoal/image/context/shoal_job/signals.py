"""Signals: what Batch and users send reaches the whole job, not the entry point alone."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

from .problems import SIGNALLED, JobError

HANDED_ON = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
)
_ENDS = frozenset(HANDED_ON) - {signal.SIGCONT}


class Handover:
    """Gives signals to a process group; before there is one, a signal that would end the job does."""

    def __init__(self) -> None:
        self.group: int | None = None
        """Process group of the command, once it runs."""
        self.stopped = False
        """Whether somebody asked the job to end."""
        self._kept: list[int] | None = None
        for number in HANDED_ON:
            signal.signal(number, self._hand_on)

    def _hand_on(self, number: int, _: FrameType | None) -> None:
        self.stopped = self.stopped or number in _ENDS
        if self._kept is not None:
            self._kept.append(number)
        elif self.group is not None:
            self.send(number)
        elif number in _ENDS:
            _end(number)

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Hand on later what comes while a command starts, when it runs already and has no name here yet."""
        kept: list[int] = []
        self._kept = kept
        yield
        self._kept = None
        for number in kept:
            self._hand_on(number, None)

    def send(self, number: int) -> None:
        """Send a signal to the group, as far as it is still there and takes it."""
        if self.group is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.group, number)

    def close(self) -> None:
        """The group has ended: whatever comes now changes nothing."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.group = None
        for number in HANDED_ON:
            signal.signal(number, signal.SIG_IGN)

    def end(self, *steps: tuple[float, int]) -> None:
        """Send signals to the group one after the other, for as long as it has not ended.

        Args:
            steps: seconds to wait, and the signal after them.
        """
        if self.group is None or not steps:
            return
        (seconds, number), *later = steps

        def step(*_: object) -> None:
            self.send(number)
            self.end(*later)

        signal.signal(signal.SIGALRM, step)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _end(number: int) -> NoReturn:
    raise JobError(SIGNALLED + number, f"ended by {signal.Signals(number).name}")
