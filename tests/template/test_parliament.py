"""What parliament finds in every policy of the control plane and of the clusters: nothing but the exceptions below."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator
from typing import Any

from shoal.cluster.blueprint import blueprint
from tests.support import application, clusters
from tests.support.application import ROOT
from tests.support.intrinsics import Filled

EXCEPTIONS = {
    ("RESOURCE_STAR", ""): "parliament repeats every star; each has its reason beside it in the template",
    ("RESOURCE_MISMATCH", "express"): "executions of Express machines have another form; ours are Standard",
    ("RESOURCE_MISMATCH", "ssm:GetParameters"): "public parameters belong to no account, so their ARNs name none",
    (
        "RESOURCE_MISMATCH",
        "access-grant",
    ): "s3:Get* is what ParallelCluster grants with S3Access; grants are not objects",
    ("MISMATCHED_TYPE_BUT_USABLE", "StringEquals"): "AWS documents iam:PermissionsBoundary with StringEquals",
    (
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION",
        "PutBucketPolicy",
    ): "CloudFormation puts the policy that refuses plain HTTP",
    ("RESOURCE_POLICY_PRIVILEGE_ESCALATION", "PutLifecycleConfiguration"): "CloudFormation sets the bucket's lifecycle",
}
"""Issue, a word of its details, and why it is not mended."""
RUN = """
import json, sys, warnings
warnings.simplefilter("ignore")
from parliament import analyze_policy_string
for line in sys.stdin:
    name, document = json.loads(line)
    for finding in analyze_policy_string(json.dumps(document), ignore_private_auditors=True).findings:
        print(json.dumps([name, finding.issue, str(finding.detail), str(finding.location)[:300]]))
"""


def policies(template: dict[str, Any], title: str) -> Iterator[tuple[str, Any]]:
    filled = Filled(template)
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            yield f"{title} {logical_id}", filled.fill(properties["PolicyDocument"])
        for policy in properties.get("Policies", []) if resource["Type"] == "AWS::IAM::Role" else []:
            yield f"{title} {logical_id}", filled.fill(policy["PolicyDocument"])


def every_policy() -> Iterator[tuple[str, Any]]:
    yield from policies(application.translated(), "application")
    for index, cluster in enumerate(clusters.examples()):
        yield from policies(blueprint(cluster, clusters.site_for(cluster)).template, f"example {index}")


@functools.cache
def findings() -> tuple[tuple[str, str, str, str], ...]:
    lines = "\n".join(json.dumps(item) for item in every_policy())
    python = ROOT / ".tools/lint/bin/python"
    done = subprocess.run([python, "-W", "ignore", "-c", RUN], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(tuple(json.loads(line)) for line in done.stdout.splitlines())


def test_there_are_policies_to_read() -> None:
    assert len(list(every_policy())) > 20


def excused(finding: tuple[str, str, str, str], exception: tuple[str, str]) -> bool:
    return finding[1] == exception[0] and exception[1] in finding[2]


def test_parliament_finds_nothing_that_is_not_excused_with_a_reason() -> None:
    assert [finding for finding in findings() if not any(excused(finding, known) for known in EXCEPTIONS)] == []


def test_no_exception_outlives_what_it_excuses() -> None:
    assert [known for known in EXCEPTIONS if not any(excused(finding, known) for finding in findings())] == []
