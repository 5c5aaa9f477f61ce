"""`shoal network create`, `show` and `delete`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from shoal_cli.answers import Format, Output
from shoal_cli.application import Account, sign_in
from shoal_cli.exits import CommandError, Exit
from shoal_cli.network import stack
from shoal_cli.network.contents import close_default_group, foreign
from shoal_cli.network.description import COST, described, readable
from shoal_cli.network.layout import DEFAULT_CIDR, Layout, problems, unknown_zones
from shoal_cli.network.stack import Network
from shoal_cli.operations import Local, Prefix
from shoal_cli.progress import console

typer_app = typer.Typer(help="A network for clusters, for people who have none.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The network's name: a-z, 0-9 and -, at most 31 characters.")]
Zones = Annotated[
    list[str] | None,
    typer.Option(help="Zone that gets a public and a private subnet; repeatable. By default the first of the Region."),
]
Cidr = Annotated[str | None, typer.Option(help=f"Private addresses of the network, a /16 to a /20 ({DEFAULT_CIDR}).")]
WithoutNat = Annotated[bool, typer.Option("--without-nat", help="No NAT gateway: queues stand in public subnets.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the end; Ctrl-C leaves it running.")]


@typer_app.command()
def create(
    name: Name = "default",
    availability_zone: Zones = None,
    cidr: Cidr = None,
    without_nat: WithoutNat = False,
    wait: Wait = False,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Make a network, with a NAT gateway that costs money by the hour; one that is there already is shown."""
    zones = tuple(availability_zone or ())
    _refuse(problems(name, cidr, zones))
    account = sign_in(local=local)
    network = stack.find(account, prefix, name)
    if network is None:
        offered = _zones(account)
        _refuse(unknown_zones(zones, offered))
        network = _started(
            account, prefix, Layout(name, cidr or DEFAULT_CIDR, zones or tuple(offered[:1]), not without_nat)
        )
    if network.status == stack.CREATING and not wait:
        told = f"network {name} is being made; come back with: shoal network create {name} --wait"
        _print(network, output, told)
        return
    network = _finished(account, network)
    _refuse(_differences(network, cidr, zones, without_nat))
    stack.protect(account, network)
    close_default_group(account, network)
    _print(network, output, readable(network))


@typer_app.command()
def show(name: Name = "default", local: Local = False, prefix: Prefix = "shoal", output: Output = Format.TEXT) -> None:
    """Tell a network's ids, and what to write into a configuration."""
    network = stack.find(sign_in(local=local), prefix, name)
    if network is None:
        raise CommandError(
            f"there is no network {name}; make it with: shoal network create {name} --wait", Exit.BAD_INPUT
        )
    _print(network, output, readable(network))


@typer_app.command()
def delete(
    name: Name = "default",
    wait: Wait = False,
    local: Local = False,
    prefix: Prefix = "shoal",
    output: Output = Format.TEXT,
) -> None:
    """Delete a network in which nothing is any more; anything that is in it is named."""
    account = sign_in(local=local)
    network = stack.find(account, prefix, name)
    if network is None:
        _tell(output, {"name": name, "status": stack.DELETED}, f"there is no network {name}")
        return
    if network.status != stack.DELETING:
        if inside := foreign(account, network):
            message = f"network {name} is in use; remove first what is in it: {', '.join(inside)}"
            raise CommandError(message, Exit.FAILED)
        stack.start_deletion(account, network)
    if wait:
        ended = _uninterrupted(lambda: stack.deleted(account, network), f"shoal network delete {name} --wait")
        if ended.status != stack.DELETED:
            reason = stack.cause(account, network, stack.DELETING)
            raise CommandError(f"network {name} could not be deleted: {reason}", Exit.FAILED)
        _tell(output, {"name": name, "status": stack.DELETED}, f"deleted network {name}; nothing of it is left")
        return
    told = f"network {name} is being deleted; come back with: shoal network delete {name} --wait"
    _tell(output, {"name": name, "status": stack.DELETING}, told)


def _zones(account: Account) -> list[str]:
    """The zones in which the account can make subnets; Local Zones and Wavelength Zones have no NAT gateways."""
    kinds = [{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    found = account.client("ec2").describe_availability_zones(Filters=kinds)["AvailabilityZones"]
    return sorted(zone["ZoneName"] for zone in found)


def _started(account: Account, prefix: str, layout: Layout) -> Network:
    try:
        network = stack.start_creation(account, prefix, layout)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
        message = (
            f"network {layout.name} has just been made by somebody else; look with: shoal network show {layout.name}"
        )
        raise CommandError(message, Exit.FAILED) from error
    if layout.nat:
        console.print(COST, highlight=False, markup=False, soft_wrap=True)
    return network


def _finished(account: Account, network: Network) -> Network:
    """The network when it is there.

    Raises:
        CommandError: it could not be made, or is what a failed operation has left (exit code 1).
    """
    name, back = network.name, f"shoal network create {network.name} --wait"
    if network.status == stack.CREATED:
        return network
    if network.status != stack.CREATING:
        remedy = f"delete it with: shoal network delete {name} --wait"
        raise CommandError(f"network {name} cannot be used, its stack is {network.status}; {remedy}", Exit.FAILED)
    ended = _uninterrupted(lambda: stack.created(account, network), back)
    if ended.status == stack.CREATED:
        return ended
    left = "nothing of it is left"
    if ended.status != stack.DELETED:
        left = f"its stack {ended.stack} is {ended.status}, delete it with: shoal network delete {name} --wait"
    reason = stack.cause(account, ended, stack.CREATING)
    raise CommandError(f"network {name} could not be made: {reason}; {left}", Exit.FAILED)


def _differences(network: Network, cidr: str | None, zones: tuple[str, ...], without_nat: bool) -> list[str]:
    """What is asked for and not so: a network is not changed, since what stands in it would have to move."""
    told, other = [], f"network {network.name} has"
    if cidr not in (None, network.outputs["Cidr"]):
        told.append(f"--cidr {cidr}: {other} {network.outputs['Cidr']}, and that cannot be changed; use another name")
    if zones and sorted(zones) != sorted(network.ids("AvailabilityZones")):
        there = ", ".join(network.ids("AvailabilityZones"))
        told.append(f"--availability-zone: {other} subnets in {there}, and that cannot be changed; use another name")
    if without_nat and "NatGatewayId" in network.outputs:
        told.append(f"--without-nat: {other} a NAT gateway, and that cannot be changed; use another name")
    return told


def _refuse(lines: Iterable[str]) -> None:
    if found := list(lines):
        raise CommandError("\n".join(found), Exit.BAD_INPUT)


def _uninterrupted(wait: Callable[[], Network], back: str) -> Network:
    try:
        return wait()
    except KeyboardInterrupt:
        console.print(f"\nit goes on; come back with: {back}", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(Exit.INTERRUPTED) from None


def _print(network: Network, output: Format, text: str) -> None:
    _tell(output, described(network), text)


def _tell(output: Format, facts: dict[str, Any], text: str) -> None:
    typer.echo(json.dumps(facts, indent=2) if output is Format.JSON else text)
