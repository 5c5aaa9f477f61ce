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
        typer.echo(json.dumps(answer, indent=2) if output is Format.JSON else _readable(answer))
        raise typer.Exit(Exit.DONE)
    error, cause = ended.get("error", ended["status"]), ended.get("cause", "the execution did not end by itself")
    if output is Format.JSON:
        typer.echo(json.dumps({"error": error, "cause": cause, "executionArn": ended["executionArn"]}, indent=2))
    else:
        console.print(Text.assemble((error, "red"), f": {cause}"), soft_wrap=True)
    raise typer.Exit(Exit.FAILED)


def _readable(answer: dict[str, Any]) -> str:
    lines = [str(answer.get("summary", ""))]
    for key, value in answer.items():
        if key != "summary" and value not in (None, [], {}, ""):
            lines += _block(key, value, "")
    return "\n".join(line for line in lines if line)


def _block(key: str, value: Any, indent: str) -> list[str]:
    if isinstance(value, dict):
        inner = [line for name, item in value.items() for line in _block(name, item, indent + "  ")]
        return [f"{indent}{key}:", *inner]
    if isinstance(value, list):
        return [f"{indent}{key}:", *(line for item in value for line in _listed(item, indent + "  "))]
    return [f"{indent}{key}: {value}"]


def _listed(item: Any, indent: str) -> list[str]:
    if isinstance(item, dict):
        shown = ", ".join(f"{name} {value}" for name, value in item.items() if value not in (None, "", [], {}))
        return [f"{indent}- {shown}"]
    return [f"{indent}- {item}"]
