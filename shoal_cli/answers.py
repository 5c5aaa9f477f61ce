"""Printing how an operation ended: for people, or as JSON."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from shoal_cli.exits import Exit
from shoal_cli.progress import console


class Format(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[Format, typer.Option(help="For people, or for programs.")]


def finish(ended: dict[str, Any], *, output: Format) -> None:
    """Print an execution's answer, or its failure, and end the command with the exit code that belongs to it."""
    if ended["status"] == "SUCCEEDED":
        answer = json.loads(ended["output"])
        typer.echo(json.dumps(answer, indent=2) if output is Format.JSON else readable(answer))
        raise typer.Exit(Exit.DONE)
    error, cause = ended.get("error", ended["status"]), ended.get("cause", "the execution did not end by itself")
    if output is Format.JSON:
        log = {"log": ended["log"]} if ended.get("log") else {}
        typer.echo(json.dumps({"error": error, "cause": cause, "executionArn": ended["executionArn"], **log}, indent=2))
    else:
        console.print(Text.assemble((error, "red"), f": {cause}"), soft_wrap=True)
        for line in ended.get("log", ()):
            console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
    raise typer.Exit(Exit.FAILED)


def readable(answer: dict[str, Any]) -> str:
    """An answer as people read it: its summary, then a block for each key that has a value."""
    lines = [str(answer.get("summary", ""))]
    for key, value in answer.items():
        if key != "summary" and value not in (None, [], {}, ""):
            lines += _block(key, value, "")
    return "\n".join(line for line in lines if line)


def _block(key: str, value: Any, indent: str) -> list[str]:
    if isinstance(value, dict):
        inner = [line for name, item in value.items() for line in _block(name, item, indent + "  ")]
        return [f"{indent}{key}:", *inner]
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return [f"{indent}{key}:", *(f"{indent}  {row}" for row in _with_logs(value))]
    if isinstance(value, list):
        return [f"{indent}{key}:", *(f"{indent}  - {_cell(item)}" for item in value)]
    return [f"{indent}{key}: {_cell(value)}"]


def _with_logs(items: list[dict[str, Any]]) -> list[str]:
    """A table of items, and under the row of each the lines of its log, if it has one."""
    header, *found = rows([{key: value for key, value in item.items() if key != "log"} for item in items])
    return [header, *(line for row, item in zip(found, items, strict=True) for line in (row, *_log(item)))]


def _log(item: dict[str, Any]) -> list[str]:
    return [f"    | {line}" for line in item.get("log") or ()]


def rows(items: list[dict[str, Any]]) -> list[str]:
    """Items as a table of the keys that at least one of them fills; what needs most room stands last."""
    keys = [key for key in dict.fromkeys(key for item in items for key in item) if any(item.get(key) for item in items)]
    columns = [[key, *(_cell(item.get(key)) for item in items)] for key in keys]
    widest = max(columns, key=lambda column: max(map(len, column)), default=[])
    columns = [*(column for column in columns if column is not widest), *([widest] if widest else [])]
    widths = [max(map(len, column)) for column in columns]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in zip(*columns, strict=True)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value)
