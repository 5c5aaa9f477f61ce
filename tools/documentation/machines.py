"""The state machines as pictures and tables, read from their definitions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MACHINES = Path(__file__).resolve().parents[2] / "statemachines"
ORDER = (
    "run_operation",
    "create_cluster",
    "update_cluster",
    "scale_cluster",
    "delete_cluster",
    "build_image",
    "deploy_stack",
    "clean_up",
    "remove_leftovers",
)
"""The order of the story: the front door, what it runs, what those share."""

_HEAD = """\
# State machines

Generated from `statemachines/` by `tools/generate_docs.py`; do not edit.

Dotted lines are what happens after a failure that no Retry mends. Each child's execution is named after the operation.
"""
_SHAPES = {"Choice": ("{{", "}}"), "Succeed": ("([", "])"), "Fail": ("([", "])"), "Wait": ("(", ")")}


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(name) for name in ORDER)])


def _section(name: str) -> str:
    machine = json.loads((MACHINES / f"{name}.asl.json").read_text())
    comment, _, example = machine["Comment"].partition(" Example: ")
    lines = [f"## {name}", "", comment, "", "```mermaid", "flowchart TD", *_drawn(machine["States"], ""), "```", ""]
    lines += ["| state | | why |", "|---|---|---|"]
    lines += [f"| {state} | {kind} | {why} |" for state, kind, why in _told(machine["States"])]
    return "\n".join([*lines, *(["", "```json", example, "```"] if example else []), ""])


def _told(states: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, state in states.items():
        yield name, state["Type"], state["Comment"]
        for branch in state.get("Branches", []):
            yield from _told(branch["States"])


def _drawn(states: dict[str, Any], prefix: str) -> Iterator[str]:
    ids = {name: f"{prefix}s{number}" for number, name in enumerate(states)}
    for name, state in states.items():
        opening, closing = _SHAPES.get(state["Type"], ("[", "]"))
        yield f'  {ids[name]}{opening}"{name}"{closing}'
        for number, branch in enumerate(state.get("Branches", [])):
            inner = f"{ids[name]}b{number}"
            yield from _drawn(branch["States"], inner)
            yield f"  {ids[name]} --> {inner}s{list(branch['States']).index(branch['StartAt'])}"
    for name, state in states.items():
        following = [state.get("Next"), *(choice["Next"] for choice in state.get("Choices", [])), state.get("Default")]
        yield from (f"  {ids[name]} --> {ids[target]}" for target in dict.fromkeys(following) if target)
        caught = dict.fromkeys(catcher["Next"] for catcher in state.get("Catch", []))
        yield from (f"  {ids[name]} -.-> {ids[target]}" for target in caught)
