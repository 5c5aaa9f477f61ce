"""What each compute resource has and can have: groups, nodes and refusals of AWS, made into the supply for `demand`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from shoal_node.decide import SlurmNode
from shoal_node.demand import Supply
from shoal_node.fleet import ComputeResource, Fleet
from shoal_node.groups import Group
from shoal_node.idle import AWAITED, is_awaited

FIRST_PAUSE = 60
LONGEST_PAUSE = 900
FORGOTTEN = 1800
"""Seconds: how long nothing more is asked of a group after AWS refused once and again, and when that is forgotten."""
OF_NODES = "nodes"
"""Key of a refusal that is none of AWS: instances do not become nodes. A launch does not end it, a node does."""
AWAITED_SECONDS = 90
"""For how long a mark keeps a node; renewed when a third of it is left."""
NOT_AWAITED = "shoal: not awaited"
"""The mark of a node that jobs no longer count on."""


def refused_again(before: Optional[Mapping[str, Any]], cause: str, now: int) -> dict[str, Any]:
    """What is kept of a refusal: twice the pause of the one before; notices of one pause count once."""
    if before and now < before["until"]:
        return {**before, "cause": cause}
    again = before is not None and now - before["until"] < FORGOTTEN
    pause = min(LONGEST_PAUSE, 2 * before["pause"]) if before and again else FIRST_PAUSE
    return {"cause": cause, "at": now, "pause": pause, "until": now + pause}


def supplies(
    fleet: Fleet,
    groups: Mapping[str, Group],
    nodes: Iterable[SlurmNode],
    refusals: Mapping[str, Mapping[str, Any]],
    now: float,
) -> list[Supply]:
    """The supply of every compute resource whose group there is, in the fleet's order."""
    found = list(nodes)
    return [
        _supply(fleet, resource, groups[resource.group], found, refusals.get(resource.group), now)
        for resource in fleet.resources
        if resource.group in groups
    ]


def _supply(
    fleet: Fleet,
    resource: ComputeResource,
    group: Group,
    nodes: list[SlurmNode],
    refusal: Optional[Mapping[str, Any]],
    now: float,
) -> Supply:
    own = [node for node in nodes if resource.features <= node.features]
    refused = str(refusal["cause"]) if refusal and now < refusal["until"] else None
    idle = sum(1 for node in own if is_spare(node))
    joining = sum(1 for node in own if not (node.up or node.down or node.draining))
    coming = joining + max(0, (group.instances if refused else group.desired) - len(own))
    return Supply(resource, group.desired, idle + coming, refused, fleet.memory_is_consumable, coming)


def is_spare(node: SlurmNode) -> bool:
    """Whether a node has nothing to do and takes jobs."""
    return node.up and "IDLE" in node.states and not node.states & {"DRAIN", "COMPLETING", "RESERVED", "MAINTENANCE"}


def marks(fleet: Fleet, awaited: Mapping[str, int], nodes: Iterable[SlurmNode], now: float) -> dict[str, list[str]]:
    """The marks to set, each with the names of its nodes: as many idle nodes as a group's waiting jobs count on stay.

    Args:
        fleet: the compute resources.
        awaited: how many idle nodes are to stay, by group.
        nodes: all nodes; a text that somebody else gave a node is left alone.
        now: seconds since 1970.
    """
    found = sorted(nodes, key=lambda node: node.name)
    new = f"{AWAITED}{int(now) + AWAITED_SECONDS}"
    wanted: dict[str, list[str]] = {new: [], NOT_AWAITED: []}
    for resource in fleet.resources:
        own = [node for node in found if resource.features <= node.features]
        keep = [node for node in own if is_spare(node)][: awaited.get(resource.group, 0)]
        for node in own:
            if node in keep and _runs_out(node.extra, now):
                wanted[new].append(node.name)
            elif node not in keep and node.extra.startswith(AWAITED):
                wanted[NOT_AWAITED].append(node.name)
    return {extra: names for extra, names in wanted.items() if names}


def _runs_out(extra: str, now: float) -> bool:
    """Whether a node has no mark, or one that soon keeps it no longer."""
    if not extra.startswith(AWAITED):
        return extra in ("", NOT_AWAITED)
    return not is_awaited(extra, now + AWAITED_SECONDS / 3)
