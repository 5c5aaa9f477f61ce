"""Slurm settings of the user's own: which ones Shoal manages itself, and what one may look like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator

from shoal.cluster.grammar import Code, Location, Violation, problem

_OF_THE_CLUSTER = """
accountingstoragehost accountingstorageport accountingstoragetype accountingstorageuser authinfo authtype
clustername controladdr controlmachine credtype downnodes epilog federationparameters frontendname grestypes include
jobacctgathertype jobcontainertype launchparameters maxnodecount nodename nodeset nodesetname partitionname
proctracktype prolog reconfigflags resumefailprogram resumeprogram resumerate resumetimeout returntoservice
selecttype selecttypeparameters slurmctldaddr slurmctldhost slurmctldlogfile slurmctldparameters slurmctldpidfile
slurmctldport slurmdlogfile slurmdparameters slurmdpidfile slurmdport slurmdspooldir slurmduser slurmuser
statesavelocation suspendexcnodes suspendexcparts suspendprogram suspendrate suspendtime suspendtimeout taskplugin
treewidth
"""
_OF_A_QUEUE = "default exclusiveuser nodes oversubscribe partitionname resumetimeout state suspendtime suspendtimeout"
_OF_A_NODE = (
    "boards corespersocket cpus feature features gres nodeaddr nodehostname nodename port realmemory sockets "
    "socketsperboard state threadspercore"
)
CLUSTER_SETTINGS = frozenset(_OF_THE_CLUSTER.split())
"""Parameters of slurm.conf, in small letters, that Shoal writes: those of ParallelCluster's list and its own."""
QUEUE_SETTINGS = frozenset(_OF_A_QUEUE.split())
"""Parameters of a partition, likewise."""
NODE_SETTINGS = frozenset(_OF_A_NODE.split())
"""Parameters of a node, likewise."""


def _text(value: object) -> object:
    """A number as text, since YAML makes a number of `Weight: 10`; `yes` and `no` would come as booleans."""
    if isinstance(value, bool):
        message = "must be text, and YAML reads it as a boolean"
        raise problem(Code.WRONG_TYPE, message, 'write it in quotes, as `"YES"`')
    return str(value) if isinstance(value, int | float) else value


Settings = dict[str, Annotated[str, BeforeValidator(_text, json_schema_input_type=str | int | float)]]


def violations(
    at: Location, settings: Mapping[str, str], managed: frozenset[str], instead: Mapping[str, str]
) -> Iterator[Violation]:
    """What is wrong with settings.

    Args:
        at: where they stand, below the section whose rule asks.
        settings: names of parameters with their values.
        managed: the parameters that Shoal writes itself, in small letters.
        instead: what to write for some of those.
    """
    seen: dict[str, str] = {}
    for name, value in settings.items():
        here = (*at, name)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
            message, suggestion = "is not the name of a Slurm parameter", "write one like `MaxTime`"
            yield Violation(here, message, suggestion, Code.INVALID_VALUE)
        elif name.lower() in managed:
            message, suggestion = "is not offered: Shoal sets it itself", instead.get(name.lower(), "remove it")
            yield Violation(here, message, suggestion, Code.NOT_OFFERED)
        elif seen.setdefault(name.lower(), name) != name:
            message, suggestion = f"is {seen[name.lower()]}, which is there already", "keep one of them"
            yield Violation(here, message, suggestion, Code.NOT_UNIQUE)
        elif not re.fullmatch(r"[^\s#]+", value):
            suggestion = "write one word without spaces and `#`, which would begin another setting"
            yield Violation(here, "has a value of the wrong form", suggestion, Code.INVALID_VALUE)
