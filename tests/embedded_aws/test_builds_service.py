"""Does CodeBuild of the embedded AWS run builds as the project's role, and tell of them as AWS does?"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.process import REGION
from shoal.image.content import context_zip, read_context
from tests.support.embedded import ALLOW_ALL, Account
from tests.support.polling import until

REPOSITORY = "shoal/genomics"
TAG = "0123456789abcdef0123456789abcdef"
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


@dataclass
class Builds:
    """A project of an account, and its builds."""

    account: Account
    project: str = "shoal-genomics-build"

    @property
    def bucket(self) -> str:
        """The bucket with the contexts; names of buckets are everybody's."""
        return f"contexts-{self.account.id}"

    def create(self, *statements: Mapping[str, Any], **settings: Any) -> None:
        """Make the project, with a role that has the statements."""
        role = self.account.role("build", *(statements or (ALLOW_ALL,)))
        uri = f"{self.account.id}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}"
        environment = {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "privilegedMode": True,
            "environmentVariables": [{"name": "REPOSITORY_URI", "value": uri}, {"name": "A", "value": "project"}],
        }
        self.account.client("codebuild").create_project(
            name=self.project,
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment=environment,
            serviceRole=role,
            **settings,
        )

    def start(self, buildspec: str | None = None, **overrides: Any) -> dict[str, Any]:
        """Start a build of a buildspec."""
        inline = {"buildspecOverride": f"version: 0.2\n{buildspec}\n"} if buildspec else {}
        answer = self.account.client("codebuild").start_build(projectName=self.project, **inline, **overrides)
        return dict(answer["build"])

    def start_image(self, **overrides: Any) -> dict[str, Any]:
        """Start a build of the context that ships, from S3."""
        variables = {"IMAGE_TAG": TAG, "BUILD_ARGS": "BASE_IMAGE", "BASE_IMAGE": "debian"}
        return self.start(
            sourceTypeOverride="S3",
            sourceLocationOverride=f"{self.bucket}/build/context.zip",
            buildspecOverride="buildspec.yml",
            environmentVariablesOverride=[{"name": name, "value": value} for name, value in variables.items()],
            **overrides,
        )

    def describe(self, build: dict[str, Any]) -> dict[str, Any]:
        """The build as it is now."""
        return dict(self.account.client("codebuild").batch_get_builds(ids=[build["id"]])["builds"][0])

    def wait(self, build: dict[str, Any]) -> dict[str, Any]:
        """The build at its end."""

        def ended() -> dict[str, Any] | None:
            now = self.describe(build)
            return now if now["buildComplete"] else None

        found = until(ended, 60, f"the end of {build['id']}")
        assert found is not None
        return found

    def log(self, build: dict[str, Any]) -> list[str]:
        """What the build printed."""
        where = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
        events = self.account.client("logs").get_log_events(**where, startFromHead=True)["events"]
        return [event["message"] for event in events]


@pytest.fixture
def builds(account: Account) -> Builds:
    """An account with a staged context and an immutable repository, and no project yet."""
    bucket = Builds(account).bucket
    account.client("s3").create_bucket(Bucket=bucket)
    account.client("s3").put_object(Bucket=bucket, Key="build/context.zip", Body=context_zip(read_context()))
    account.client("ecr").create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    return Builds(account)


def _phase(build: dict[str, Any], name: str) -> dict[str, Any]:
    return next(phase for phase in build["phases"] if phase["phaseType"] == name)


def test_the_context_that_ships_builds_and_its_image_is_in_the_repository(builds: Builds) -> None:
    builds.create()

    build = builds.wait(builds.start_image())

    assert build["buildStatus"] == "SUCCEEDED", builds.log(build)
    found = builds.account.client("ecr").describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": TAG}])
    exported = {variable["name"]: variable["value"] for variable in build["exportedEnvironmentVariables"]}
    assert exported["IMAGE_DIGEST"] == found["imageDetails"][0]["imageDigest"]


