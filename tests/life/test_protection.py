"""Is a protected cluster deleted only after an update has lifted the protection?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.front_door import FrontDoor

Configure = Callable[..., dict[str, Any]]


def test_a_protected_cluster_is_deleted_only_after_an_update(shoal: FrontDoor, configure: Configure, name: str) -> None:
    before = shoal.state()
    shoal.succeed("create", name, configure(Lifecycle={"Protect": True}))
    refused = shoal.operate("delete", name)
    assert refused.error == "ClusterProtected"
    assert refused.cause.startswith("Lifecycle.Protect")
    assert shoal.stack(name) is not None
    shoal.succeed("update", name, configure(Lifecycle={"Protect": False}))
    shoal.succeed("delete", name)
    assert shoal.left_since(before) == []
