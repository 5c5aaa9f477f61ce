"""Is a job placed where there is room for it, and does one that never will be say why, in AWS's words?"""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.batch.placement import (
    INVALID,
    NO_SUCH_INSTANCE,
    TOO_MANY_VCPUS,
    Need,
    fitting_types,
    need,
    place,
)
from tests.support.jobs import job, multinode

SMALL = Need(vcpus=1, memory=128, gpus=0, containers=1, total_vcpus=1)


def environment(name: str = "a", most: int = 4, *, state: str = "ENABLED", status: str = "VALID", **more: Any) -> Any:
    resources = {"maxvCpus": most, "instanceTypes": ["c5.large"], **more}
    return {"computeEnvironmentArn": name, "state": state, "status": status, "computeResources": resources}


def test_a_job_goes_to_the_first_environment_with_room() -> None:
    first, second = environment("a"), environment("b")
    assert place(SMALL, [first, second], {"a": 3}) == (first, "")
    assert place(SMALL, [first, second], {"a": 4}) == (second, "")


def test_a_job_waits_for_its_turn_without_a_reason() -> None:
    assert place(SMALL, [environment()], {"a": 4}) == (None, "")


def test_an_environment_that_is_disabled_takes_no_job() -> None:
    assert place(SMALL, [environment(state="DISABLED")], {}) == (None, "")


@pytest.mark.parametrize(
    ("asked", "where", "reason"),
    [
        (SMALL, environment(status="INVALID"), INVALID),
        (Need(2, 128, 0, 3, 6), environment(), TOO_MANY_VCPUS),
        (Need(1, 128, 1, 1, 1), environment(), NO_SUCH_INSTANCE),
        (Need(1, 9000, 0, 1, 1), environment(), NO_SUCH_INSTANCE),
        (Need(4, 128, 0, 1, 4), environment(), NO_SUCH_INSTANCE),
    ],
)
def test_a_job_that_never_fits_says_why(asked: Need, where: Any, reason: str) -> None:
    assert place(asked, [where], {}) == (None, reason)


def test_an_environment_with_gpus_takes_a_job_that_asks_for_one() -> None:
    assert place(Need(1, 128, 1, 1, 1), [environment(instanceTypes=["g4dn.xlarge"])], {})[0]


@pytest.mark.parametrize("pattern", ["c5", "optimal", "c5.large"])
def test_a_family_stands_for_its_types_the_smallest_first(pattern: str) -> None:
    assert "c5.large" in fitting_types(SMALL, environment(instanceTypes=[pattern]))


def test_a_type_that_is_not_known_is_large_enough_unless_gpus_are_asked_for() -> None:
    odd = environment(instanceTypes=["x99.huge"])
    assert fitting_types(SMALL, odd) == ("x99.huge",)
    assert not fitting_types(Need(1, 128, 1, 1, 1), odd)


def test_an_environment_that_batch_does_not_manage_has_no_limits() -> None:
    unmanaged: dict[str, Any] = {"computeEnvironmentArn": "a", "state": "ENABLED", "status": "VALID"}
    assert place(Need(1, 128, 0, 500, 500), [unmanaged], {}) == (unmanaged, "")


def test_a_multi_node_job_needs_the_processors_of_all_its_nodes() -> None:
    found = need(job("wide", multinode(3)))
    assert (found.vcpus, found.containers, found.total_vcpus) == (1, 3, 3)