def test_two_builds_of_one_tag_at_once_both_succeed(builds: Builds) -> None:
    builds.create()

    started = [builds.start_image() for _ in range(2)]
    ended = [builds.wait(build) for build in started]

    why = [phase.get("contexts") for build in ended for phase in build["phases"]]
    assert [build["buildStatus"] for build in ended] == ["SUCCEEDED", "SUCCEEDED"], why


def test_a_role_with_the_rights_of_a_push_and_no_more_is_enough(builds: Builds) -> None:
    arn = f"arn:aws:ecr:{REGION}:{builds.account.id}:repository/{REPOSITORY}"
    builds.create(
        {"Effect": "Allow", "Action": list(PUSH), "Resource": arn},
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": f"arn:aws:s3:::{builds.bucket}/build/*"},
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"},
        logsConfig={"cloudWatchLogs": {"status": "ENABLED", "groupName": "/shoal/builds"}},
    )
    builds.account.client("logs").create_log_group(logGroupName="/shoal/builds")

    build = builds.wait(builds.start_image())

    assert build["buildStatus"] == "SUCCEEDED", build["phases"]


@pytest.mark.parametrize("missing", [action for action in PUSH if action != "ecr:DescribeImages"])
def test_every_right_of_a_push_is_needed(builds: Builds, missing: str) -> None:
    builds.create(ALLOW_ALL, {"Effect": "Deny", "Action": missing, "Resource": "*"})

    build = builds.wait(builds.start_image())

    assert build["buildStatus"] == "FAILED"
    assert any("denied: " in line and missing in line for line in builds.log(build))


def test_a_role_that_may_not_read_the_source_fails_the_download(builds: Builds) -> None:
    builds.create(ALLOW_ALL, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"})

    build = builds.wait(builds.start_image())

    context = _phase(build, "DOWNLOAD_SOURCE")["contexts"][0]
    assert (build["buildStatus"], context["statusCode"]) == ("FAILED", "CLIENT_ERROR")
    assert "AccessDenied" in context["message"]


def test_a_role_that_may_not_write_logs_starts_no_command(builds: Builds) -> None:
    builds.create(ALLOW_ALL, {"Effect": "Deny", "Action": "logs:*", "Resource": "*"})

    build = builds.wait(builds.start("phases: {build: {commands: [echo never]}}"))

    assert _phase(build, "PROVISIONING")["contexts"][0]["statusCode"] == "ACCESS_DENIED"
    assert "BUILD" not in [phase["phaseType"] for phase in build["phases"]]


@pytest.mark.parametrize(
    ("source", "code", "named"),
    [
        ({"sourceLocationOverride": "BUCKET/absent.zip", "sourceTypeOverride": "S3"}, "CLIENT_ERROR", "NoSuchKey"),
        ({"buildspecOverride": "absent.yml"}, "YAML_FILE_ERROR", "absent.yml"),
        ({"buildspecOverride": "version: 9\nphases: {}"}, "YAML_FILE_ERROR", "version 9"),
        ({"sourceTypeOverride": "GITHUB", "sourceLocationOverride": "x"}, "CLIENT_ERROR", "GITHUB"),
    ],
)
def test_a_source_that_cannot_be_used_fails_the_download(
    builds: Builds, source: dict[str, str], code: str, named: str
) -> None:
    builds.create()

    overrides = {name: value.replace("BUCKET", builds.bucket) for name, value in source.items()}
    build = builds.wait(builds.start(**overrides))

    context = _phase(build, "DOWNLOAD_SOURCE")["contexts"][0]
    assert context["statusCode"] == code
    assert named in context["message"]


def test_a_folder_of_the_bucket_is_a_source_too(builds: Builds) -> None:
    builds.create()
    text = b"version: 0.2\nphases: {build: {commands: [ls sub]}}\n"
    for key, body in {"buildspec.yml": text, "sub/file": b"x"}.items():
        builds.account.client("s3").put_object(Bucket=builds.bucket, Key=f"folder/{key}", Body=body)

    build = builds.wait(
        builds.start(
            sourceTypeOverride="S3",
            sourceLocationOverride=f"{builds.bucket}/folder/",
            buildspecOverride="buildspec.yml",
        )
    )

    assert "file" in builds.log(build)


def test_variables_of_start_build_go_before_the_projects(builds: Builds) -> None:
    builds.create()
    text = "env: {variables: {A: spec, B: spec}}\nphases: {build: {commands: ['echo $A-$B']}}"

    plain = builds.wait(builds.start(text))
    overridden = builds.wait(builds.start(text, environmentVariablesOverride=[{"name": "B", "value": "given"}]))

    assert "project-spec" in builds.log(plain)
    assert "project-given" in builds.log(overridden)


def test_secrets_are_read_with_the_projects_role_and_masked_in_the_log(builds: Builds) -> None:
    builds.create()
    builds.account.client("ssm").put_parameter(Name="/token", Value="s3cr3t-value", Type="SecureString")
    command = "echo token=$TOKEN ${#TOKEN}"
    text = f"env: {{parameter-store: {{TOKEN: /token}}}}\nphases: {{build: {{commands: ['{command}']}}}}"

    build = builds.wait(builds.start(text))

    assert "token=*** 12" in builds.log(build)


def test_commands_run_as_the_projects_role(builds: Builds) -> None:
    builds.create()

    build = builds.wait(
        builds.start("phases: {build: {commands: ['aws sts get-caller-identity --query Arn --output text']}}")
    )

    uuid = build["id"].split(":")[1]
    assert f"arn:aws:sts::{builds.account.id}:assumed-role/build/AWSCodeBuild-{uuid}" in builds.log(build)


def test_a_failed_build_says_which_command_failed(builds: Builds) -> None:
    builds.create()

    build = builds.wait(builds.start("phases: {build: {commands: [exit 7]}}"))

    assert build["buildStatus"] == "FAILED"
    assert _phase(build, "BUILD")["contexts"][0]["message"].endswith("exit 7. Reason: exit status 7")
    assert [phase["phaseType"] for phase in build["phases"]][-3:] == ["UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"]


def test_phases_and_log_can_be_read_while_the_build_runs(builds: Builds) -> None:
    builds.create()
    build = builds.start("phases: {build: {commands: [echo started, sleep 600]}}")

    until(lambda: builds.describe(build)["currentPhase"] == "BUILD", what="phase BUILD")
    until(lambda: "started" in builds.log(build), what="the first line")
    running = builds.describe(build)
    builds.account.client("codebuild").stop_build(id=build["id"])

    assert running["buildStatus"] == _phase(running, "BUILD")["phaseStatus"] == "IN_PROGRESS"
    assert builds.wait(build)["buildStatus"] == "STOPPED"


def test_stopping_a_build_that_has_ended_changes_nothing(builds: Builds) -> None:
    builds.create()
    build = builds.wait(builds.start("phases: {build: {commands: ['true']}}"))

    stopped = builds.account.client("codebuild").stop_build(id=build["id"])["build"]

    assert stopped["buildStatus"] == "SUCCEEDED"


def test_the_same_token_starts_one_build(builds: Builds) -> None:
    builds.create()
    text = "phases: {build: {commands: ['true']}}"

    ids = {builds.start(text, idempotencyToken="op-1-build")["id"] for _ in range(2)}

    assert len(ids) == 1


def test_a_project_runs_no_more_builds_than_its_limit(builds: Builds) -> None:
    builds.create(concurrentBuildLimit=1)
    first = builds.start("phases: {build: {commands: [sleep 600]}}")

    with pytest.raises(ClientError, match="Cannot have more than 1 active builds for the project"):
        builds.start("phases: {build: {commands: ['true']}}")

    builds.account.client("codebuild").stop_build(id=first["id"])
    builds.wait(first)
    assert builds.wait(builds.start("phases: {build: {commands: ['true']}}"))["buildStatus"] == "SUCCEEDED"


def test_several_builds_run_side_by_side(builds: Builds, tmp_path: Path) -> None:
    builds.create()
    meet = f"cd {tmp_path}; touch $A; until [ -e one ] && [ -e two ]; do sleep 0.05; done"
    spec = f"phases: {{build: {{commands: ['{meet}']}}}}"

    started = [
        builds.start(spec, environmentVariablesOverride=[{"name": "A", "value": name}]) for name in ("one", "two")
    ]

    assert {builds.wait(build)["buildStatus"] for build in started} == {"SUCCEEDED"}


@pytest.mark.parametrize(
    ("override", "named"),
    [({"timeoutInMinutesOverride": 3000}, "timeout"), ({"artifactsOverride": {"type": "S3"}}, "artifactsOverride")],
)
def test_what_start_build_does_not_take_is_named(builds: Builds, override: dict[str, Any], named: str) -> None:
    builds.create()
    with pytest.raises(ClientError, match=named):
        builds.start("phases: {build: {commands: ['true']}}", **override)


def test_a_build_of_a_project_that_is_not_there_is_refused(builds: Builds) -> None:
    with pytest.raises(ClientError, match="Project cannot be found: arn:aws:codebuild"):
        builds.start("phases: {}")


def test_every_change_of_a_builds_state_is_an_event(builds: Builds) -> None:
    builds.create()
    sqs, events = builds.account.client("sqs"), builds.account.client("events")
    url = sqs.create_queue(QueueName="builds")["QueueUrl"]
    pattern = {"source": ["aws.codebuild"], "detail-type": ["CodeBuild Build State Change"]}
    events.put_rule(Name="builds", EventPattern=json.dumps(pattern))
    arn = f"arn:aws:sqs:{REGION}:{builds.account.id}:builds"
    events.put_targets(Rule="builds", Targets=[{"Id": "queue", "Arn": arn}])

    builds.wait(builds.start("phases: {build: {commands: ['false']}}"))

    seen: list[str] = []

    def both() -> bool:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            seen.append(json.loads(message["Body"])["detail"]["build-status"])
        return len(seen) == 2

    until(both, what="two events")
    assert sorted(seen) == ["FAILED", "IN_PROGRESS"]


def test_a_template_gives_a_project_its_log_group_and_limit(builds: Builds) -> None:
    role = builds.account.role("build", ALLOW_ALL)
    properties = {
        "Name": builds.project,
        "ServiceRole": role,
        "Artifacts": {"Type": "NO_ARTIFACTS"},
        "Source": {"Type": "NO_SOURCE", "BuildSpec": "version: 0.2\nphases: {}\n"},
        "Environment": {"Type": "LINUX_CONTAINER", "Image": "i", "ComputeType": "BUILD_GENERAL1_SMALL"},
        "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": "/shoal/builds"}},
        "ConcurrentBuildLimit": 2,
    }
    template = {"Resources": {"Project": {"Type": "AWS::CodeBuild::Project", "Properties": properties}}}
    cloudformation = builds.account.client("cloudformation")
    cloudformation.create_stack(StackName="project", TemplateBody=json.dumps(template))
    until(lambda: cloudformation.describe_stacks(StackName="project")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")

    project = builds.account.client("codebuild").batch_get_projects(names=[builds.project])["projects"][0]

    assert project["concurrentBuildLimit"] == 2
    assert builds.wait(builds.start())["logs"]["groupName"] == "/shoal/builds"


def test_an_image_that_is_not_there_is_not_described(builds: Builds) -> None:
    with pytest.raises(ClientError, match="ImageNotFoundException"):
        builds.account.client("ecr").describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": "absent"}])


def test_a_login_with_another_password_is_refused(builds: Builds) -> None:
    builds.create()
    login = 'echo guessed | docker login --username AWS --password-stdin "${REPOSITORY_URI%%/*}"'

    build = builds.wait(builds.start(f"phases: {{build: {{commands: ['{login}']}}}}"))

    assert build["buildStatus"] == "FAILED"
    assert any("401 Unauthorized" in line for line in builds.log(build))


def test_the_server_says_which_engine_builds_and_what_was_asked_of_it(builds: Builds) -> None:
    builds.create()
    build = builds.wait(builds.start_image())

    with urllib.request.urlopen(f"{builds.account.server.url}/_shoal/engine") as answer:
        told = json.load(answer)

    commands = [call["arguments"][0] for call in told["calls"] if call["build"] == build["id"]]
    assert told["engine"] == "stand-in"
    assert commands == ["login", "build", "push", "push"]  # the image, and the layers for the next build
