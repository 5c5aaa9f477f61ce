"""Showing an operation while it runs, and its end."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from shoal_cli.application import Application
from shoal_cli.exits import Exit
from shoal_cli.following import Following, State, outcome

SHOWN = 12
"""States on the screen at once; the newest."""
PAUSE_SECONDS = 2.0
LOCAL_PAUSE_SECONDS = 0.2
"""DescribeExecution refills at 15 calls a second for a whole account
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html); the embedded AWS has no such limit."""

console = Console(stderr=True)
"""Progress goes to standard error, so that standard output is the answer alone."""


def wait(application: Application, execution_arn: str, *, show: bool) -> dict[str, Any]:
    """Wait for an execution's end and show its states while it runs; DescribeExecution's answer.

    Ctrl-C ends the waiting, not the execution.
    """
    client = application.client("stepfunctions")
    following = Following(client, execution_arn)
    pause = LOCAL_PAUSE_SECONDS if application.is_local else PAUSE_SECONDS
    began = datetime.now(UTC)
    try:
        with Live(console=console, refresh_per_second=4, transient=not console.is_terminal) as live:
            while True:
                ended = outcome(client, execution_arn)
                if show:
                    following.read()
                    live.update(_table(following.states, began))
                if ended["status"] != "RUNNING":
                    return ended
                time.sleep(pause)
    except KeyboardInterrupt:
        console.print(f"\nstill running; come back with: shoal follow {execution_arn}")
        raise typer.Exit(Exit.DONE) from None


def _table(states: list[State], began: datetime) -> Table:
    table = Table.grid(padding=(0, 2))
    for state in states[-SHOWN:]:
        until = state.left or datetime.now(UTC)
        mark = "[green]done[/]" if state.left else "[yellow]now[/]"
        seconds = max(0.0, (until - state.entered).total_seconds())
        table.add_row(mark, state.machine, state.name, f"{seconds:5.1f} s")
    table.add_row("", "", "[dim]elapsed[/]", f"[dim]{(datetime.now(UTC) - began).total_seconds():5.1f} s[/]")
    return table


def finish(ended: dict[str, Any], *, as_json: bool) -> None:
    """Print an execution's answer, or its failure, and end the command with the exit code that belongs to it."""
    if ended["status"] == "SUCCEEDED":
        answer = json.loads(ended["output"])
        typer.echo(json.dumps(answer, indent=2) if as_json else _readable(answer))
        raise typer.Exit(Exit.DONE)
    error, cause = ended.get("error", ended["status"]), ended.get("cause", "the execution did not end by itself")
    if as_json:
        typer.echo(json.dumps({"error": error, "cause": cause, "executionArn": ended["executionArn"]}, indent=2))
    else:
        console.print(f"[red]{error}[/]: {cause}", soft_wrap=True, highlight=False)
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
