"""The real daemons of the node package in this process: with an instance's credentials, and a Slurm that stands in."""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from embedded_aws.stand_in_nodes import machine as machines
from embedded_aws.stand_in_nodes.machine import Machine
from embedded_aws.stand_in_nodes.slurm import Slurm

LOOK_SECONDS = 1.0
"""How often all nodes are looked at, and how long a message is waited for."""


@dataclass(frozen=True)
class _Acting:
    machine: Machine
    slurm: Slurm


_acting: contextvars.ContextVar[_Acting] = contextvars.ContextVar("acting")


def act_as(machine: Machine, slurm: Slurm) -> None:
    """Let what this thread runs of the node package be that instance from now on."""
    _put_in_place()
    _acting.set(_Acting(machine, slurm))


def watchers(fleet: Any) -> tuple[Any, Any]:
    """The head node's two daemons, sqswatcher and jobwatcher, of a fleet, as units start them."""
    from shoal_node import jobwatcher, sqswatcher

    return (
        sqswatcher.Watcher(fleet, sweep_seconds=LOOK_SECONDS, long_poll=int(LOOK_SECONDS)),
        jobwatcher.Watcher(fleet),
    )


def _put_in_place() -> None:
    """Give the node package's modules, which ask AWS and Slurm by these names, the stand-ins."""
    machines.make_importable()
    from shoal_node import groups, node_table, sqswatcher
    from shoal_node.slurm import nodes, queue

    for module in (groups, node_table, sqswatcher):
        module.client = _client  # type: ignore[attr-defined]  # the module imports it from another
    sqswatcher.ThreadPoolExecutor = _threads  # type: ignore[attr-defined]  # as above
    for module in (nodes, queue):
        module.slurm = _slurm  # type: ignore[attr-defined]  # as above


def _client(service: str, region: str, endpoint_url: str | None = None) -> Any:
    return _acting.get().machine.client(service)


def _slurm(*command: str) -> str:
    return _acting.get().slurm.run(*command)


def _threads(count: int) -> ThreadPoolExecutor:
    """Threads that are the same instance, in the same account and Region, as the one that asks for them."""
    return ThreadPoolExecutor(count, initializer=_inherit, initargs=(contextvars.copy_context(),))


def _inherit(context: contextvars.Context) -> None:
    for variable, value in context.items():
        variable.set(value)
