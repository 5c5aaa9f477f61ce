"""`shoal local`: the embedded AWS on this machine, and Shoal deployed into it with the real SAM CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from embedded_aws import process
from shoal_cli.application import STATE_DIR
from shoal_cli.deploying import deploy_into
from shoal_cli.exits import CommandError, Exit
from shoal_cli.life import story

LIFE_STATE_DIR = Path("build/life")
LOG_WIDTH = 140
"""Columns where the output is no terminal, a log of continuous integration for example."""

typer_app = typer.Typer(help="The embedded AWS on this machine.", no_args_is_help=True)
WaitScale = Annotated[float, typer.Option(help="Factor on Wait states and pauses between retries.")]


@typer_app.command()
def up(wait_scale: WaitScale = 0.05) -> None:
    """Start the embedded AWS; it runs until `shoal local down`."""
    try:
        server = process.find(STATE_DIR) or process.start(STATE_DIR, wait_scale=wait_scale, detached=True)
    except process.EmbeddedAwsError as error:
        raise CommandError(str(error), Exit.NOT_REACHABLE) from error
    typer.echo(f"the embedded AWS listens on {server.url} (process {server.pid})")


@typer_app.command()
def down() -> None:
    """Stop the embedded AWS and forget all that is in it."""
    typer.echo("stopped" if process.stop(STATE_DIR) else "no embedded AWS runs here")


@typer_app.command()
def status() -> None:
    """Tell whether the embedded AWS runs, and since when; exit code 3 if it does not."""
    server = running()
    typer.echo(f"{server.url}, process {server.pid}, since {server.started}")


@typer_app.command()
def env() -> None:
    """Print the variables that make any AWS tool talk to the embedded AWS: eval "$(shoal local env)"."""
    for name, value in running().environment().items():
        typer.echo(f"export {name}={value}")


@typer_app.command()
def deploy() -> None:
    """Build Shoal and deploy it into the embedded AWS, as `sam build && sam deploy` does it into an account."""
    deploy_into(running())
    typer.echo("Shoal is deployed; try: shoal list --local")


@typer_app.command()
def life() -> None:
    """Show the whole life of a cluster on an embedded AWS of its own; what `make run` does."""
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=LOG_WIDTH)
    report = story.run(LIFE_STATE_DIR, console)
    report.write()
    report.show(console)
    raise typer.Exit(Exit.DONE if report.as_expected else Exit.FAILED)


def running() -> process.Server:
    """The embedded AWS that runs here.

    Raises:
        CommandError: none does (exit code 3).
    """
    server = process.find(STATE_DIR)
    if server is None:
        raise CommandError("no embedded AWS runs here; start one with `shoal local up`", Exit.NOT_REACHABLE)
    return server
