"""Two rows of figures side by side."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One case, with the seconds of each round."""

    case: str
    parallelcluster: Sequence[float]
    shoal: Sequence[float]

    @property
    def ratio(self) -> float:
        """How many times longer ParallelCluster takes: the median of the ratios round by round."""
        pairs = zip(self.parallelcluster, self.shoal, strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)
