"""The statements of the template that name every resource, each with the reason that stands beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
_HOLDER = re.compile(r"^  (\w+):$")
_STATEMENT = re.compile(r"^ +- Sid: (\w+)(?: +# (.+))?$")
_EVERYTHING = re.compile(r'^ +Resource: "\*"(?: +# (.+))?$')


def stars() -> Iterator[tuple[str, str, str]]:
    """Role or policy, statement and reason of each `Resource: "*"` that grants something."""
    holder = statement = reason = ""
    for line in TEMPLATE.read_text().splitlines():
        if match := _HOLDER.match(line):
            holder = match[1]
        elif match := _STATEMENT.match(line):
            statement, reason = match[1], match[2] or ""
        elif (match := _EVERYTHING.match(line)) and not holder.endswith("Boundary"):
            yield holder, statement, match[1] or reason


def blocks() -> dict[str, str]:
    """The generated table."""
    rows = [f"| {holder} | {statement} | {reason} |" for holder, statement, reason in stars()]
    return {"stars": "\n".join(["| role or policy | statement | why |", "|---|---|---|", *rows])}
