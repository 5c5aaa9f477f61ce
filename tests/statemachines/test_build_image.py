"""Which way does a build go: is the image there, is there room, does it end well, is it in the repository?"""

from __future__ import annotations

from typing import Any

from tests.support import definitions
from tests.support.machine import START, Execution, Machine, StateError

MACHINE = Machine(definitions.definition("build_image"), "build_image")
INPUT = {
    "operationId": "op-1",
    "operation": "create",
    "clusterName": "genomics",
    "deadline": "2026-11-24T12:15:30Z",
    "image": {"imageTag": "t"},
}
BUILD = {
    "projectName": "shoal-genomics-build",
    "sourceLocation": "bucket/build/t/context.zip",
    "environmentType": "LINUX_CONTAINER",
    "environmentImage": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
    "environmentVariables": [{"Name": "IMAGE_TAG", "Value": "t", "Type": "PLAINTEXT"}],
    "timeoutInMinutes": 60,
}
STAGED = {"present": False, "image": {"imageTag": "t"}, "build": BUILD}
BUILT = {"summary": "built", "cluster": {"imageTag": "t", "imageDigest": "sha256:1"}}
PRESENT = {"summary": "there", "cluster": {"imageTag": "t", "imageDigest": "sha256:2"}}
EXPLAINED = {"code": "BuildFailed", "cause": "phase BUILD failed with exit code 100"}
NO_ROOM = StateError("CodeBuild.AccountLimitExceededException", "Cannot have more than 0 builds in queue")
BUILD_FAILED = StateError("States.TaskFailed", '{"Build": {"Id": "shoal-genomics-build:1"}}')
THROTTLED = StateError("CodeBuild.CodeBuildException", "Rate exceeded")


class Aws:
    """What each state's call answers, one after the other if it is a list, the last one for ever; the calls made."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "stage_image": {"Payload": STAGED},
            "build_image": {"Build": {"Id": "shoal-genomics-build:1"}},
            "judge_image": {"Payload": BUILT},
            "explain_failure": {"Payload": EXPLAINED},
        } | answers
        self.calls: list[tuple[str, Any]] = []

    def __call__(self, name: str, arguments: Any) -> Any:
        self.calls.append((name, arguments))
        answer = self.answers[name.lower().replace(" ", "_")]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, StateError):
            raise answer
        return answer

    def of(self, name: str) -> list[Any]:
        return [arguments for called, arguments in self.calls if called == name]


def run(aws: Aws, **changed: Any) -> Execution:
    return MACHINE.run(INPUT | changed, aws)


def test_an_image_is_staged_built_and_judged() -> None:
    done = run(Aws())
    assert done.path == ["Stage Image", "Image Present?", "Build Image", "Judge Image"]
    assert (done.status, done.output) == ("SUCCEEDED", BUILT)


def test_nothing_is_built_when_the_image_is_there() -> None:
    done = run(Aws(stage_image={"Payload": {"present": True, "answer": PRESENT}}))
    assert done.path == ["Stage Image", "Image Present?", "Answer Present"]
    assert done.output == PRESENT


def test_the_build_is_given_what_was_staged() -> None:
    aws = Aws()
    run(aws)
    assert aws.of("Build Image") == [
        {
            "ProjectName": BUILD["projectName"],
            "SourceTypeOverride": "S3",
            "SourceLocationOverride": BUILD["sourceLocation"],
            "EnvironmentTypeOverride": BUILD["environmentType"],
            "ImageOverride": BUILD["environmentImage"],
            "EnvironmentVariablesOverride": BUILD["environmentVariables"],
            "TimeoutInMinutesOverride": 60,
            "IdempotencyToken": "op-1",
        }
    ]


def test_the_whole_input_reaches_staging() -> None:
    aws = Aws()
    run(aws)
    assert aws.of("Stage Image")[0]["Payload"] == INPUT


def test_what_was_staged_is_what_is_judged() -> None:
    aws = Aws()
    run(aws)
    assert aws.of("Judge Image")[0]["Payload"]["image"] == STAGED["image"]


def test_a_failed_build_ends_with_its_root_cause() -> None:
    done = run(Aws(build_image=BUILD_FAILED))
    assert done.path[-2:] == ["Explain Failure", "Image Not Built"]
    assert (done.status, done.error, done.cause) == ("FAILED", EXPLAINED["code"], EXPLAINED["cause"])


def test_what_failed_reaches_the_recorder_unchanged() -> None:
    aws = Aws(build_image=BUILD_FAILED)
    run(aws)
    assert aws.of("Explain Failure")[0]["Payload"] == {
        "operationId": "op-1",
        "clusterName": "genomics",
        "failure": {"state": "Build Image", "error": BUILD_FAILED.name, "cause": BUILD_FAILED.cause},
    }


def test_an_image_that_is_missing_after_the_build_is_a_failure() -> None:
    done = run(Aws(judge_image=StateError("OperationError", "{}")))
    assert (done.status, done.path[-1]) == ("FAILED", "Image Not Built")


def test_staging_that_fails_builds_nothing() -> None:
    aws = Aws(stage_image=StateError("OperationError", "{}"))
    assert run(aws).status == "FAILED"
    assert aws.of("Build Image") == []


def test_an_account_without_room_is_waited_for() -> None:
    done = run(Aws(build_image=[NO_ROOM, NO_ROOM, {"Build": {}}]))
    assert done.status == "SUCCEEDED"
    assert done.path.count("Wait For Room") == 2
    assert done.clock - START >= 30 + 60


def test_waits_for_room_grow_to_five_minutes_and_end_at_the_deadline() -> None:
    aws = Aws(build_image=NO_ROOM)
    done = run(aws)
    assert (done.status, done.path[-1]) == ("FAILED", "Image Not Built")
    assert aws.of("Explain Failure")[0]["Payload"]["failure"]["error"] == "DeadlineExceeded"
    assert 8130 <= done.clock - START <= 8130 + 300
    assert done.path.count("Wait For Room") == 30


def test_a_throttled_start_is_tried_again_with_the_same_token() -> None:
    aws = Aws(build_image=[THROTTLED, THROTTLED, {"Build": {}}])
    done = run(aws)
    assert (done.status, len(done.retries)) == ("SUCCEEDED", 2)
    assert {call["IdempotencyToken"] for call in aws.of("Build Image")} == {"op-1"}


def test_functions_that_ask_for_time_are_called_again() -> None:
    wait = StateError("RetryableError", "{}")
    aws = Aws(
        stage_image=[wait, {"Payload": STAGED}],
        judge_image=[wait, {"Payload": BUILT}],
    )
    done = run(aws)
    assert done.status == "SUCCEEDED"
    assert done.retries == [("Stage Image", "RetryableError"), ("Judge Image", "RetryableError")]


def test_the_recorder_is_tried_again_too() -> None:
    aws = Aws(build_image=BUILD_FAILED, explain_failure=[StateError("RetryableError", "{}"), {"Payload": EXPLAINED}])
    assert run(aws).error == "BuildFailed"


def test_a_recorder_that_fails_still_ends_the_execution_as_failed() -> None:
    assert run(Aws(build_image=BUILD_FAILED, explain_failure=StateError("OperationError", "{}"))).status == "FAILED"
