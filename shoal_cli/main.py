"""The `shoal` command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from shoal import __version__
from shoal_cli import local, login, offline, operations
from shoal_cli.application import refusal
from shoal_cli.exits import CommandError
from shoal_cli.jobs import commands as jobs
from shoal_cli.network import commands as network
from shoal_cli.progress import console

typer_app = typer.Typer(
    help="HPC and batch clusters on AWS, run as Step Functions executions.",
    epilog="Exit codes: 0 done, 1 the operation failed, 2 bad input, 3 not reachable or not deployed, 130 Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., None]] = {
    "create": operations.create,
    "update": operations.update,
    "stop": operations.stop,
    "start": operations.start_fleet,
    "delete": operations.delete,
    "describe": operations.describe,
    "list": operations.list_clusters,
    "plan": operations.plan,
    "build-image": operations.build_image,
    "follow": operations.follow,
    "validate": offline.validate,
    "template": offline.template,
    "schema": offline.schema,
    "queues": jobs.show_queues,
    "hosts": jobs.show_hosts,
}
for name, command in COMMANDS.items():
    typer_app.command(name)(command)
typer_app.command("ssh", context_settings={"ignore_unknown_options": True})(login.ssh)
typer_app.add_typer(jobs.typer_app, name="job")
typer_app.add_typer(network.typer_app, name="network")
typer_app.add_typer(local.typer_app, name="local")


@typer_app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def app() -> None:
    """Run the command line; every expected error is one line and an exit code."""
    try:
        typer_app()
    except CommandError as error:
        _end(error)
    except (BotoCoreError, Boto3Error, ClientError) as error:
        _end(refusal(error))


def _end(error: CommandError) -> NoReturn:
    console.print(str(error), style="red", soft_wrap=True, highlight=False, markup=False)
    sys.exit(error.code)
