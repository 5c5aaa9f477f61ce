"""Which way does a build go: is the image there, is there room, does it end well, is it in the repository?"""

from __future__ import annotations

from typing import Any

from tests.support import definitions
from tests.support.machine import START, Execution, Machine, StateError

MACHINE = Machine(definitions.definition("build_image"), "build_image")
IMAGE, OTHER = {"imageTag": "t"}, {"imageTag": "other"}
INPUT = {
    "operationId": "op-1",
    "operation": "create",
    "clusterName": "genomics",
    "deadline": "2026-11-24T12:15:30Z",
    "images": [IMAGE],
}
BUILD = {
    "projectName": "shoal-genomics-build",
    "sourceLocation": "bucket/build/t/context.zip",
    "buildspec": "buildspec.yml",
    "environmentType": "LINUX_CONTAINER",
    "environmentImage": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
    "computeType": "BUILD_GENERAL1_SMALL",
    "environmentVariables": [{"Name": "IMAGE_TAG", "Value": "t", "Type": "PLAINTEXT"}],
    "timeoutInMinutes": 60,
}
STAGED = {"Payload": {"present": False, "image": IMAGE, "build": BUILD}}
ANSWER = {"summary": "built", "cluster": {"images": [{"tag": "t", "digest": "sha256:1"}]}}
THERE = {"Payload": {"present": True, "answer": ANSWER}}
BUILT, FAILED, WAIT = (
    {"Payload": {"verdict": verdict, "awaited": "better times"}} for verdict in ("built", "failed", "wait")
)
EXPLAINED = {"code": "BuildFailed", "cause": "phase BUILD failed with exit code 100"}
RETIRED = {"retired": {"deleted": 2, "refused": 0}}
NO_ROOM = StateError("CodeBuild.AccountLimitExceededException", "Cannot have more than 0 builds in queue")
BUILD_FAILED = StateError("States.TaskFailed", '{"Build": {"Id": "shoal-genomics-build:1"}}')
THROTTLED = StateError("CodeBuild.CodeBuildException", "Rate exceeded")


