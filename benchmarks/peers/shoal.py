"""Shoal's sqswatcher, as it is, with a Slurm that does nothing: it has every node, and forgets it without a word."""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3

from benchmarks.peers.calls import Calls, serve
from shoal_node.decide import SlurmNode
from shoal_node.fleet import Fleet
from shoal_node.slurm import nodes
from shoal_node.sqswatcher import Watcher

NEVER = 1e9
"""The minute's look at all nodes is no part of what is measured."""


def main(told: dict[str, Any]) -> None:
    """Handle the queue, each time that it is told to."""
    boto3.setup_default_session()
    events = boto3._get_default_session().events  # all clients are made from it
    calls = Calls(events, told["round_trip"])
    fleet = Fleet.from_dict(told["fleet"])
    features = fleet.resources[0].features
    slurm: dict[str, SlurmNode] = {}
    nodes.nodes = lambda: slurm
    nodes.remove = lambda names: None
    watcher = Watcher(fleet, sweep_seconds=NEVER, long_poll=0)
    watcher.look()

    def handle(told: dict[str, Any]) -> float:
        if not slurm:
            slurm.update({name: SlurmNode(name, frozenset({"IDLE"}), features=features) for name in told["names"]})
        watcher.look()
        return 0.0

    serve(calls, handle)


if __name__ == "__main__":
    main(json.loads(sys.stdin.readline()))
