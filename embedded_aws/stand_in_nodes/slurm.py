"""A Slurm without daemons: it knows the nodes that have joined, runs no job, and speaks as Slurm's programs do.

The daemons of the node package ask it in place of `scontrol` and `squeue`, https://slurm.schedmd.com/scontrol.html.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

IDLE = "IDLE"


@dataclass
class Slurm:
    """The scheduler of one cluster."""

    _nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    """By name: what `scontrol show node` tells."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self, name: str, features: frozenset[str]) -> None:
        """What a slurmd does that starts under this name."""
        with self._lock:
            self._nodes[name] = {"NodeName": name, "State": IDLE, "ActiveFeatures": ",".join(sorted(features))}

    def run(self, program: str, *arguments: str) -> str:
        """What a program of Slurm's writes."""
        if program == "squeue":
            return ""
        words = [word for word in arguments if not word.startswith("--")]
        asked = dict(word.split("=", 1) for word in words if "=" in word)
        with self._lock:
            return _COMMANDS[words[0]](self, words, asked)

    def _show(self, words: list[str], asked: dict[str, str]) -> str:
        wanted = words[2:] or list(self._nodes)
        told = [self._nodes[name] for name in wanted if name in self._nodes]
        return "".join(" ".join(f"{key}={text}" for key, text in node.items()) + "\n" for node in told)

    def _update(self, words: list[str], asked: dict[str, str]) -> str:
        states = {"down": "DOWN", "drain": f"{IDLE}+DRAIN", "resume": IDLE}
        for name in asked["nodename"].split(","):
            if name in self._nodes and "state" in asked:
                self._nodes[name]["State"] = states[asked["state"]]
        return ""

    def _delete(self, words: list[str], asked: dict[str, str]) -> str:
        for name in asked["nodename"].split(","):
            self._nodes.pop(name, None)
        return ""

    def _ping(self, words: list[str], asked: dict[str, str]) -> str:
        return "Slurmctld(primary) at stand-in is UP\n"


_COMMANDS: dict[str, Callable[[Slurm, list[str], dict[str, str]], str]] = {
    "show": Slurm._show,
    "update": Slurm._update,
    "delete": Slurm._delete,
    "create": lambda slurm, words, asked: "",
    "ping": Slurm._ping,
}
"""The commands of scontrol that the daemons use."""

_clusters: dict[tuple[str, str], Slurm] = {}


def of(account: str, table: str) -> Slurm:
    """The scheduler of the cluster with this node table."""
    return _clusters.setdefault((account, table), Slurm())
