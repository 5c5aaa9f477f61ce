"""Whether a cluster's fleet runs or is stopped, as `start` and `stop` leave it and `describe` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RUNNING = "RUNNING"
STOPPED = "STOPPED"
_UNDER_WAY = {"start": "STARTING", "stop": "STOPPING"}


def fleet_status(cluster: Mapping[str, Any], lock: Mapping[str, Any] | None) -> str:
    """`RUNNING`, `STOPPED`, or `STARTING` and `STOPPING` while that operation works.

    Args:
        cluster: the cluster's item in the ledger; one of before there was `stop` says nothing, and runs.
        lock: its lock.
    """
    wanted = str(cluster.get("fleetStatus", RUNNING))
    return _UNDER_WAY.get((lock or {}).get("operation", ""), wanted)
