"""What checkov finds in the translated template: nothing, apart from the exceptions below, each with its reason."""

from __future__ import annotations

import fnmatch
import functools
import json
import subprocess

from tests.support import application
from tests.support.application import ROOT

BOUNDARY = "a boundary grants nothing: it is the outer limit of what the roles beside the resources grant"
STACK_ROLE = "ids are not known before CloudFormation has made the resource, and a configuration may name existing ones"
EXCEPTIONS: dict[tuple[str, str], str] = {
    (
        "CKV_AWS_158",
        "AWS::Logs::LogGroup.*",
    ): "no customer keys by default: the idle control plane costs next to nothing",
    (
        "CKV_AWS_116",
        "AWS::Lambda::Function.*",
    ): "called by state machines, which retry, catch and record; not by queues",
    (
        "CKV_AWS_117",
        "AWS::Lambda::Function.*",
    ): "talks to AWS's public APIs only; network interfaces delay stack deletion",
    (
        "CKV_AWS_115",
        "AWS::Lambda::Function.*",
    ): "reserved concurrency takes capacity from the account's other functions",
    (
        "CKV_AWS_173",
        "AWS::Lambda::Function.*",
    ): "the variables are names and ARNs, no secrets; no customer keys by default",
    (
        "CKV_AWS_119",
        "AWS::DynamoDB::Table.LedgerTable",
    ): "no customer keys by default; encrypted with the service's own key",
    (
        "CKV_AWS_18",
        "AWS::S3::Bucket.RegionBucket",
    ): "holds templates and configurations; CloudTrail records who reads them",
    ("CKV_AWS_107", "AWS::IAM::ManagedPolicy.*Boundary"): BOUNDARY,
    ("CKV_AWS_108", "AWS::IAM::ManagedPolicy.*Boundary"): BOUNDARY,
    ("CKV_AWS_109", "AWS::IAM::ManagedPolicy.*Boundary"): BOUNDARY,
    ("CKV_AWS_110", "AWS::IAM::ManagedPolicy.ControlPlaneBoundary"): BOUNDARY,
    ("CKV_AWS_111", "AWS::IAM::ManagedPolicy.*Boundary"): BOUNDARY,
    ("CKV_AWS_109", "AWS::IAM::ManagedPolicy.ClusterStackDataPolicy"): "grants on keys: the key's own policy decides",
    ("CKV_AWS_111", "AWS::IAM::ManagedPolicy.ClusterStack*Policy"): STACK_ROLE,
}


@functools.cache
def found() -> frozenset[tuple[str, str]]:
    """Check and resource of every finding."""
    folder = ROOT / "build" / "checkov"
    folder.mkdir(parents=True, exist_ok=True)
    rendered = folder / "application.json"
    rendered.write_text(json.dumps(application.translated()))
    command = [
        str(ROOT / ".tools/lint/bin/checkov"),
        "-f",
        str(rendered),
        "--framework",
        "cloudformation",
        "--compact",
        "-o",
        "json",
    ]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "BC_SKIP_MAPPING": "TRUE"}
    done = subprocess.run(
        [*command, "--skip-download"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 100
    return frozenset((item["check_id"], item["resource"]) for item in report["results"]["failed_checks"])


def excused(finding: tuple[str, str], exception: tuple[str, str]) -> bool:
    return finding[0] == exception[0] and fnmatch.fnmatchcase(finding[1], exception[1])


def test_checkov_finds_nothing_that_is_not_excused_with_a_reason() -> None:
    unexpected = {finding for finding in found() if not any(excused(finding, known) for known in EXCEPTIONS)}
    assert unexpected == set()


def test_no_exception_outlives_what_it_excuses() -> None:
    stale = {known for known in EXCEPTIONS if not any(excused(finding, known) for finding in found())}
    assert stale == set()


def test_every_exception_says_why() -> None:
    assert all(len(reason.split()) > 4 for reason in EXCEPTIONS.values())
