"""Builds of a flow through CodeBuild's API of the embedded AWS, with the real engine behind `docker`."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Mapping

from benchmarks.clients import client
from benchmarks.flows import Flow
from embedded_aws.containers.engine import Engine
from embedded_aws.process import ACCOUNT_ID, Server

_ALLOW_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"codebuild.amazonaws.com"}}]}'
)


class BuildFailedError(Exception):
    """A build did not succeed; the message is the end of its log."""


class Builds:
    """A project of its own with its repositories; nobody has built anything in it."""

    def __init__(self, server: Server, engine: Engine, flow: Flow) -> None:
        self._server, self._engine, self._flow = server, engine, flow
        self._name = f"bench-{uuid.uuid4().hex[:12]}"
        self._create()

    def seconds(self, *, changed: bool) -> float:
        """How long a build takes on a machine that has built nothing before, as CodeBuild gives one to every build.

        Args:
            changed: with one line more in a script.

        Raises:
            BuildFailedError: it did not succeed.
        """
        self._forget_layers()
        key = "changed.zip" if changed else "first.zip"
        client(self._server, "s3").put_object(Bucket=self._name, Key=key, Body=self._flow.context(changed))
        given = self._flow.build_variables(ACCOUNT_ID, self._name, changed)
        began = time.perf_counter()
        build = client(self._server, "codebuild").start_build(
            projectName=self._name,
            sourceTypeOverride="S3",
            sourceLocationOverride=f"{self._name}/{key}",
            buildspecOverride="buildspec.yml",
            environmentVariablesOverride=_variables(given),
        )["build"]
        self._wait(build["id"])
        return time.perf_counter() - began

    def _create(self) -> None:
        ecr = client(self._server, "ecr")
        ecr.create_repository(repositoryName=self._name)
        ecr.create_repository(repositoryName=f"{self._name}-cache")
        client(self._server, "s3").create_bucket(Bucket=self._name)
        iam = client(self._server, "iam")
        role = iam.create_role(RoleName=self._name, AssumeRolePolicyDocument=_TRUST)["Role"]["Arn"]
        iam.put_role_policy(RoleName=self._name, PolicyName="all", PolicyDocument=_ALLOW_ALL)
        environment = {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": _variables(self._flow.project_variables(ACCOUNT_ID, self._name)),
        }
        client(self._server, "codebuild").create_project(
            name=self._name,
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment=environment,
            serviceRole=role,
        )

    def _wait(self, build_id: str) -> None:
        while True:
            build = client(self._server, "codebuild").batch_get_builds(ids=[build_id])["builds"][0]
            if build["buildComplete"]:
                break
            time.sleep(0.1)
        if build["buildStatus"] != "SUCCEEDED":
            where = {"logGroupName": build["logs"]["groupName"], "logStreamName": build["logs"]["streamName"]}
            events = client(self._server, "logs").get_log_events(**where)["events"]
            raise BuildFailedError("\n".join(event["message"] for event in events[-15:]))

    def _forget_layers(self) -> None:
        """Empty the engine's cache of layers."""
        for command in (["image", "prune", "--all", "--force"], ["builder", "prune", "--all", "--force"]):
            environment = self._engine.environment(os.environ)
            subprocess.run([*self._engine.client, *command], env=environment, capture_output=True, check=True)


def _variables(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]
