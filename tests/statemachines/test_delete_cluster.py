"""Which way does a deletion go: what is there, what still runs, what fails, what is left?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import definitions
from tests.support.machine import Execution, Machine, StateError

MACHINE = Machine(definitions.definition("delete_cluster"), "delete_cluster")
INPUT = {
    "operationId": "op-1",
    "operation": "delete",
    "clusterName": "genomics",
    "stackName": "shoal-cluster-genomics",
    "deadline": "2026-11-24T12:15:30Z",
}
STORES = [
    {"kind": kind, "name": "shoal-genomics", "prefix": "", "executionName": f"op-1-clean-{kind}"}
    for kind in ("bucket", "repository")
]
NO_CLUSTER = {"summary": "There is no cluster genomics; nothing had to be deleted.", "removed": 0, "kept": []}
PRESENT = {
    "state": "present",
    "stackId": "arn:stack",
    "protected": True,
    "stores": STORES,
    "deletion": "op-1-delete",
    "report": NO_CLUSTER,
}
QUIET = {"quiet": True, "jobs": 0, "builds": 0, "waitSeconds": 15, "detachedPolicies": []}
VOLUME = {"resourceType": "AWS::EC2::Volume", "id": "vol-1"}
REPORT = {"summary": "The cluster genomics is deleted.", "removed": 40, "kept": [VOLUME]}
TASK_FAILED = StateError("States.TaskFailed", '{"Status": "FAILED"}')


class Aws:
    """What each state's call answers, several times if it is a list; the calls made."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "find_cluster": {"Payload": PRESENT},
            "quiesce_cluster": {"Payload": QUIET},
            "empty_next_store": {"Output": {}},
            "lift_protection": {},
            "delete_stack": {"Output": {}},
            "remove_leftovers": {"Output": REPORT},
            "explain_failure": {"Payload": {"code": "StackFailed", "cause": "Role: must detach all policies first"}},
        } | answers
        self.calls: list[tuple[str, Any]] = []

    def __call__(self, name: str, arguments: Any) -> Any:
        self.calls.append((name, arguments))
        answer = self.answers[name.lower().replace(" ", "_")]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, StateError):
            raise answer
        return answer

    def of(self, name: str) -> list[Any]:
        return [arguments for called, arguments in self.calls if called == name]


def run(aws: Aws, **changed: Any) -> Execution:
    return MACHINE.run(INPUT | changed, aws)


def test_writers_stop_first_then_all_is_emptied_then_the_stack_goes() -> None:
    aws = Aws()
    assert run(aws).status == "SUCCEEDED"
    assert [name for name, _ in aws.calls] == [
        "Find Cluster",
        "Quiesce Cluster",
        "Empty Next Store",
        "Empty Next Store",
        "Lift Protection",
        "Delete Stack",
        "Remove Leftovers",
    ]


def test_the_answer_says_what_was_removed_and_what_was_kept() -> None:
    assert run(Aws()).output == {
        "summary": "The cluster genomics is deleted.",
        "clusterStatus": "DELETE_COMPLETE",
        "alreadyDeleted": False,
        "removed": 40,
        "kept": [VOLUME],
        "detachedPolicies": [],
    }


def test_deleting_an_absent_cluster_succeeds() -> None:
    aws = Aws(find_cluster={"Payload": PRESENT | {"state": "absent", "stores": []}})
    done = run(aws)
    assert done.status == "SUCCEEDED"
    assert done.output["alreadyDeleted"]
    assert len(aws.calls) == 1


def test_of_a_stack_that_somebody_else_deleted_what_is_left_is_removed() -> None:
    aws = Aws(find_cluster={"Payload": PRESENT | {"state": "gone", "stores": []}})
    assert not run(aws).output["alreadyDeleted"]
    assert [name for name, _ in aws.calls] == ["Find Cluster", "Remove Leftovers"]


def test_jobs_are_waited_for() -> None:
    aws = Aws(quiesce_cluster=[{"Payload": QUIET | {"quiet": False, "jobs": 3}}, {"Payload": QUIET}])
    done = run(aws)
    assert done.path.count("Wait For Jobs") == 1
    assert done.status == "SUCCEEDED"


def test_a_stack_without_protection_needs_none_lifted() -> None:
    assert "Lift Protection" not in run(Aws(find_cluster={"Payload": PRESENT | {"protected": False}})).path


def test_bucket_and_repository_are_emptied_under_their_own_names() -> None:
    aws = Aws()
    run(aws)
    assert [call["Name"] for call in aws.of("Empty Next Store")] == ["op-1-clean-bucket", "op-1-clean-repository"]
    assert [call["Input"]["stackId"] for call in aws.of("Empty Next Store")] == ["arn:stack", "arn:stack"]


def test_a_stack_that_fails_is_emptied_and_deleted_once_more() -> None:
    second = {"Payload": PRESENT | {"deletion": "op-1-delete-2", "protected": False}}
    detached = {"Payload": QUIET | {"detachedPolicies": ["role: policy"]}}
    aws = Aws(
        find_cluster=[{"Payload": PRESENT}, second],
        quiesce_cluster=[{"Payload": QUIET}, detached],
        delete_stack=[TASK_FAILED, {"Output": {}}],
    )
    done = run(aws)
    assert done.status == "SUCCEEDED"
    assert [call["lap"] for call in (arguments["Payload"] for arguments in aws.of("Find Cluster"))] == [1, 2]
    assert [call["Input"]["token"] for call in aws.of("Delete Stack")] == ["op-1-delete", "op-1-delete-2"]
    assert done.output["detachedPolicies"] == ["role: policy"]


def test_a_stack_that_fails_twice_is_explained() -> None:
    done = run(Aws(delete_stack=TASK_FAILED))
    assert done.path.count("Delete Stack") == 2
    assert (done.status, done.error, done.cause) == ("FAILED", "StackFailed", "Role: must detach all policies first")


@pytest.mark.parametrize(
    "failing", ["find_cluster", "quiesce_cluster", "empty_next_store", "lift_protection", "remove_leftovers"]
)
def test_what_is_not_the_stack_is_not_tried_twice(failing: str) -> None:
    done = run(Aws(**{failing: TASK_FAILED}))
    assert done.path[-2:] == ["Explain Failure", "Deletion Failed"]
    assert done.path.count("Find Cluster") == 1


@pytest.mark.parametrize(("given", "discards"), [({}, False), ({"discard": True}, True)])
def test_only_the_undoing_of_a_create_discards(given: dict[str, Any], discards: bool) -> None:
    aws = Aws()
    run(aws, **given)
    assert aws.of("Find Cluster")[0]["Payload"]["discard"] is discards
    assert aws.of("Remove Leftovers")[0]["Input"]["discard"] is discards


def test_the_input_is_unchanged_to_the_end() -> None:
    done = run(Aws())
    assert all(data == INPUT for _, data in done.inputs)
