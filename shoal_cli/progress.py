"""Showing an operation while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.live import Live
from rich.table import Table

from shoal_cli.application import Application
from shoal_cli.exits import CommandError, Exit
from shoal_cli.following import Following, State, last_lines, outcome

SHOWN = 12
"""States on the screen at once."""
_INSTANT = ("Choice", "Pass")
"""Kinds of states that take no time."""
PAUSE_SECONDS = 2.0
LOCAL_PAUSE_SECONDS = 0.2
"""DescribeExecution refills at 15 calls a second for a whole account
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html); the embedded AWS has no such limit."""

_PLAIN: dict[str, Any] = {"soft_wrap": True, "highlight": False, "markup": False}
"""A line as it is: ARNs must stay whole, to be copied."""

console = Console(stderr=True)
"""Progress goes to standard error, so that standard output is the answer alone."""


def wait(application: Application, execution_arn: str, *, show: bool) -> dict[str, Any]:
    """Wait for an execution's end and show its states while it runs; DescribeExecution's answer, of a failed build with
    the end of its `log`.

    Ctrl-C ends the waiting, not the execution.

    Raises:
        CommandError: there is no such execution (2), or AWS stopped answering (3).
    """
    try:
        return _watched(application, execution_arn, show=show)
    except KeyboardInterrupt:
        console.print(f"\nstill running; {how_to_come_back(application, execution_arn)}", **_PLAIN)
        raise typer.Exit(Exit.INTERRUPTED) from None
    except ClientError as error:
        if error.response["Error"]["Code"] in {"ExecutionDoesNotExist", "InvalidArn"}:
            raise CommandError(f"there is no execution {execution_arn}", Exit.BAD_INPUT) from error
        raise _lost(application, execution_arn, error) from error
    except BotoCoreError as error:
        raise _lost(application, execution_arn, error) from error


def how_to_come_back(application: Application, execution_arn: str) -> str:
    """The command that shows a running operation, for whoever left it."""
    return f"come back with: shoal follow{' --local' if application.is_local else ''} {execution_arn}"


def _lost(application: Application, execution_arn: str, error: Exception) -> CommandError:
    reason = " ".join(str(error).split())
    back = how_to_come_back(application, execution_arn)
    return CommandError(f"AWS cannot be reached: {reason}; the operation goes on, {back}", Exit.NOT_REACHABLE)


def _watched(application: Application, execution_arn: str, *, show: bool) -> dict[str, Any]:
    client = application.client("stepfunctions")
    following = Following(client, execution_arn)
    pause = LOCAL_PAUSE_SECONDS if application.is_local else PAUSE_SECONDS
    began, told = datetime.now(UTC), 0
    with Live(console=console, refresh_per_second=4) if console.is_terminal else nullcontext() as live:
        while True:
            ended = outcome(client, execution_arn)
            if show:
                following.read()
                if live:
                    live.update(_table(following.states, began))
                else:
                    told = _tell(following.states, told)
            if ended["status"] == "FAILED":
                return ended | {"log": last_lines(client, execution_arn)}
            if ended["status"] != "RUNNING":
                return ended
            time.sleep(pause)


def _tell(states: Sequence[State], told: int) -> int:
    """For a log instead of a screen: a line for each state that was not told yet; how many have been told now."""
    for number, state in enumerate(states[told:], told):
        first = all((state.execution, state.name) != (other.execution, other.name) for other in states[:number])
        if first and state.kind not in _INSTANT:
            console.print(f"{state.entered:%H:%M:%S} {state.machine}: {state.name}", **_PLAIN)
    return len(states)


def shown(states: Sequence[State]) -> list[State]:
    """What is worth a line: each state that takes time, once, as it was last entered; what still runs always is."""
    newest: dict[tuple[str, str], State] = {}
    for state in states:
        if state.kind not in _INSTANT:
            newest.pop((state.execution, state.name), None)
            newest[state.execution, state.name] = state
    running = [state for state in newest.values() if state.left is None]
    ended = [state for state in newest.values() if state.left is not None]
    room = max(0, SHOWN - len(running))
    kept = [*(ended[-room:] if room else []), *running]
    return sorted(kept, key=lambda state: state.entered)


def _table(states: list[State], began: datetime) -> Table:
    table = Table.grid(padding=(0, 2))
    for state in shown(states):
        until = state.left or datetime.now(UTC)
        mark = "[green]done[/]" if state.left else "[yellow]now[/]"
        seconds = max(0.0, (until - state.entered).total_seconds())
        table.add_row(mark, state.machine, state.name, f"{seconds:5.1f} s")
    table.add_row("", "", "[dim]elapsed[/]", f"[dim]{(datetime.now(UTC) - began).total_seconds():5.1f} s[/]")
    return table
