"""Is every stack status understood, and does one stack operation take the right next step from each?"""

from __future__ import annotations

import botocore.session
import pytest
from botocore.model import StringShape

from shoal.cluster.statuses import (
    ABSENT,
    STATUSES,
    Phase,
    Step,
    meaning,
    next_of_awaited,
    next_of_change_set,
    next_step,
)

CLUSTER_STATUSES = {
    f"{operation}_{end}"
    for operation in ("CREATE", "UPDATE", "DELETE")
    for end in ("IN_PROGRESS", "COMPLETE", "FAILED")
}
PARALLELCLUSTER = {
    # pcluster.api.converters of the released ParallelCluster 3.15.1; what it does not map keeps its name.
    "ROLLBACK_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_FAILED": "CREATE_FAILED",
    "ROLLBACK_COMPLETE": "CREATE_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED": "UPDATE_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE": "UPDATE_FAILED",
}
IN_PROGRESS = [status for status, now in STATUSES.items() if not now.settled]
SETTLED = [status for status, now in STATUSES.items() if now.settled]


def test_the_table_has_exactly_cloudformations_23_statuses() -> None:
    model = botocore.session.get_session().get_service_model("cloudformation")
    shape = model.shape_for("StackStatus")
    assert isinstance(shape, StringShape)
    assert set(shape.enum) == set(STATUSES)
    assert len(STATUSES) == 23


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_means_what_parallelcluster_says(status: str) -> None:
    cluster_status = meaning(status).cluster_status
    assert cluster_status in CLUSTER_STATUSES
    if status in PARALLELCLUSTER or status in CLUSTER_STATUSES:
        assert cluster_status == PARALLELCLUSTER.get(status, status)


@pytest.mark.parametrize("status", STATUSES)
def test_what_is_in_progress_says_so_in_its_name(status: str) -> None:
    named = status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"
    assert (meaning(status).phase is Phase.IN_PROGRESS) == named


@pytest.mark.parametrize("status", SETTLED)
def test_every_settled_cluster_has_a_way_on(status: str) -> None:
    assert "delete" in meaning(status).operations


def test_a_status_that_nobody_knows_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        meaning("TELEPORT_IN_PROGRESS")


@pytest.mark.parametrize("status", IN_PROGRESS)
@pytest.mark.parametrize("action", ["create", "execute-change-set"])
@pytest.mark.parametrize("started", [True, False])
def test_creating_and_updating_wait_while_cloudformation_works(status: str, action: str, started: bool) -> None:
    assert next_step(action, status, started=started, ours=False) is Step.WAIT


@pytest.mark.parametrize("status", SETTLED)
@pytest.mark.parametrize("action", ["create", "execute-change-set"])
def test_an_operation_of_ours_is_over_when_its_stack_has_settled(status: str, action: str) -> None:
    assert next_step(action, status, started=True, ours=True) in {Step.DONE, Step.FAILED}


@pytest.mark.parametrize(
    ("action", "status", "step"),
    [
        ("create", ABSENT, Step.START),
        ("create", "DELETE_COMPLETE", Step.START),
        ("create", "CREATE_COMPLETE", Step.TAKEN),
        ("create", "ROLLBACK_COMPLETE", Step.TAKEN),
        ("create", "REVIEW_IN_PROGRESS", Step.TAKEN),
        ("execute-change-set", "UPDATE_COMPLETE", Step.START),
        ("execute-change-set", "UPDATE_ROLLBACK_COMPLETE", Step.START),
        ("execute-change-set", ABSENT, Step.FAILED),
        ("delete", ABSENT, Step.DONE),
        ("delete", "CREATE_COMPLETE", Step.START),
        ("delete", "DELETE_FAILED", Step.START),
        ("delete", "CREATE_IN_PROGRESS", Step.START),
        ("delete", "UPDATE_IN_PROGRESS", Step.WAIT),
        ("delete", "DELETE_IN_PROGRESS", Step.WAIT),
    ],
)
def test_an_operation_begins_only_where_cloudformation_takes_it(action: str, status: str, step: Step) -> None:
    assert next_step(action, status, started=False, ours=False) is step


@pytest.mark.parametrize(
    ("action", "status", "step"),
    [
        ("create", "CREATE_COMPLETE", Step.DONE),
        ("create", "CREATE_FAILED", Step.FAILED),
        ("create", "ROLLBACK_COMPLETE", Step.FAILED),
        ("execute-change-set", "UPDATE_COMPLETE", Step.DONE),
        ("execute-change-set", "UPDATE_ROLLBACK_COMPLETE", Step.FAILED),
        ("delete", "DELETE_COMPLETE", Step.DONE),
        ("delete", "DELETE_FAILED", Step.FAILED),
    ],
)
def test_an_operation_ends_as_its_stack_does(action: str, status: str, step: Step) -> None:
    assert next_step(action, status, started=True, ours=True) is step


def test_the_state_before_an_update_is_not_taken_for_its_end() -> None:
    assert next_step("execute-change-set", "CREATE_COMPLETE", started=True, ours=False) is Step.WAIT


def test_an_operation_that_an_earlier_execution_began_is_attached_to() -> None:
    assert next_step("create", "CREATE_COMPLETE", started=False, ours=True) is Step.DONE


def test_a_stack_that_somebody_deletes_under_its_creation_is_a_failure() -> None:
    assert next_step("create", "DELETE_COMPLETE", started=True, ours=False) is Step.FAILED


@pytest.mark.parametrize(
    ("stack", "change_set", "step"),
    [
        ("CREATE_COMPLETE", None, Step.START),
        ("UPDATE_IN_PROGRESS", None, Step.WAIT),
        ("ROLLBACK_COMPLETE", None, Step.FAILED),
        (ABSENT, None, Step.FAILED),
        ("CREATE_COMPLETE", "CREATE_PENDING", Step.WAIT),
        ("CREATE_COMPLETE", "CREATE_IN_PROGRESS", Step.WAIT),
        ("CREATE_COMPLETE", "CREATE_COMPLETE", Step.DONE),
        ("CREATE_COMPLETE", "FAILED", Step.DONE),
    ],
)
def test_a_change_set_is_made_once_and_waited_for(stack: str, change_set: str | None, step: Step) -> None:
    assert next_of_change_set(stack, change_set, started=False) is step


def test_a_change_set_that_was_asked_for_is_not_asked_for_again() -> None:
    assert next_of_change_set("CREATE_COMPLETE", None, started=True) is Step.WAIT


@pytest.mark.parametrize(
    ("status", "complete", "step"),
    [
        (ABSENT, False, Step.WAIT),
        ("CREATE_IN_PROGRESS", False, Step.WAIT),
        ("CREATE_IN_PROGRESS", True, Step.DONE),
        ("CREATE_COMPLETE", True, Step.DONE),
        ("CREATE_FAILED", False, Step.FAILED),
        ("DELETE_COMPLETE", False, Step.FAILED),
    ],
)
def test_who_waits_for_resources_gives_up_with_their_stack(status: str, complete: bool, step: Step) -> None:
    assert next_of_awaited(status, complete=complete) is step
