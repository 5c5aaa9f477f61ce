"""How a network is divided: its range, a public and a private subnet in each zone, and whether private ones get out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError

from shoal.cluster.names import CLUSTER_NAME

DEFAULT_CIDR = "10.0.0.0/16"
MOST_ZONES = 15
"""A sixteenth of the network for each private subnet, and the first one for all public subnets."""
_PREFIXES = range(16, 21)
"""A VPC has at most a /16; of a /20 each public subnet is a /28, the smallest that there is
(https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html)."""
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_DOCKER = IPv4Network("172.17.0.0/16")
"""Docker's own network on every host of jobs."""
_ZONE = re.compile(r"[a-z]{2}(-[a-z]+)+-\d[a-z]")


@dataclass(frozen=True)
class Subnets:
    """What one zone gets."""

    zone: str
    public: str
    """CIDR block of the public subnet."""
    private: str


@dataclass(frozen=True)
class Layout:
    """A network that is to be made."""

    name: str
    cidr: str
    zones: tuple[str, ...]
    nat: bool
    """Whether a NAT gateway leads from the private subnets to the internet."""

    def subnets(self) -> Iterator[Subnets]:
        """The subnets of each zone: of 10.0.0.0/16 10.0.0.0/24 and 10.0.16.0/20, then 10.0.1.0/24 and 10.0.32.0/20."""
        shared, *private = IPv4Network(self.cidr).subnets(prefixlen_diff=4)
        for zone, small, large in zip(self.zones, shared.subnets(prefixlen_diff=4), private, strict=False):
            yield Subnets(zone, str(small), str(large))


def problems(name: str, cidr: str | None, zones: Sequence[str]) -> Iterator[str]:
    """What is wrong with what the user asks for, a line each."""
    if not CLUSTER_NAME.fullmatch(name):
        yield f"NAME {name} must be 1 to 31 characters of a-z, 0-9 and -, the first a letter"
    if cidr is not None:
        yield from _problems_of_range(cidr)
    for zone in dict.fromkeys(zones):
        if not _ZONE.fullmatch(zone):
            yield f"--availability-zone {zone} is no zone; write one like us-east-1a"
        elif zones.count(zone) > 1:
            yield f"--availability-zone {zone} is given twice; name each zone once"
    if len(zones) > MOST_ZONES:
        yield f"--availability-zone: {len(zones)} zones are too many; name at most {MOST_ZONES}"


def _problems_of_range(cidr: str) -> Iterator[str]:
    try:
        network = IPv4Network(cidr)
    except (AddressValueError, NetmaskValueError, ValueError):
        yield f"--cidr {cidr} is no range of IPv4 addresses; write one like {DEFAULT_CIDR}"
        return
    if network.prefixlen not in _PREFIXES:
        yield f"--cidr {cidr} is too {'large' if network.prefixlen < _PREFIXES[0] else 'small'}; write a /16 to a /20"
    elif cidr != str(network):
        yield f"--cidr {cidr} is not written as AWS writes it; write {network}"
    elif not any(network.subnet_of(private) for private in _PRIVATE):
        yield f"--cidr {cidr} is not private; write a range in {', '.join(map(str, _PRIVATE))}"
    elif network.overlaps(_DOCKER):
        yield f"--cidr {cidr} overlaps {_DOCKER}, which Docker uses on every host of jobs; write another range"


def unknown_zones(zones: Collection[str], offered: Collection[str]) -> Iterator[str]:
    """What to tell about zones that the Region does not have, a line each."""
    for zone in zones:
        if zone not in offered:
            yield f"--availability-zone {zone} is not open to this account; write one of {', '.join(sorted(offered))}"
