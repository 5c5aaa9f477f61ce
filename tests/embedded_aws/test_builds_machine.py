"""Does the machine `build_image` follow real builds? Its functions are stand-ins that say what the real ones would."""

from __future__ import annotations

import json
import re
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.process import REGION
from shoal.image.content import context_zip, read_context
from shoal.image.job_image import Recipe
from shoal.image.order import BuildOrder, build_input
from tests.support.embedded import ALLOW_ALL, Account

DEFINITION = Path(__file__).parents[2] / "statemachines" / "build_image.asl.json"
RECIPE = Recipe(base_image="debian", architecture="x86_64")
JUDGE = """
def handler(event, context):
    error = (event['failure'] or {}).get('error', '')
    verdict = 'wait' if 'AccountLimit' in error else 'failed' if error else 'built'
    return {'verdict': verdict, 'awaited': 'CodeBuild had no room' if verdict == 'wait' else ''}
"""
RETIRE = "def handler(event, context):\n    return {'retired': {'deleted': 0, 'refused': 0}}\n"
EXPLAIN = """
def handler(event, context):
    return {'code': 'BuildFailed', 'cause': event['failure']['cause']}
"""


@pytest.fixture
def order(account: Account) -> BuildOrder:
    """A cluster's bucket with a staged context, its repository and its project."""
    order = BuildOrder(
        bucket_name=f"cluster-{account.id}",
        context_key="build/context.zip",
        repository_name="shoal/genomics",
        project_name="shoal-genomics-build",
        cache_image=f"{account.id}.dkr.ecr.{REGION}.amazonaws.com/shoal/genomics/cache:amd64-main",
        image_tag=RECIPE.tag,
        base_image=RECIPE.base_image,
        environment_type="LINUX_CONTAINER",
        environment_image="aws/codebuild/amazonlinux-x86_64-standard:5.0",
        compute_type="BUILD_GENERAL1_SMALL",
        timeout_minutes=60,
        dockerfile=RECIPE.dockerfile,
        platform=RECIPE.platform,
        queues=("main",),
    )
    account.client("s3").create_bucket(Bucket=order.bucket_name)
    account.client("s3").put_object(Bucket=order.bucket_name, Key=order.context_key, Body=context_zip(read_context()))
    account.client("ecr").create_repository(repositoryName=order.repository_name, imageTagMutability="IMMUTABLE")
    uri = f"{account.id}.dkr.ecr.{REGION}.amazonaws.com/{order.repository_name}"
    account.client("codebuild").create_project(
        name=order.project_name,
        source={"type": "S3", "location": f"{order.bucket_name}/other.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": order.environment_type,
            "image": order.environment_image,
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [{"name": "REPOSITORY_URI", "value": uri}],
        },
        serviceRole=account.role("build", ALLOW_ALL),
    )
    return order


def _run(account: Account, order: BuildOrder, minutes: int = 60) -> dict[str, Any]:
    """Run the machine as `create` does."""
    deadline = datetime.now(UTC) + timedelta(minutes=minutes)
    build = build_input(order, datetime.now(UTC), deadline)
    staged = json.dumps({"present": False, "image": order.to_state(), "build": build})
    there = json.dumps({"present": True, "answer": {"summary": "built", "built": [order.image_tag]}})
    stage = f"""
import json
def handler(event, context):
    return json.loads({there!r} if event['built'] else {staged!r})
"""
    sources = {"StageImage": stage, "JudgeImage": JUDGE, "RetireImages": RETIRE, "ExplainFailure": EXPLAIN}
    arns = {f"{name}FunctionArn": account.function(name, source) for name, source in sources.items()}
    text = DEFINITION.read_text()
    for name, value in {"Partition": "aws", **arns}.items():
        text = text.replace(f"${{{name}}}", value)
    event = {"operationId": "op-1", "operation": "create", "clusterName": "genomics", "images": []}
    machine = account.machine("build-image", json.loads(text))
    return account.wait(account.start(machine, event | {"deadline": f"{deadline:%Y-%m-%dT%H:%M:%SZ}"}), 90)


def _plant(account: Account, **rule: Any) -> None:
    """Let a call of the machine fail."""
    rules = {"rules": [{"service": "codebuild", "action": "startBuild", "account": account.id, **rule}]}
    request = urllib.request.Request(
        f"{account.server.url}/_shoal/faults", data=json.dumps(rules).encode(), method="POST"
    )
    urllib.request.urlopen(request).close()


def test_a_build_that_ends_well_leaves_its_image_and_is_judged(account: Account, order: BuildOrder) -> None:
    done = _run(account, order)

    assert done["status"] == "SUCCEEDED", done
    assert done["output"] == {"summary": "built", "built": [RECIPE.tag], "retired": {"deleted": 0, "refused": 0}}
    images = account.client("ecr").list_images(repositoryName=order.repository_name)["imageIds"]
    assert [image["imageTag"] for image in images] == [RECIPE.tag]


def test_a_failed_build_is_explained_by_its_own_record(account: Account, order: BuildOrder) -> None:
    account.client("ecr").delete_repository(repositoryName=order.repository_name)

    done = _run(account, order)

    assert (done["status"], done["error"]) == ("FAILED", "BuildFailed")
    assert re.search(r":build/shoal-genomics-build:[0-9a-f-]{36}", done["cause"])


def test_an_account_without_room_for_a_build_waits_for_it(account: Account, order: BuildOrder) -> None:
    _plant(account, error="AccountLimitExceededException", times=2)

    done = _run(account, order)

    assert done["status"] == "SUCCEEDED", done


def test_an_account_without_room_at_the_deadline_says_so(account: Account, order: BuildOrder) -> None:
    _plant(account, error="AccountLimitExceededException", times=1)

    done = _run(account, order, minutes=-1)

    assert done["status"] == "FAILED"
    assert "CodeBuild had no room" in done["cause"]
