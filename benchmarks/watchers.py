"""Messages per second of two sqswatchers: Shoal's, and ParallelCluster 2's own functions, on the same queue in turn.

Both hear of the same instances: a message of each that it is ready, then Auto Scaling's notice of its end. Both have a
scheduler that does nothing. Calls go to the embedded AWS on this machine, and once more with a pause before each that
stands for a network.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.fleet import INSTANCE_TYPE, BenchFleet, ended, joined
from embedded_aws.process import REGION, ROOT, Server, without_aws

SHOAL, PARALLELCLUSTER = "shoal", "parallelcluster2"
SIZES = (10, 100, 500)
ROUND_TRIPS = (0.0, 0.02)
"""Seconds that every call takes longer than one to this machine. 20 ms is what a call in a Region may take; it was not
measured on AWS."""
_KEYS = {SHOAL: "pk", PARALLELCLUSTER: "instanceId"}
_PYTHONS = {SHOAL: ROOT / ".venv/bin/python", PARALLELCLUSTER: ROOT / ".tools/pcluster2/bin/python"}


@dataclass(frozen=True)
class Sample:
    """One queue handled by both."""

    nodes: int
    round_trip: float
    event: str
    """`join` or `leave`."""
    told: Mapping[str, Mapping[str, float]]
    """By side: `seconds`, `waited`, `calls`."""

    def rate(self, side: str) -> float:
        """Messages per second."""
        return self.nodes / self.told[side]["seconds"]

    @property
    def ratio(self) -> float:
        """How many times as many messages Shoal handles."""
        return self.rate(SHOAL) / self.rate(PARALLELCLUSTER)


class Peer:
    """One of the programs, for the time of a `with` block."""

    def __init__(self, server: Server, side: str, fleet: BenchFleet, nodes: int, round_trip: float) -> None:
        given = {"region": REGION, "queue": fleet.queue, "table": fleet.tables[_KEYS[side]], "nodes": nodes}
        given |= {"round_trip": round_trip, "instance_type": INSTANCE_TYPE, "fleet": fleet.fleet.as_dict()}
        self._given = given
        self._command = [str(_PYTHONS[side]), "-m", f"benchmarks.peers.{side}"]
        self._environment = {**without_aws(dict(os.environ)), **server.environment()}

    def __enter__(self) -> Peer:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(self._given)
        if self._hear() != "ready":
            raise RuntimeError(f"{self._command[-1]} did not start")
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def handle(self, messages: int, names: list[str]) -> dict[str, float]:
        """Handle what is in the queue."""
        self._say({"messages": messages, "names": names})
        return dict(json.loads(self._hear()))

    def _say(self, told: Mapping[str, Any]) -> None:
        assert self._process.stdin  # noqa: S101 - it is a pipe
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout  # noqa: S101 - it is a pipe
        return self._process.stdout.readline().strip()


def measure(server: Server, rounds: int) -> list[Sample]:
    """Both programs with every size and both round trips, who begins changing from round to round."""
    samples = []
    for number in range(rounds):
        sides = [SHOAL, PARALLELCLUSTER] if number % 2 else [PARALLELCLUSTER, SHOAL]
        for nodes in SIZES:
            for round_trip in ROUND_TRIPS:
                samples += _round(server, sides, nodes, round_trip)
                for sample in samples[-2:]:
                    rates = f"{sample.rate(SHOAL):.0f} to {sample.rate(PARALLELCLUSTER):.0f} messages a second"
                    wait = f"{round_trip * 1000:.0f} ms a call more"
                    sys.stdout.write(f"round {number + 1}, {nodes} nodes, {wait}, {sample.event}: {rates}\n")
                    sys.stdout.flush()
    return samples


def _round(server: Server, sides: list[str], nodes: int, round_trip: float) -> list[Sample]:
    fleet = BenchFleet(server, uuid.uuid4().hex[:8], nodes)
    first, second = (Peer(server, side, fleet, nodes, round_trip) for side in sides)
    with first, second:
        peers = dict(zip(sides, (first, second), strict=True))
        instances = fleet.scale(nodes)
        names = [fleet.resource.node_name(address) for address in instances.values()]
        told = {}
        for side in sides:
            fleet.post([joined(side, name, address) for name, address in instances.items()])
            told[side] = peers[side].handle(nodes, names)
        samples = [Sample(nodes, round_trip, "join", told)]
        fleet.scale(0)
        told = {}
        for side in sides:
            fleet.post([ended(fleet.resource.group, name) for name in instances])
            told[side] = peers[side].handle(nodes, names)
        return [*samples, Sample(nodes, round_trip, "leave", told)]


def measured(samples: Sequence[Sample]) -> dict[str, Any]:
    """The figures for the report; those of the most nodes, and of calls over a network, first."""
    cases = []
    for nodes in SIZES:
        for round_trip in ROUND_TRIPS:
            some = [sample for sample in samples if (sample.nodes, sample.round_trip) == (nodes, round_trip)]
            cases.append({"nodes": nodes, "round_trip_ms": round(round_trip * 1000), **_together(some)})
    last = cases[-1]
    return {**{key: last[key] for key in ("ours", "parallelcluster2", "ratio")}, "cases": cases}


def _together(samples: Sequence[Sample]) -> dict[str, Any]:
    """Messages per second over joins and leaves of a round; the ratio is the median of the rounds'."""
    rounds = list(zip(samples[::2], samples[1::2], strict=True))
    rates = {side: [_rate(pair, side) for pair in rounds] for side in (SHOAL, PARALLELCLUSTER)}
    calls = {side: sum(sample.told[side]["calls"] for sample in rounds[0]) for side in rates}
    ratios = [ours / theirs for ours, theirs in zip(rates[SHOAL], rates[PARALLELCLUSTER], strict=True)]
    return {
        "ours": statistics.median(rates[SHOAL]),
        "parallelcluster2": statistics.median(rates[PARALLELCLUSTER]),
        "ratio": statistics.median(ratios),
        "rounds": {"ours": rates[SHOAL], "parallelcluster2": rates[PARALLELCLUSTER]},
        "calls": {"ours": calls[SHOAL], "parallelcluster2": calls[PARALLELCLUSTER]},
    }


def _rate(pair: Sequence[Sample], side: str) -> float:
    return sum(sample.nodes for sample in pair) / sum(sample.told[side]["seconds"] for sample in pair)
