"""Keeping the instance's metadata, and with them its role, from users: root and the default user alone read them.

As ParallelCluster does with `Imds.Secured`,
https://docs.aws.amazon.com/parallelcluster/latest/ug/HeadNode-v3.html#yaml-HeadNode-Imds-Secured
"""

from __future__ import annotations

from pathlib import Path

from shoal_node.contract import Settings
from shoal_node.services import install_unit, start
from shoal_node.shell import write
from shoal_node.software import FIRST_USER

RULES_FILE = Path("/etc/shoal/metadata.nft")
UNIT = "shoal-metadata.service"
RULES = f"""\
table inet shoal_metadata
delete table inet shoal_metadata
table inet shoal_metadata {{
    chain output {{
        type filter hook output priority 0
        ip daddr 169.254.169.254 meta skuid != {{ 0, {FIRST_USER} }} reject
        ip6 daddr fd00:ec2::254 meta skuid != {{ 0, {FIRST_USER} }} reject
    }}
}}
"""
"""Made anew each time: the first two lines are so that there is one to delete."""


def guard_metadata(settings: Settings) -> None:
    """Set the rules, now and after a restart, where that is wanted."""
    if settings.secured_metadata:
        write(RULES_FILE, RULES)
        install_unit(UNIT)
        start([UNIT])
