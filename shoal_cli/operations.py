"""The commands that ask the control plane for an operation; one for each row of its catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer

from shoal.cluster.configuration import load
from shoal.cluster.problems import ConfigurationError
from shoal.errors import OperationError
from shoal.operation.request import S3_URI, Request, read_request
from shoal_cli import progress
from shoal_cli.answers import Format, Output, finish
from shoal_cli.application import Application, connect, start
from shoal_cli.context_folders import Folder, folders_of
from shoal_cli.exits import CommandError, Exit
from shoal_cli.files import read_file
from shoal_cli.offline import shown_problems
from shoal_cli.uploading import upload, with_uris

Name = Annotated[str, typer.Argument(help="The cluster's name: a-z, 0-9 and -, at most 31 characters.")]
File = Annotated[str, typer.Argument(help="The cluster configuration: a YAML or JSON file, or s3://bucket/key.")]
Local = Annotated[bool, typer.Option("--local", help="Ask the embedded AWS that `shoal local up` started.")]
Prefix = Annotated[str, typer.Option(envvar="SHOAL_PREFIX", help="NamePrefix of the deployed control plane.")]
Wait = Annotated[bool, typer.Option("--wait", help="Show the states until the end; Ctrl-C leaves it running.")]
Deadline = Annotated[int, typer.Option(help="Minutes that the operation may take.")]
DryRun = Annotated[bool, typer.Option("--dryrun", help="Answer the plan and change nothing.")]


def create(
    name: Name,
    file: File,
    wait: Wait = False,
    dryrun: DryRun = False,
    rollback: Annotated[bool, typer.Option(help="Delete everything again when creation fails.")] = True,
    deadline: Deadline = 120,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Create a cluster and build its image."""
    data, folders = _configured("create", name, file)
    data |= {"dryrun": dryrun, "rollbackOnFailure": rollback, "deadlineMinutes": deadline}
    run(data, folders, wait=wait or dryrun, local=local, prefix=prefix, output=output)


def update(
    name: Name,
    file: File,
    wait: Wait = False,
    dryrun: DryRun = False,
    deadline: Deadline = 120,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Change a cluster; what would replace data or jobs is refused."""
    data, folders = _configured("update", name, file)
    data |= {"dryrun": dryrun, "deadlineMinutes": deadline}
    run(data, folders, wait=wait or dryrun, local=local, prefix=prefix, output=output)


def plan(name: Name, file: File, local: Local = False, prefix: Prefix = "shoal", output: Output = Format.TEXT) -> None:
    """Show what create or update would do, resource by resource."""
    data, folders = _configured("plan", name, file)
    run(data, folders, wait=True, local=local, prefix=prefix, output=output)


def _of_a_cluster(operation: str, about: str) -> Callable[..., None]:
    """The command of an operation that takes a cluster's name and nothing of its own."""

    def command(
        name: Name,
        wait: Wait = False,
        deadline: Deadline = 120,
        local: Local = False,
        prefix: Prefix = "shoal",
        output: Output = Format.TEXT,
    ) -> None:
        data = {"operation": operation, "clusterName": name, "deadlineMinutes": deadline}
        run(data, wait=wait, local=local, prefix=prefix, output=output)

    command.__doc__ = about
    return command


delete = _of_a_cluster("delete", "Delete a cluster and prove that nothing is left.")
stop = _of_a_cluster(
    "stop", "Stop a cluster's fleet: no instance is started for jobs until start; head node and storage stay."
)
start_fleet = _of_a_cluster("start", "Start a cluster's fleet again.")


def build_image(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Build even what is in the repository already.")] = False,
    wait: Wait = False,
    deadline: Deadline = 120,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Build the cluster's job images that are not in the repository, of base images and contexts as they are now."""
    data = {"operation": "build-image", "clusterName": name, "force": force, "deadlineMinutes": deadline}
    run(data, wait=wait, local=local, prefix=prefix, output=output)


def describe(name: Name, local: Local = False, prefix: Prefix = "shoal", output: Output = Format.TEXT) -> None:
    """Tell a cluster's state and what can be done next."""
    run({"operation": "describe", "clusterName": name}, wait=True, local=local, prefix=prefix, output=output)


def list_clusters(
    status: Annotated[list[str] | None, typer.Option(help="Only clusters of this clusterStatus; repeatable.")] = None,
    next_token: Annotated[str | None, typer.Option(help="The nextToken of the page before.")] = None,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """List the clusters of this account and Region."""
    data: dict[str, Any] = {"operation": "list"}
    data |= {"clusterStatus": status} if status else {}
    data |= {"nextToken": next_token} if next_token else {}
    run(data, wait=True, local=local, prefix=prefix, output=output)


def follow(
    execution: Annotated[str, typer.Argument(help="The ARN of an execution, as create printed it.")],
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Show an operation that runs already, until its end."""
    application = connect(local=local, prefix=prefix)
    finish(progress.wait(application, execution, show=True), output=output)


def run(
    data: dict[str, Any],
    folders: Mapping[str, Folder] = MappingProxyType({}),
    *,
    wait: bool,
    local: bool,
    prefix: str,
    output: Format,
) -> None:
    """Check the input, upload the directories it names, start the operation, and wait for its end where asked."""
    request = _request(data)
    application = connect(local=local, prefix=prefix)
    if folders:
        data["clusterConfiguration"] = with_uris(data["clusterConfiguration"], upload(application, folders))
    arn = start(application, data)
    if wait:
        finish(progress.wait(application, arn, show=request.action.machine is not None), output=output)
    _started(application, arn, data, output=output)


def _request(data: dict[str, Any]) -> Request:
    try:
        return read_request(data)
    except OperationError as error:
        raise CommandError(error.message, Exit.BAD_INPUT) from error


def _started(application: Application, arn: str, data: dict[str, Any], *, output: Format) -> None:
    if output is Format.JSON:
        typer.echo(json.dumps({"executionArn": arn}))
        return
    typer.echo(f"{data['operation']} of {data['clusterName']} has started: {arn}")
    typer.echo(progress.how_to_come_back(application, arn))


def _configured(operation: str, name: str, file: str) -> tuple[dict[str, Any], dict[str, Folder]]:
    """The input of an operation that takes a configuration, and the directories that are built from.

    A local file and all that it names are checked before anything is asked of AWS.
    """
    data = {"operation": operation, "clusterName": name}
    if S3_URI.fullmatch(file):
        return data | {"clusterConfigurationUri": file}, {}
    text = read_file(file)
    data |= {"clusterConfiguration": text}
    _request(data)  # its size first: what is too large is not worth reading
    try:
        return data, folders_of(load(text), Path(file).parent)
    except ConfigurationError as error:
        raise CommandError(shown_problems(file, error.problems), Exit.BAD_INPUT) from error
