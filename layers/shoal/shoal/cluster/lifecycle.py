"""A cluster's life: what protects it from being deleted."""

from __future__ import annotations

from typing import Annotated

from shoal.cluster.grammar import Change, Section


class Lifecycle(Section):
    """What Shoal does with the cluster beyond what ParallelCluster does."""

    protect: Annotated[bool, Change.LIVE] = False
    """Whether deleting the cluster is refused until an update lifts the protection."""


# ---- resources
