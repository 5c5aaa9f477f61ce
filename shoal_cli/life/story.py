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
from shoal_cli.jobs.cluster import find_cluster
from shoal_cli.jobs.submission import Asked
from shoal_cli.life import grants, jobs, leftovers, slurm, surroundings
from shoal_cli.life.report import Report, Step

CLUSTER = "demo"
PREFIX = "shoal"
EXAMPLE = process.ROOT / "examples/awsbatch.yaml"
WAIT_SCALE = 0.05
SECONDS = 300.0
"""Longest that one step may take."""
PAUSE = 0.1
NOT_RUN = "no job was run, for want of a container engine: what the roles of jobs and hosts may do was not tried"


@dataclass
class Story:
    """A run in progress."""

    server: process.Server
    application: Application
    console: Console
    report: Report = field(default_factory=Report)
    granted: grants.Granted = field(default_factory=grants.Granted)

    def operate(self, label: str, data: dict[str, Any], expected: str) -> dict[str, Any]:
        """Carry out one operation through the front door; its answer, empty when it failed."""
        began = time.monotonic()
        arn = start(self.application, data)
        ended = self._ended(arn)
        answer: dict[str, Any] = json.loads(ended["output"]) if ended["status"] == "SUCCEEDED" else {}
        status = answer.get("clusterStatus", "done") if answer else ended.get("error", ended["status"])
        says = answer.get("summary", "") if answer else ended.get("cause", "")
        self.note(Step(label, expected, status, time.monotonic() - began, says))
        return answer

    def do(self, label: str, action: Callable[[], str]) -> None:
        """Do what a user does without the front door; the action says what it did."""
        began = time.monotonic()
        says = action()
        self.note(Step(label, "done", "done", time.monotonic() - began, says))

    def run_job(self, asked: Asked) -> None:
        """Run one job in the cluster, and print its output."""
        began = time.monotonic()
        ran = jobs.run(self.application, find_cluster(self.application, CLUSTER, PREFIX), asked)
        self.report.jobs.append(ran)
        self.note(Step(f"job {ran.name}", "SUCCEEDED", ran.status, time.monotonic() - began, ran.last_line))
        for line in ran.lines:
            self.console.print(f"    {line}", highlight=False, markup=False, soft_wrap=True)

    def note(self, step: Step) -> None:
        """Print a step, and keep it for the report."""
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
        tell(story, surroundings.make_subnet(story.application))
        return story.report


def tell(story: Story, subnet: str) -> None:
    """The whole story, and what is found at its end, in the story's report."""
    iam = story.application.client("iam")
    before, roles_before = leftovers.state(story.server), leftovers.made_for_the_account(iam)
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
    batch = _decisions(story.server)
    slurm.tell(story, subnet)
    _judge(story, before, batch)
    if new_roles := set(leftovers.made_for_the_account(iam)) - set(roles_before):
        story.report.remarks.append(f"made once for the account, for all its clusters: {', '.join(sorted(new_roles))}")


def _live(story: Story, configuration: dict[str, Any]) -> None:
    named = {"clusterName": CLUSTER}
    story.operate("describe", {"operation": "describe", **named}, "CREATE_COMPLETE")
    _jobs(story)
    story.operate("build-image", {"operation": "build-image", **named}, "done")
    more = surroundings.with_more_queues(configuration)
    story.operate("update: a queue and vCPUs more", _update(more), "UPDATE_COMPLETE")
    story.operate("update that would lose data", _update(surroundings.with_unencrypted_volume(more)), "UpdateRefused")
    story.operate("list", {"operation": "list"}, "done")
    story.granted = grants.granted(story.application.client("iam"), PREFIX)


def _update(configuration: dict[str, Any]) -> dict[str, Any]:
    return {"operation": "update", "clusterName": CLUSTER, "clusterConfiguration": configuration}


def _jobs(story: Story) -> None:
    """Run the jobs where there is an engine for them; else only a job's script is left for the deletion to find."""
    if _engine(story.server)["runsJobs"]:
        for asked in (jobs.HELLO, jobs.MPI):
            story.run_job(asked)
    else:
        story.do("store a job script", lambda: _store_job_script(story.application))
        story.report.remarks.append(NOT_RUN)


def _store_job_script(application: Application) -> str:
    cluster = find_cluster(application, CLUSTER, PREFIX)
    key = f"{cluster.root}/{jobs.HELLO.name}/{jobs.HELLO.program.script_name}"
    application.client("s3").put_object(Bucket=cluster.bucket, Key=key, Body=jobs.SCRIPT)
    return f"s3://{cluster.bucket}/{key}"


def _engine(server: process.Server) -> dict[str, Any]:
    return cast(dict[str, Any], server.call("GET", "/_shoal/engine"))


def _decisions(server: process.Server) -> list[dict[str, Any]]:
    return cast(dict[str, list[dict[str, Any]]], server.call("GET", "/_shoal/iam"))["decisions"]


def _judge(story: Story, before: leftovers.State, batch: list[dict[str, Any]]) -> None:
    """Judge the run by what was decided in all of it; the list of grants used elsewhere, by the Batch chapter's alone.

    What the Slurm chapter uses depends on whether instances boot, so a test has to use it in any case.
    """
    report, bucket = story.report, f"{PREFIX}-control-{process.ACCOUNT_ID}-{process.REGION}"
    report.leftovers = leftovers.left_behind(before, leftovers.state(story.server), bucket)
    decisions = _decisions(story.server)
    report.denied = grants.denied(decisions)
    tried = {grant for grant in story.granted.grants if report.jobs or grant.holder not in grants.OF_JOBS}
    unused = grants.unused(tried, story.granted.used(decisions, PREFIX))
    elsewhere = grants.used_elsewhere(process.ROOT / grants.LIST)
    report.unused = grants.by_holder(set(unused) - set(elsewhere))
    untried = set(story.granted.grants) - tried
    not_by_batch = set(grants.unused(tried, story.granted.used(batch, PREFIX)))
    by_machine = {grant for grant in elsewhere if grant.holder in grants.BY_MACHINE}
    report.stale = grants.by_holder(set(elsewhere) - not_by_batch - untried - by_machine)
    report.engine = str(_engine(story.server)["description"])
    report.remarks += [leftovers.REMARK, _signal_remark(story.server)]


def _signal_remark(server: process.Server) -> str:
    """Who spoke for the head nodes."""
    sent = cast(dict[str, list[object]], server.call("GET", "/_shoal/head-node-signal"))["sent"]
    if not sent:
        return "every head node booted and signalled itself"
    times = "once" if len(sent) == 1 else f"{len(sent)} times"
    return f"a fixture signalled {times} for head nodes that did not boot: their images have no root file system here"
