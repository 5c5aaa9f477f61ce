"""When is a cluster forgotten whose stack is gone?"""

from __future__ import annotations

import pytest

from shoal.operation.outcome import forgets


@pytest.mark.parametrize(
    ("operation", "failed", "forgotten"),
    [
        ("delete", False, True),
        ("delete", True, False),
        ("create", True, True),
        ("update", False, False),
        ("update", True, False),
        ("build-image", True, False),
    ],
)
def test_a_cluster_is_forgotten_when_nothing_is_left_to_look_for(operation: str, failed: bool, forgotten: bool) -> None:
    assert forgets(operation, failed=failed) is forgotten