class Aws:
    """What each state's call answers, one after the other if it is a list, the last one for ever; the calls made."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "stage_image": [STAGED, THERE],
            "build_image": {"Build": {"Id": "shoal-genomics-build:1"}},
            "judge_image": BUILT,
            "retire_images": {"Payload": RETIRED},
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


def tokens(aws: Aws) -> list[str]:
    return [call["IdempotencyToken"] for call in aws.of("Build Image")]


def test_an_image_is_staged_built_and_judged() -> None:
    done = run(Aws())
    tasks = ["Stage Image", "Build Image", "Judge Image", "Stage Image", "Retire Images"]
    assert [name for name in done.path if name in tasks] == tasks
    assert (done.status, done.output) == ("SUCCEEDED", ANSWER | RETIRED)


def test_nothing_is_built_when_the_image_is_there() -> None:
    done = run(Aws(stage_image=THERE))
    assert done.path == ["Begin", "Stage Image", "Image Missing?", "Answer"]
    assert done.output == ANSWER


def test_the_build_is_given_what_was_staged() -> None:
    aws = Aws()
    run(aws)
    assert aws.of("Build Image") == [
        {
            "ProjectName": BUILD["projectName"],
            "SourceTypeOverride": "S3",
            "SourceLocationOverride": BUILD["sourceLocation"],
            "BuildspecOverride": BUILD["buildspec"],
            "EnvironmentTypeOverride": BUILD["environmentType"],
            "ImageOverride": BUILD["environmentImage"],
            "ComputeTypeOverride": BUILD["computeType"],
            "EnvironmentVariablesOverride": BUILD["environmentVariables"],
            "TimeoutInMinutesOverride": 60,
            "IdempotencyToken": "op-1-t-1",
        }
    ]


def test_the_whole_input_reaches_staging_with_what_has_been_built() -> None:
    aws = Aws()
    run(aws)
    assert [call["Payload"] for call in aws.of("Stage Image")] == [INPUT | {"built": built} for built in ([], ["t"])]


def test_two_images_are_two_builds_with_tokens_of_their_own() -> None:
    second = {"Payload": STAGED["Payload"] | {"image": OTHER}}
    aws = Aws(stage_image=[STAGED, second, THERE])
    assert run(aws, images=[IMAGE, OTHER]).status == "SUCCEEDED"
    assert tokens(aws) == ["op-1-t-1", "op-1-other-1"]
    assert aws.of("Stage Image")[-1]["Payload"]["built"] == ["t", "other"]
    assert len(aws.of("Retire Images")) == 1


def test_what_was_staged_is_what_is_judged() -> None:
    aws = Aws()
    run(aws)
    assert aws.of("Judge Image")[0]["Payload"] == {"operationId": "op-1", "image": IMAGE, "failure": None}


def test_a_failed_build_ends_with_its_root_cause() -> None:
    done = run(Aws(build_image=BUILD_FAILED, judge_image=FAILED))
    assert done.path[-2:] == ["Explain Failure", "Image Not Built"]
    assert (done.status, done.error, done.cause) == ("FAILED", EXPLAINED["code"], EXPLAINED["cause"])


def test_what_failed_reaches_judge_and_recorder_unchanged() -> None:
    aws = Aws(build_image=BUILD_FAILED, judge_image=FAILED)
    run(aws)
    failure = {"state": "Build Image", "error": BUILD_FAILED.name, "cause": BUILD_FAILED.cause}
    assert aws.of("Judge Image")[0]["Payload"]["failure"] == failure
    assert aws.of("Explain Failure")[0]["Payload"] == {
        "operationId": "op-1",
        "clusterName": "genomics",
        "failure": failure,
    }


def test_an_image_that_is_missing_after_the_build_is_a_failure() -> None:
    done = run(Aws(judge_image=StateError("OperationError", "{}")))
    assert (done.status, done.path[-1]) == ("FAILED", "Image Not Built")


def test_staging_that_fails_builds_nothing() -> None:
    aws = Aws(stage_image=StateError("OperationError", "{}"))
    assert run(aws).status == "FAILED"
    assert aws.of("Build Image") == []


def test_a_build_that_came_at_a_bad_time_is_tried_again_with_another_token() -> None:
    aws = Aws(
        stage_image=[STAGED, STAGED, STAGED, THERE],
        build_image=[NO_ROOM, BUILD_FAILED, {"Build": {}}],
        judge_image=[WAIT, WAIT, BUILT],
    )
    done = run(aws)
    assert done.status == "SUCCEEDED"
    assert done.path.count("Wait For Better Times") == 2
    assert done.clock - START >= 30 + 60
    assert tokens(aws) == ["op-1-t-1", "op-1-t-2", "op-1-t-3"]
    assert [call["Payload"]["failure"] is None for call in aws.of("Judge Image")] == [False, False, True]


def test_an_image_that_somebody_else_has_built_meanwhile_is_taken() -> None:
    aws = Aws(build_image=BUILD_FAILED, judge_image=WAIT)
    done = run(aws)
    assert (done.status, done.output) == ("SUCCEEDED", ANSWER)
    assert aws.of("Retire Images") == []


def test_waits_grow_to_five_minutes_and_end_at_the_deadline_with_what_was_waited_for() -> None:
    aws = Aws(stage_image=STAGED, build_image=NO_ROOM, judge_image=WAIT)
    done = run(aws)
    assert (done.status, done.path[-1]) == ("FAILED", "Image Not Built")
    told = {"state": "Build Image", "error": "DeadlineExceeded", "cause": "better times"}
    assert aws.of("Explain Failure")[0]["Payload"]["failure"] == told
    assert 8130 <= done.clock - START <= 8130 + 300
    assert done.path.count("Wait For Better Times") == 30


def test_a_second_image_is_waited_for_anew() -> None:
    second = {"Payload": STAGED["Payload"] | {"image": OTHER}}
    aws = Aws(
        stage_image=[STAGED, STAGED, STAGED, second, second, THERE],
        build_image=[NO_ROOM, NO_ROOM, {"Build": {}}, NO_ROOM, {"Build": {}}],
        judge_image=[WAIT, WAIT, BUILT, WAIT, BUILT],
    )
    done = run(aws)
    assert done.status == "SUCCEEDED"
    assert done.clock - START == 30 + 60 + 30


def test_a_throttled_start_is_tried_again_with_the_same_token() -> None:
    aws = Aws(build_image=[THROTTLED, THROTTLED, {"Build": {}}])
    done = run(aws)
    assert (done.status, len(done.retries)) == ("SUCCEEDED", 2)
    assert tokens(aws) == ["op-1-t-1"] * 3


def test_throttling_that_outlasts_the_retries_is_left_to_the_judge() -> None:
    aws = Aws(
        stage_image=[STAGED, STAGED, THERE], build_image=[*[THROTTLED] * 7, {"Build": {}}], judge_image=[WAIT, BUILT]
    )
    assert run(aws).status == "SUCCEEDED"
    assert tokens(aws) == ["op-1-t-1"] * 7 + ["op-1-t-2"]


def test_functions_that_ask_for_time_are_called_again() -> None:
    wait = StateError("RetryableError", "{}")
    aws = Aws(stage_image=[wait, STAGED, THERE], judge_image=[wait, BUILT])
    done = run(aws)
    assert done.status == "SUCCEEDED"
    assert done.retries == [("Stage Image", "RetryableError"), ("Judge Image", "RetryableError")]


def test_the_images_in_use_are_told_to_whoever_deletes_old_ones() -> None:
    aws = Aws()
    run(aws)
    told = {"operationId": "op-1", "clusterName": "genomics", "images": [IMAGE]}
    assert aws.of("Retire Images")[0]["Payload"] == told


def test_old_images_that_cannot_be_deleted_are_told_in_short_and_the_build_counts() -> None:
    done = run(Aws(retire_images=StateError("AccessDeniedException", "x" * 9000)))
    assert done.status == "SUCCEEDED"
    assert done.output == ANSWER | {"retired": {"failed": f"AccessDeniedException: {'x' * 500}"}}


def test_the_recorder_is_tried_again_too() -> None:
    explain = [StateError("RetryableError", "{}"), {"Payload": EXPLAINED}]
    assert run(Aws(build_image=BUILD_FAILED, judge_image=FAILED, explain_failure=explain)).error == "BuildFailed"


def test_a_recorder_that_fails_still_ends_the_execution_as_failed() -> None:
    aws = Aws(build_image=BUILD_FAILED, judge_image=FAILED, explain_failure=StateError("OperationError", "{}"))
    assert run(aws).status == "FAILED"
