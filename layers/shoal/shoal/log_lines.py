"""The last lines of a log, as a failure tells them: few, short, and without commands to a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable

LAST_LINES = 20
"""Lines of a log that are told."""
LONGEST_LINE = 200
"""Characters of such a line."""

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0e-\x1f\x7f]")
"""Colours and other commands to a terminal, of which a told line must have none."""


def cleaned(line: str) -> str:
    """A line without control characters and needless space."""
    return " ".join(_CONTROL.sub("", line).split())


def told_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """The last lines that say something, oldest first."""
    last = [text for text in map(cleaned, lines) if text][-LAST_LINES:]
    return tuple(line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}..." for line in last)
