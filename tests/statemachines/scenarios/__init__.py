"""The scenarios and failure paths of every state machine, one module for each definition."""

from __future__ import annotations

from importlib import import_module

from tests.statemachines.scenario import FailurePaths, Scenario
from tests.support import definitions


def scenarios(machine: str) -> tuple[Scenario, ...]:
    """Every way through a machine."""
    found: tuple[Scenario, ...] = import_module(f"{__name__}.{machine}").SCENARIOS
    return found


def paths(machine: str) -> FailurePaths:
    """What follows on failures in a machine."""
    found: FailurePaths = import_module(f"{__name__}.{machine}").PATHS
    return found


ALL = [(machine, scenario) for machine in definitions.NAMES for scenario in scenarios(machine)]
