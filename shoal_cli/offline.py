"""The commands that need no account: validate, template and schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from shoal.cluster.blueprint import blueprint
from shoal.cluster.configuration import load
from shoal.cluster.names import CLUSTER_NAME
from shoal.cluster.problems import ConfigurationError, Problem
from shoal.cluster.schema import json_schema
from shoal_cli.answers import Format, Output
from shoal_cli.context_folders import folders_of
from shoal_cli.exits import CommandError, Exit
from shoal_cli.files import read_file
from shoal_cli.site_file import sited

SITE = "A JSON file with facts of a cluster, or of an account; what it does not tell is assumed, as --show-site shows."


def validate(
    file: Annotated[str, typer.Argument(help="A cluster configuration, YAML or JSON.")],
    output: Output = Format.TEXT,
) -> None:
    """Check a cluster configuration; what only AWS can tell is checked by `plan`."""
    try:
        folders_of(load(read_file(file)), Path(file).parent)
        problems: tuple[Problem, ...] = ()
    except ConfigurationError as error:
        problems = error.problems
    if output is Format.JSON:
        typer.echo(json.dumps({"valid": not problems, "problems": [asdict(problem) for problem in problems]}, indent=2))
    else:
        typer.echo(shown_problems(file, problems) if problems else f"{file} is valid")
    raise typer.Exit(Exit.BAD_INPUT if problems else Exit.DONE)


def template(
    file: Annotated[str, typer.Argument(help="A cluster configuration, YAML or JSON.")],
    name: Annotated[str, typer.Option(help="The cluster's name.")] = "genomics",
    site: Annotated[str | None, typer.Option(help=SITE)] = None,
    show_site: Annotated[bool, typer.Option("--show-site", help="Print the facts that the template needs.")] = False,
) -> None:
    """Print the CloudFormation template that a configuration means."""
    if not CLUSTER_NAME.fullmatch(name):
        raise CommandError(
            f"--name {name} must be 1 to 31 characters of a-z, 0-9 and -, the first a letter", Exit.BAD_INPUT
        )
    try:
        text = read_file(file)
        folders = folders_of(load(text), Path(file).parent)
        cluster, facts = sited(text, name, folders, site)
        rendered = blueprint(cluster, facts).template
    except ConfigurationError as error:
        raise CommandError(shown_problems(file, error.problems), Exit.BAD_INPUT) from error
    typer.echo(facts.model_dump_json(indent=2) if show_site else json.dumps(rendered, indent=2))


def schema() -> None:
    """Print the JSON Schema of cluster configurations, for an editor."""
    typer.echo(json.dumps(json_schema(), indent=2))


def shown_problems(file: str, problems: Sequence[Problem]) -> str:
    """Every problem of a file, a line each."""
    lines = [f"{file}: {len(problems)} problem{'' if len(problems) == 1 else 's'}"]
    lines += [f"  {problem.message}; {problem.suggestion}" for problem in problems]
    return "\n".join(lines)
