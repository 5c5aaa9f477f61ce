"""Asking what is wrong with a configuration."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shoal.cluster.configuration import load
from shoal.cluster.problems import ConfigurationError, Problem
from tests.support.clusters import configuration
from tests.support.slurm_clusters import slurm_configuration

SLURM = ("Scheduling.Slurm", "Scheduling.ScalingStrategy", "HeadNode.CustomActions.OnNodeUpdated")


def problems(document: Any, **options: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(document, **options)
    return caught.value.problems


def only_problem(document: Any, **options: Any) -> Problem:
    (problem,) = problems(document, **options)
    return problem


def changed(path: str, value: Any) -> dict[str, Any]:
    """The usual configuration with one key, like `Tags.0.Key`, set to a value; a Slurm cluster's for a key of Slurm."""
    document = copy.deepcopy(slurm_configuration() if path.startswith(SLURM) else configuration())
    section: Any = document
    *steps, last = path.split(".")
    for step in steps:
        section = section[int(step)] if isinstance(section, list) else section.setdefault(step, {})
    section[last] = value
    return document
