"""A machine that is booted twice, once for all tests; what it found is asked one question at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest

from tests.vm.machine import Machine, refused


@dataclass(frozen=True)
class Found:
    """What the machine found at its first start, and after a restart with a larger volume."""

    first: dict[str, Any]
    again: dict[str, Any]

    def at(self, start: str, stage: str) -> dict[str, Any]:
        """The facts of a stage; a stage that failed fails every test that asks for them."""
        facts: dict[str, Any] = getattr(self, start)[stage]
        assert "error" not in facts, facts["error"]
        return facts


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    if reason := refused():
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    machine = Machine(tmp_path_factory.mktemp("vm"))
    first = machine.boot()
    machine.grow_data()
    again = machine.boot()
    machine.remove()
    return Found(first, again)
