"""Is a failed attempt followed by another exactly when AWS would start one?"""

from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.batch.retries import Outcome, is_retried

EXITED = "Essential container in task exited"
FAILED = Outcome(EXITED, 42)
HOST_GONE = Outcome("Host EC2 (instance i-1) terminated.", interrupted=True)
OUT_OF_MEMORY = Outcome(EXITED, 137, "OutOfMemoryError: Container killed due to memory usage")
ON_SPOT = [{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]


def strategy(*conditions: dict[str, str], attempts: int = 3) -> dict[str, Any]:
    return {"attempts": attempts, "evaluateOnExit": list(conditions)}


def test_a_job_that_succeeded_is_not_retried() -> None:
    assert not is_retried(strategy(), 1, Outcome(EXITED, 0))


def test_a_failed_job_is_retried_up_to_its_attempts() -> None:
    assert [is_retried(strategy(), made, FAILED) for made in (1, 2, 3)] == [True, True, False]


def test_a_job_without_a_strategy_has_one_attempt() -> None:
    assert not is_retried({}, 1, FAILED)


def test_a_job_that_was_ended_for_good_is_not_retried() -> None:
    assert not is_retried(strategy(), 1, Outcome("not needed", 143, interrupted=True, final=True))


def test_a_job_that_ended_well_as_its_host_went_is_retried() -> None:
    assert is_retried(strategy(), 1, Outcome(HOST_GONE.status_reason, 0, interrupted=True))


@pytest.mark.parametrize(("outcome", "retried"), [(HOST_GONE, True), (FAILED, False), (OUT_OF_MEMORY, False)])
def test_only_the_loss_of_a_host_is_retried_where_the_conditions_say_so(outcome: Outcome, retried: bool) -> None:
    assert is_retried(strategy(*ON_SPOT), 1, outcome) is retried


@pytest.mark.parametrize(
    ("condition", "outcome", "met"),
    [
        ({"onExitCode": "42"}, FAILED, True),
        ({"onExitCode": "4*"}, FAILED, True),
        ({"onExitCode": "4"}, FAILED, False),
        ({"onExitCode": "1*"}, HOST_GONE, False),
        ({"onReason": "OutOfMemoryError:*"}, OUT_OF_MEMORY, True),
        ({"onReason": "OutOfMemoryError:*", "onExitCode": "1"}, OUT_OF_MEMORY, False),
        ({"onStatusReason": "Essential*exited"}, FAILED, False),
    ],
)
def test_a_condition_is_met_when_all_its_patterns_are(condition: dict[str, str], outcome: Outcome, met: bool) -> None:
    assert is_retried(strategy(condition | {"action": "exit"}), 1, outcome) is not met


def test_the_first_condition_that_is_met_decides() -> None:
    conditions = [{"onExitCode": "42", "action": "EXIT"}, {"onExitCode": "4*", "action": "RETRY"}]
    assert not is_retried(strategy(*conditions), 1, FAILED)


def test_a_job_that_meets_no_condition_is_retried() -> None:
    assert is_retried(strategy({"onExitCode": "1", "action": "EXIT"}), 1, FAILED)
