"""The nodes of Slurm: asking for them, taking them out, draining them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from shoal_node.decide import SlurmNode
from shoal_node.slurm.commands import SlurmAwayError, SlurmRefusedError, slurm

_FLAGS = {"*": "NOT_RESPONDING", "~": "POWERED_DOWN", "#": "POWERING_UP", "%": "POWERING_DOWN", "$": "MAINTENANCE"}
"""What a mark after a state says, as `sinfo` explains it."""
_FIELD = r"(?:^|\s){name}=(\S*)"
_EXTRA = re.compile(r"\sExtra=(.*?)(?:\s+(?:Reason|Comment)=.*)?\s*$")
_REASON = re.compile(r"\sReason=(.*?)(?:\s+\[\S+@(\S+)\])?(?:\s+(?:Comment|Extra)=.*)?\s*$")
ENDED = "shoal: its instance has ended"
MOST_NAMES = 500
"""Nodes named on one command line: names have at most 63 characters, and a word of a command 128 KiB."""
GONE = ("invalid node name", "not found", "unable to find")


def nodes() -> dict[str, SlurmNode]:
    """Every node that has joined, by its name.

    Raises:
        SlurmAwayError: Slurm does not answer.
        SlurmRefusedError: it refuses to tell.
    """
    lines = slurm("scontrol", "--oneliner", "show", "nodes").splitlines()
    found = [parse_node(line) for line in lines if line.startswith("NodeName=")]
    return {node.name: node for node in found if "FUTURE" not in node.states}


def node(name: str) -> SlurmNode | None:
    """One node, or None where Slurm has none of this name.

    Raises:
        SlurmAwayError: Slurm does not answer.
        SlurmRefusedError: it refuses to tell.
    """
    try:
        told = slurm("scontrol", "--oneliner", "show", "node", name)
    except SlurmRefusedError as error:
        if _is_gone(error):
            return None
        raise
    return next((parse_node(line) for line in told.splitlines() if line.startswith("NodeName=")), None)


def parse_node(line: str) -> SlurmNode:
    """A node from the line that `scontrol --oneliner` writes about it."""
    states: set[str] = set()
    for word in _value(line, "State").split("+"):
        states.add(word.rstrip("".join(_FLAGS)))
        states.update(_FLAGS[mark] for mark in word if mark in _FLAGS)
    reason = _REASON.search(line)
    features = frozenset(_value(line, "ActiveFeatures").split(",")) - {"", "(null)"}
    text = reason.group(1) if reason else ""
    extra = _EXTRA.search(line)
    return SlurmNode(
        _value(line, "NodeName"),
        frozenset(states),
        text,
        _moment(reason.group(2) if reason else None),
        features,
        extra.group(1) if extra else "",
    )


def remove(names: Sequence[str]) -> None:
    """Take nodes out of Slurm, whatever runs on them: down, so that their jobs are requeued, then deleted.

    Deleting alone is refused while a job runs there. A node that is not there is no failure. However many they are,
    Slurm is asked twice, unless it refuses: then every node is taken out on its own.

    Raises:
        SlurmAwayError: Slurm does not answer.
        SlurmRefusedError: it keeps a node.
    """
    for start in range(0, len(names), MOST_NAMES):
        some = names[start : start + MOST_NAMES]
        try:
            slurm("scontrol", "update", f"nodename={','.join(some)}", "state=down", f"reason={ENDED}")
            slurm("scontrol", "delete", f"nodename={','.join(some)}")
        except SlurmRefusedError as error:
            if len(some) == 1 and not _is_gone(error):
                raise
            for name in some if len(some) > 1 else ():
                remove([name])


def drain(name: str, reason: str) -> None:
    """Give a node no new jobs; those on it go on."""
    slurm("scontrol", "update", f"nodename={name}", "state=drain", f"reason={reason}")


def resume(name: str) -> None:
    """Give a node jobs again."""
    slurm("scontrol", "update", f"nodename={name}", "state=resume")


def mark(names: Iterable[str], extra: str) -> None:
    """Give nodes a text that their own nodewatchers read; one call, however many they are.

    Raises:
        SlurmAwayError: Slurm does not answer.
        SlurmRefusedError: one of the nodes is gone.
    """
    slurm("scontrol", "update", f"nodename={','.join(names)}", f"extra={extra}")


def answers() -> bool:
    """Whether a slurmctld is up."""
    with contextlib.suppress(SlurmAwayError, SlurmRefusedError):
        return " is UP" in slurm("scontrol", "ping")
    return False


def _value(line: str, name: str) -> str:
    found = re.search(_FIELD.format(name=name), line)
    return found.group(1) if found else ""


def _moment(text: str | None) -> float | None:
    """A time as Slurm writes it, in UTC because we ask for that."""
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(text or "").replace(tzinfo=timezone.utc).timestamp()
    return None


def _is_gone(error: SlurmRefusedError) -> bool:
    return any(words in str(error).lower() for words in GONE)
