"""Slurm's settings for the whole cluster."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, Field

from shoal.cluster.custom_settings import CLUSTER_SETTINGS, Settings, violations
from shoal.cluster.grammar import Change, Code, Integer, Refused, Section, Violation, problem

NEVER = 10**9
"""Seconds, 31 years: what `ScaledownIdletime: -1` means."""

_NO_ACCOUNTING = Refused(
    "there is no accounting database yet",
    "remove the section; JobCompType and JobCompLoc in CustomSlurmSettings log the jobs that ended",
)
_INSTEAD = MappingProxyType(
    {
        "suspendtime": "write ScaledownIdletime",
        "selecttypeparameters": "write EnableMemoryBasedScheduling",
        "prolog": "write CustomActions of the queues",
        "epilog": "write CustomActions of the queues",
        "partitionname": "write a queue",
        "nodename": "write a compute resource",
    }
)


def _no_zone(value: bool) -> bool:
    if not value:
        message = "has the value false, which is not offered: nodes know each other by their addresses, without a zone"
        raise problem(Code.NOT_OFFERED, message, "write true, or remove the section")
    return value


class Dns(Section):
    """Names of nodes in DNS."""

    disable_managed_dns: Annotated[bool, Change.FIXED, AfterValidator(_no_zone)] = True
    """Always true: no zone in Route 53 is made."""
    hosted_zone_id: Annotated[
        None, Refused("nodes know each other by their addresses, without a zone", "remove the key")
    ] = None
    """A zone in Route 53 for the names of nodes."""
    use_ec2_hostnames: Annotated[
        None, Refused("a node is called after its queue, compute resource and address", "remove the key")
    ] = None
    """Whether nodes have EC2's host names."""


class SlurmSettings(Section):
    """Slurm's settings for the whole cluster."""

    scaledown_idletime: Annotated[Integer, Change.LIVE, Field(ge=-1)] = 10
    """Minutes that a node above `MinCount` may have nothing to do before it ends; -1: it never ends for that."""
    dns: Dns = Dns()
    """Names of nodes in DNS."""
    queue_update_strategy: Annotated[
        None,
        Refused(
            "an update ends no job and no node: nodes that start after it have the new settings",
            "remove the key; to renew every node at once, stop and start the cluster",
        ),
    ] = None
    """What an update does with running nodes."""
    enable_memory_based_scheduling: Annotated[bool, Change.FIXED] = False
    """Whether memory is given to jobs as CPUs are, so that those of one node share it without overlap."""
    custom_slurm_settings: Annotated[tuple[Settings, ...], Change.LIVE, Field(max_length=200)] = ()
    """Parameters of slurm.conf, except those that Shoal writes itself. One that Shoal has a default for replaces it."""
    custom_slurm_settings_include_file: Annotated[
        None, Refused("it could set what Shoal sets itself", "write its lines as CustomSlurmSettings")
    ] = None
    """A file of parameters of slurm.conf."""
    database: Annotated[None, _NO_ACCOUNTING] = None
    """Database of an accounting service that the cluster runs."""
    external_slurmdbd: Annotated[None, _NO_ACCOUNTING] = None
    """Accounting service outside of the cluster."""
    munge_key_secret_arn: Annotated[
        None, Refused("every cluster makes a munge key of its own, that no other one shares", "remove the key")
    ] = None
    """Secret that holds the munge key."""

    @property
    def idle_seconds(self) -> int:
        """How long a node may have nothing to do."""
        return NEVER if self.scaledown_idletime < 0 else self.scaledown_idletime * 60

    @property
    def custom(self) -> dict[str, str]:
        """The user's own parameters of slurm.conf, by name."""
        return {name: value for settings in self.custom_slurm_settings for name, value in settings.items()}

    def rules(self) -> Iterator[Violation]:
        """Parameters that Shoal does not manage, each once."""
        seen: dict[str, int] = {}
        for index, settings in enumerate(self.custom_slurm_settings):
            at = ("CustomSlurmSettings", index)
            yield from violations(at, settings, CLUSTER_SETTINGS, _INSTEAD)
            for name in settings:
                if seen.setdefault(name.lower(), index) != index:
                    message, suggestion = f"is in item {seen[name.lower()]} already", "keep one of them"
                    yield Violation((*at, name), message, suggestion, Code.NOT_UNIQUE)
