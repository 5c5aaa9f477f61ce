"""Does an operation's end say what happened in one line, and is the cluster's item what it should be?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import ErrorCode, OperationError
from shoal.operation import outcome

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OPERATION: dict[str, Any] = {
    "operation": "create",
    "operationId": "op-1",
    "clusterName": "genomics",
    "startedAt": "2026-11-24T10:00:00+00:00",
}


def test_a_failure_is_told_in_one_line_with_link_and_next_action() -> None:
    error = OperationError(ErrorCode.STACK_FAILED, "A is broken.", link="https://x", next_action="mend it")
    assert outcome.refusal(error)["failure"]["line"] == "A is broken. See https://x. Next: mend it"


def test_a_question_in_a_failure_keeps_its_mark() -> None:
    error = OperationError(ErrorCode.INVALID_REQUEST, "did you mean create?", next_action="ask again")
    assert outcome.refusal(error)["failure"]["line"] == "did you mean create? Next: ask again"


@given(st.text(), st.text(), st.text())
def test_a_failure_is_one_line_of_bounded_length_whatever_it_says(cause: str, link: str, action: str) -> None:
    line = outcome.told({"code": "X", "cause": cause, "link": link, "nextAction": action})["line"]
    assert len(line) <= outcome.LONGEST_LINE
    assert len(line.splitlines()) <= 1


def test_the_root_cause_is_what_the_machine_recorded() -> None:
    recorded = {"code": "StackFailed", "cause": "no such key"}
    assert outcome.failure_of(OPERATION | {"failure": recorded}, {"error": "States.TaskFailed"}) == recorded


@pytest.mark.parametrize(
    ("caught", "code"), [("States.Timeout", ErrorCode.DEADLINE_EXCEEDED), ("Lambda.Unknown", ErrorCode.INTERNAL_ERROR)]
)
def test_a_machine_that_recorded_nothing_is_told_by_what_was_caught(caught: str, code: ErrorCode) -> None:
    assert outcome.failure_of(OPERATION, {"error": caught})["code"] == code


@pytest.mark.parametrize(
    ("operation", "code", "stack", "status"),
    [
        ("create", None, "CREATE_COMPLETE", "CREATE_COMPLETE"),
        ("create", "StackFailed", "CREATE_FAILED", "CREATE_FAILED"),
        ("update", None, "UPDATE_COMPLETE", "UPDATE_COMPLETE"),
        ("update", "UpdateRefused", "CREATE_COMPLETE", "CREATE_COMPLETE"),
        ("update", "StackFailed", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"),
        ("delete", "StackFailed", "DELETE_FAILED", "DELETE_FAILED"),
        ("delete", "LeftoversFound", "ABSENT", "DELETE_FAILED"),
        ("delete", "ClusterProtected", "CREATE_COMPLETE", "CREATE_COMPLETE"),
        ("build-image", None, "CREATE_COMPLETE", "CREATE_COMPLETE"),
        ("build-image", None, "UPDATE_COMPLETE", "UPDATE_COMPLETE"),
        ("build-image", "BuildFailed", "CREATE_COMPLETE", "CREATE_COMPLETE"),
        ("build-image", "StackFailed", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"),
        ("build-image", "StackFailed", "ABSENT", "CREATE_COMPLETE"),
    ],
)
def test_the_clusters_status_is_parallelclusters(operation: str, code: str | None, stack: str, status: str) -> None:
    failure = {"code": code, "cause": "x"} if code else None
    assert outcome.cluster_status(operation, failure, "CREATE_COMPLETE", stack) == status


@pytest.mark.parametrize("stack", ["CREATE_FAILED", "DELETE_FAILED"])
def test_a_failed_creation_tells_of_the_stack_it_left(stack: str) -> None:
    failure = outcome.with_what_is_left({"code": "StackFailed", "cause": "no such key."}, "create", stack)
    assert failure["cause"] == f"no such key; its stack is left in {stack}"
    assert failure["nextAction"] == "delete the cluster"


def test_a_failed_creation_that_left_nothing_tells_its_cause_alone() -> None:
    failure = {"code": "StackFailed", "cause": "no such key."}
    assert outcome.with_what_is_left(failure, "create", "ABSENT") == failure


def test_a_failed_operation_keeps_what_was_known_of_the_cluster() -> None:
    known = {"clusterName": "genomics", "stackId": "arn:stack", "imageTag": "t", "status": "CREATE_COMPLETE"}
    item = outcome.registered(OPERATION | {"operation": "update"}, known, None, "UPDATE_FAILED", NOW)
    assert (item["stackId"], item["imageTag"], item["status"]) == ("arn:stack", "t", "UPDATE_FAILED")


def test_what_an_operation_found_replaces_what_was_known() -> None:
    known = {"clusterName": "genomics", "imageTag": "old", "status": "CREATE_COMPLETE"}
    found = {"cluster": {"imageTag": "new"}}
    item = outcome.registered(OPERATION | {"operation": "update"}, known, found, "UPDATE_COMPLETE", NOW)
    assert item["imageTag"] == "new"


def test_an_operation_that_built_nothing_keeps_the_digests_that_were_known() -> None:
    known = {"images": [{"tag": "same", "uri": "u:same", "digest": "sha256:1"}, {"tag": "old", "digest": "sha256:2"}]}
    found = {"cluster": {"images": [{"tag": "same", "uri": "u:same"}, {"tag": "new", "uri": "u:new"}]}}
    item = outcome.registered(OPERATION | {"operation": "update"}, known, found, "UPDATE_COMPLETE", NOW)
    assert item["images"] == [
        {"tag": "same", "uri": "u:same", "digest": "sha256:1"},
        {"tag": "new", "uri": "u:new"},
    ]


def test_the_answer_leaves_out_what_only_the_ledger_needs() -> None:
    answer = outcome.answer(OPERATION, {"summary": "done", "cluster": {"stackId": "arn:stack"}})
    assert answer == {"operation": "create", "clusterName": "genomics", "operationId": "op-1", "summary": "done"}


def test_no_value_of_a_configuration_enters_the_history() -> None:
    closed = outcome.closed(NOW, result={"summary": "done", "clusterConfiguration": {"Secret": "x"}})
    assert set(closed) == {"status", "endedAt", "summary"}
