"""`shoal ssh`: log in to a cluster's head node, with Session Manager or SSH."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from shoal.cluster.names import stack_name
from shoal_cli.application import Account, sign_in
from shoal_cli.exits import CommandError, Exit
from shoal_cli.operations import Local, Name, Prefix
from shoal_cli.progress import console

HOW_TO_GET = {
    "aws": "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
    "session-manager-plugin": "https://docs.aws.amazon.com/systems-manager/latest/userguide/"
    "session-manager-working-with-install-plugin.html",
}
"""The programs that Session Manager needs on this machine, and where they come from."""
RUN_DOCUMENT = "AWS-StartInteractiveCommand"
"""https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-sessions-start.html"""

Identity = Annotated[
    str | None, typer.Option("-i", "--identity", help="Private key of the head node's key pair: log in with SSH.")
]
Private = Annotated[
    bool, typer.Option("--private", help="Log in with SSH at the private address, from inside the network.")
]
DryRun = Annotated[bool, typer.Option("--dryrun", help="Print the command and run nothing.")]
Arguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- COMMAND", help="What to run there; with SSH, options of ssh as well."),
]


@dataclass(frozen=True)
class HeadNode:
    """A head node that runs."""

    cluster: str
    region: str
    instance_id: str
    user: str | None
    """The default user of its operating system, who has the key pair; a stack of an older Shoal does not say."""
    key_name: str | None
    public_ip: str | None
    private_ip: str


def ssh(
    name: Name,
    arguments: Arguments = None,
    identity: Identity = None,
    private: Private = False,
    dryrun: DryRun = False,
    local: Local = False,
    prefix: Prefix = "shoal",
) -> None:
    """Log in to the head node with Session Manager; with SSH if -i or --private says so, or if only SSH is there."""
    account = sign_in(local=local)
    node = find_head_node(account, name, prefix)
    if identity or private or _only_ssh_is_there(node):
        command = ssh_command(node, arguments or [], identity=identity, private=private)
    else:
        command = session_command(node, arguments or [], account.endpoint)
    if dryrun:
        typer.echo(shlex.join(command))
        return
    if shutil.which(command[0]) is None:
        raise CommandError(f"{command[0]} is not on the PATH; install it", Exit.NOT_REACHABLE)
    sys.stdout.flush()
    os.execvp(command[0], command)  # noqa: S606 - a list of arguments, and no shell


def find_head_node(account: Account, name: str, prefix: str) -> HeadNode:
    """The head node of a cluster.

    Raises:
        CommandError: there is no such cluster, it has no head node, or the node does not run (exit code 2).
    """
    stack = _stack(account, name, prefix)
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
    instance_id = outputs.get("HeadNodeInstanceID")
    if instance_id is None:
        message = f"cluster {name} has no head node to log in to, its stack is {stack['StackStatus']}"
        raise CommandError(f"{message}; see `shoal describe {name}`", Exit.BAD_INPUT)
    instance = _instance(account, instance_id)
    state = instance["State"]["Name"] if instance else "gone"
    if instance is None or state != "running":
        message = f"the head node {instance_id} of cluster {name} is {state}"
        raise CommandError(f"{message}; see `shoal describe {name}`", Exit.BAD_INPUT)
    return HeadNode(
        cluster=name,
        region=stack["StackId"].split(":")[3],
        instance_id=instance_id,
        user=outputs.get("HeadNodeUser"),
        key_name=instance.get("KeyName"),
        public_ip=instance.get("PublicIpAddress") or None,
        private_ip=instance["PrivateIpAddress"],
    )


def _stack(account: Account, name: str, prefix: str) -> Mapping[str, Any]:
    try:
        found = account.client("cloudformation").describe_stacks(StackName=stack_name(prefix, name))["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":  # the only code that it has for an absent stack
            raise
        where = account.session.region_name
        raise CommandError(f"there is no cluster {name} in {where}; see `shoal list`", Exit.BAD_INPUT) from error
    return dict(found[0])


def _instance(account: Account, instance_id: str) -> Mapping[str, Any] | None:
    """By a filter, since an id of which nothing is known any more is an error otherwise."""
    wanted = [{"Name": "instance-id", "Values": [instance_id]}]
    found = account.client("ec2").describe_instances(Filters=wanted)["Reservations"]
    return next((instance for reservation in found for instance in reservation["Instances"]), None)


def _only_ssh_is_there(node: HeadNode) -> bool:
    """Whether Session Manager's programs are missing, and SSH would do.

    Raises:
        CommandError: they are missing, and it would not (exit code 3).
    """
    missing = [program for program in HOW_TO_GET if shutil.which(program) is None]
    if missing and not (node.key_name and node.public_ip):
        told = ", ".join(f"{program} ({HOW_TO_GET[program]})" for program in missing)
        raise CommandError(f"Session Manager needs on the PATH: {told}", Exit.NOT_REACHABLE)
    return bool(missing)


def ssh_command(node: HeadNode, arguments: Sequence[str], *, identity: str | None, private: bool) -> list[str]:
    """The command for SSH; arguments come last, where ssh takes options and a command, as `pcluster ssh` has it.

    Raises:
        CommandError: the head node has no public address (exit code 2).
    """
    address = node.private_ip if private else node.public_ip
    if address is None:
        message = f"the head node of cluster {node.cluster} has no public address"
        how = "add --private inside its network, or log in with Session Manager, without -i"
        raise CommandError(f"{message}; {how}", Exit.BAD_INPUT)
    if node.key_name is None:
        told = f"cluster {node.cluster} has no HeadNode.Ssh.KeyName: SSH lets in only whom the AMI lets in"
        console.print(told, highlight=False, markup=False, soft_wrap=True)
    key = ["-i", identity] if identity else []
    return ["ssh", *key, f"{node.user}@{address}" if node.user else address, *arguments]


def session_command(node: HeadNode, arguments: Sequence[str], endpoint: str | None) -> list[str]:
    """The command for Session Manager.

    Raises:
        CommandError: the arguments begin with an option of ssh (exit code 2).
    """
    command = ["aws", "ssm", "start-session", "--region", node.region, "--target", node.instance_id]
    command += ["--endpoint-url", endpoint] if endpoint else []
    if not arguments:
        return command
    if arguments[0].startswith("-"):
        message = f"{arguments[0]} is an option of ssh, and Session Manager has none"
        raise CommandError(f"{message}; add -i KEY or --private to log in with SSH", Exit.BAD_INPUT)
    parameters = json.dumps({"command": [shlex.join(arguments)]})
    return [*command, "--document-name", RUN_DOCUMENT, "--parameters", parameters]
