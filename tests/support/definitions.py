"""The state machines' files, as they are and with their substitutions filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "statemachines"
NAMES = tuple(sorted(path.name.removesuffix(".asl.json") for path in FOLDER.glob("*.asl.json")))

_SUBSTITUTION = re.compile(r"\$\{(\w+)\}")


def text(name: str) -> str:
    """A definition's file as it is."""
    return (FOLDER / f"{name}.asl.json").read_text()


def substitutions(name: str) -> set[str]:
    """The names that a definition expects from the template."""
    return set(_SUBSTITUTION.findall(text(name)))


def definition(name: str) -> dict[str, Any]:
    """A definition with `${Name}` replaced by `Name`, and the partition by `aws`."""
    filled = _SUBSTITUTION.sub(lambda match: {"Partition": "aws"}.get(match[1], match[1]), text(name))
    loaded: dict[str, Any] = json.loads(filled)
    return loaded


def states(block: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state of a definition, those of branches included."""
    for name, state in block["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            yield from states(inner)


def tasks(block: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every Task of a definition by name."""
    return {name: state for name, state in states(block) if state["Type"] == "Task"}
