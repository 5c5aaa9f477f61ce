"""The story of `make run`: deploy, then one cluster from help to its second deletion, through the front door."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from embedded_aws import process
from shoal_cli.application import Application, connect, start
from shoal_cli.deploying import deploy_into
from shoal_cli.life import grants, surroundings
from shoal_cli.life.report import Report, Step

CLUSTER = "demo"
PREFIX = "shoal"
EXAMPLE = process.ROOT / "examples/awsbatch.yaml"
WAIT_SCALE = 0.05
SECONDS = 300.0
"""Longest that one step may take."""
PAUSE = 0.1
JOB_SCRIPT = "#!/bin/sh\necho hello from $(hostname)\n"


@dataclass
class Story:
    """A run in progress."""

    server: process.Server
    application: Application
    console: Console
    report: Report = field(default_factory=Report)
    allowed: set[grants.Grant] = field(default_factory=set)

    def operate(self, label: str, data: dict[str, Any], expected: str) -> dict[str, Any]:
        """Carry out one operation through the front door; its answer, empty when it failed."""
        began = time.monotonic()
        arn = start(self.application, data)
        ended = self._ended(arn)
        answer: dict[str, Any] = json.loads(ended["output"]) if ended["status"] == "SUCCEEDED" else {}
        status = answer.get("clusterStatus", "done") if answer else ended.get("error", ended["status"])
        says = answer.get("summary", "") if answer else ended.get("cause", "")
        self._note(Step(label, expected, status, time.monotonic() - began, says))
        return answer

    def do(self, label: str, action: Callable[[], str]) -> None:
        """Do what a user does without the front door; the action says what it did."""
        began = time.monotonic()
        says = action()
        self._note(Step(label, "done", "done", time.monotonic() - began, says))

    def _note(self, step: Step) -> None:
        mark = "[green]as expected[/]" if step.as_expected else f"[red]expected {step.expected}[/]: {step.says}"
        self.console.print(f"  {step.operation}: {step.ended} after {step.seconds:.1f} s, {mark}")
        self.report.steps.append(step)

    def _ended(self, arn: str) -> dict[str, Any]:
        client, until = self.application.client("stepfunctions"), time.monotonic() + SECONDS
        while True:
            ended: dict[str, Any] = client.describe_execution(executionArn=arn)
            if ended["status"] != "RUNNING":
                return ended
            if time.monotonic() > until:
                client.stop_execution(executionArn=arn)
                return {"status": "ABORTED", "error": "TooSlow", "cause": f"not ended after {SECONDS:.0f} s"}
            time.sleep(PAUSE)


def run(state_dir: Path, console: Console) -> Report:
    """Start an embedded AWS, deploy Shoal, tell the story, and stop what was started; what was found.

    Raises:
        CommandError: the application cannot be deployed.
    """
    with process.EmbeddedAws(state_dir, wait_scale=WAIT_SCALE) as server:
        console.print(f"the embedded AWS listens on {server.url}")
        began = time.monotonic()
        deploy_into(server)
        console.print(f"built and deployed with the SAM CLI in {time.monotonic() - began:.0f} s")
        story = Story(server, connect(local=True, prefix=PREFIX, state_dir=state_dir), console)
        _tell(story)
        return story.report


def _tell(story: Story) -> None:
    subnet = surroundings.make_subnet(story.application)
    before = _state(story.server)
    story.server.call("DELETE", "/_shoal/iam")
    configuration = surroundings.configuration(EXAMPLE, subnet)
    named = {"clusterName": CLUSTER}
    story.operate("help", {}, "done")
    story.operate("plan", {"operation": "plan", **named, "clusterConfiguration": configuration}, "done")
    create = {"operation": "create", **named, "clusterConfiguration": configuration}
    if story.operate("create", create, "CREATE_COMPLETE"):
        _live(story, configuration)
    story.operate("delete", {"operation": "delete", **named}, "DELETE_COMPLETE")
    story.operate("delete again", {"operation": "delete", **named}, "DELETE_COMPLETE")
    _judge(story, before)


def _live(story: Story, configuration: dict[str, Any]) -> None:
    named = {"clusterName": CLUSTER}
    story.operate("describe", {"operation": "describe", **named}, "CREATE_COMPLETE")
    story.do("store a job script", lambda: _store_job_script(story.application))
    story.operate("build-image", {"operation": "build-image", **named}, "done")
    more = surroundings.with_more_queues(configuration)
    story.operate("update: a queue and vCPUs more", _update(more), "UPDATE_COMPLETE")
    story.operate("update that would lose data", _update(surroundings.with_unencrypted_volume(more)), "UpdateRefused")
    story.operate("list", {"operation": "list"}, "done")
    story.allowed = grants.granted(story.application.client("iam"), PREFIX, CLUSTER)


def _update(configuration: dict[str, Any]) -> dict[str, Any]:
    return {"operation": "update", "clusterName": CLUSTER, "clusterConfiguration": configuration}


def _store_job_script(application: Application) -> str:
    stack = application.client("cloudformation").describe_stacks(StackName=f"{PREFIX}-cluster-{CLUSTER}")["Stacks"][0]
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
    bucket, key = parameters["ResourcesS3Bucket"], f"{parameters['ArtifactS3RootDirectory']}/batch/hello/hello.sh"
    application.client("s3").put_object(Bucket=bucket, Key=key, Body=JOB_SCRIPT.encode())
    return f"s3://{bucket}/{key}"


def _state(server: process.Server) -> dict[str, dict[str, Any]]:
    return cast(dict[str, dict[str, Any]], server.call("GET", "/_shoal/state"))


def _judge(story: Story, before: dict[str, dict[str, Any]]) -> None:
    report, after = story.report, _state(story.server)
    report.leftovers = sorted(
        f"{kind} {name}" for kind in after for name in set(after[kind]) - set(before.get(kind, {}))
    )
    decisions = cast(dict[str, list[dict[str, Any]]], story.server.call("GET", "/_shoal/iam"))["decisions"]
    report.denied = grants.denied(decisions)
    exercised = grants.used(decisions, PREFIX, CLUSTER)
    elsewhere = grants.used_elsewhere(process.ROOT / grants.LIST)
    unused = grants.unused(story.allowed, exercised)
    report.unused = [f"{grant.role}: {grant.action}" for grant in unused if grant not in elsewhere]
    report.stale = [f"{grant.role}: {grant.action} is in {grants.LIST}" for grant in elsewhere if grant not in unused]
    report.engine = str(cast(dict[str, Any], story.server.call("GET", "/_shoal/engine")).get("engine"))
    report.remarks.append("a fixture sent the head node's signal: user data does not run on the embedded AWS")
