"""A network's stack: finding it, making and deleting it, and why that failed.

It is made with the rights of whoever asks: a network belongs to no cluster, and Shoal's own roles make none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from shoal.errors import ErrorCode
from shoal.failure import explain
from shoal_cli.application import Account
from shoal_cli.network.layout import Layout
from shoal_cli.network.template import NETWORK_TAG, template
from shoal_cli.progress import console

CREATING = "CREATE_IN_PROGRESS"
CREATED = "CREATE_COMPLETE"
DELETING = "DELETE_IN_PROGRESS"
DELETED = "DELETE_COMPLETE"
DELETE_FAILED = "DELETE_FAILED"
FAILED_CREATION = ("CREATE_FAILED", "ROLLBACK_FAILED", "ROLLBACK_COMPLETE")
"""Statuses of a creation that failed and is not being deleted."""
PAUSE_SECONDS = 5.0
LOCAL_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Network:
    """A network, as its stack describes it."""

    name: str
    stack: str
    """The stack's name."""
    stack_id: str
    status: str
    """The stack's."""
    protected: bool
    """Whether the stack has termination protection."""
    outputs: Mapping[str, str]

    def ids(self, output: str) -> list[str]:
        """An output that lists something."""
        return [item for item in self.outputs.get(output, "").split(",") if item]


def stack_name(prefix: str, name: str) -> str:
    """The name of a network's stack, `shoal-network-default`."""
    return f"{prefix}-network-{name}"


def find(account: Account, prefix: str, name: str) -> Network | None:
    """The network of that name, whatever its status; none if there is none, or it has been deleted."""
    return _described(account, stack_name(prefix, name), name)


def _described(account: Account, stack: str, name: str) -> Network | None:
    try:
        found = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # the only code that it has for an absent stack
            return None
        raise
    return Network(
        name=name,
        stack=found["StackName"],
        stack_id=found["StackId"],
        status=found["StackStatus"],
        protected=bool(found.get("EnableTerminationProtection")),
        outputs={item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])},
    )


def start_creation(account: Account, prefix: str, layout: Layout) -> Network:
    """Begin to make a network; CloudFormation removes what it made when it fails."""
    name = stack_name(prefix, layout.name)
    started = account.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps(template(layout)),
        OnFailure="DELETE",
        Tags=[{"Key": NETWORK_TAG, "Value": layout.name}],
    )
    return Network(layout.name, name, started["StackId"], CREATING, protected=False, outputs={})


def start_deletion(account: Account, network: Network) -> None:
    """Begin to delete a network, protected or not."""
    cloudformation = account.client("cloudformation")
    if network.protected:
        cloudformation.update_termination_protection(StackName=network.stack_id, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=network.stack_id)


def created(account: Account, network: Network) -> Network:
    """The network when its creation has ended: made, or gone, or not to be removed."""

    def ended(now: Network) -> bool:
        if now.status in FAILED_CREATION:  # deleted by CloudFormation as well; to ask twice does no harm
            account.client("cloudformation").delete_stack(StackName=now.stack_id)
        return now.status in (CREATED, DELETED, DELETE_FAILED)

    return _awaited(account, network, ended)


def deleted(account: Account, network: Network) -> Network:
    """The network when its deletion has ended."""
    return _awaited(account, network, lambda now: now.status in (DELETED, DELETE_FAILED))


def _awaited(account: Account, network: Network, ended: Callable[[Network], bool]) -> Network:
    pause, told = LOCAL_PAUSE_SECONDS if account.is_local else PAUSE_SECONDS, ""
    while True:
        now = _described(account, network.stack_id, network.name)
        if now is None:  # known by its id for 90 days
            return replace(network, status=DELETED)
        if ended(now):
            return now
        if now.status != told:
            console.print(f"{now.stack} is {now.status}", highlight=False, markup=False)
            told = now.status
        time.sleep(pause)


def cause(account: Account, network: Network, began: str) -> str:
    """Why an operation failed: its first failure in one line.

    Args:
        account: where the stack is.
        network: the network.
        began: the stack's status while the operation ran, `CREATE_IN_PROGRESS` for example.
    """
    events = list(_events_since(account, network.stack_id, began))[::-1]
    caught = {"state": "CloudFormation", "error": str(ErrorCode.STACK_FAILED), "cause": "it does not say why"}
    return explain(caught, events).cause


def _events_since(account: Account, stack_id: str, began: str) -> Iterator[dict[str, Any]]:
    """The events since the stack last came into a status, newest first."""
    pages = account.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack_id)
    for page in pages:
        for event in page["StackEvents"]:
            yield event
            if (event.get("PhysicalResourceId"), event["ResourceStatus"]) == (stack_id, began):
                return


def resources(account: Account, network: Network) -> dict[str, str]:
    """The physical ids of everything that belongs to the stack, by logical id."""
    pages = account.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=network.stack_id)
    found = [item for page in pages for item in page["StackResourceSummaries"]]
    return {
        item["LogicalResourceId"]: item["PhysicalResourceId"]
        for item in found
        if item["ResourceStatus"] != DELETED and item.get("PhysicalResourceId")
    }


def protect(account: Account, network: Network) -> None:
    """Protect a network from being deleted by mistake."""
    if not network.protected:
        account.client("cloudformation").update_termination_protection(
            StackName=network.stack_id, EnableTerminationProtection=True
        )
