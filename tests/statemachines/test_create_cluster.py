"""What becomes of the other branch when the stack or the build fails, and of what was made?"""

from __future__ import annotations

from typing import Any

from tests.statemachines.checks import Subject
from tests.statemachines.scenarios import scenarios
from tests.statemachines.scenarios.facts import IMAGE
from tests.support.execution import Execution

SUBJECT = Subject.of("create_cluster")


def run(name: str) -> Execution:
    (scenario,) = (scenario for scenario in scenarios("create_cluster") if scenario.name == name)
    return SUBJECT.usual(scenario)


def rollback(execution: Execution) -> dict[str, Any]:
    (arguments,) = execution.calls_of("Roll Back")
    return dict(arguments["Input"])


def test_stack_and_image_are_made_side_by_side() -> None:
    execution = run("a cluster is created")
    calls = {call.name: call for call in execution.calls}
    assert calls["Deploy Stack"].at == calls["Await Foundations"].at
    assert calls["Await Foundations"].until <= calls["Build Image"].at < calls["Deploy Stack"].until
    assert calls["Check Cluster"].at == calls["Deploy Stack"].until


def test_a_stack_that_fails_stops_the_build() -> None:
    execution = run("a stack that fails while the image is built stops the build and is rolled back")
    assert execution.stopped == ["Build Image"]
    assert rollback(execution)["discard"] is True


def test_a_build_that_fails_stops_waiting_for_the_stack_and_deletes_it_in_the_making() -> None:
    execution = run("a build that fails while the stack is made stops it and is rolled back")
    assert execution.stopped == ["Deploy Stack"]
    assert rollback(execution)["stackName"] == "shoal-cluster-genomics"


def test_a_rollback_has_an_hour_of_its_own_after_the_deadline() -> None:
    execution = run("a cluster that never gets ready fails at the deadline")
    assert rollback(execution)["deadline"].startswith("2026-11-24T13:0")


def test_the_cause_is_read_before_anything_is_deleted() -> None:
    path = run("a stack that fails while the image is built stops the build and is rolled back").path
    assert path.index("Explain Failure") < path.index("Roll Back")


def test_a_failed_rollback_is_told_beside_the_first_cause() -> None:
    cause = run("a rollback that fails leaves the first cause standing").cause
    assert cause.startswith("environment main-ondemand is INVALID; rolling back failed as well")


def test_what_is_registered_of_a_cluster_is_all_that_later_operations_need() -> None:
    cluster = run("a cluster is created").output["cluster"]
    assert {"stackId", "kind", "site", "configuration", "images", "templateVersion"} <= set(cluster)
    assert [image["digest"] for image in cluster["images"]] == [IMAGE["digest"]]
