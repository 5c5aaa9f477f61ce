"""Is a change set joined with the configurations it comes from, and is a refusal told by its key?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.stub import Stubber

from functions.read_change_set.app import handler
from shoal.aws import s3, session
from shoal.cluster.batch import environment_id
from shoal.cluster.configuration import load
from shoal.errors import ErrorCode, OperationError
from tests.functions.conftest import ENVIRONMENT
from tests.support.clusters import configuration, queue, site

STACK = "shoal-cluster-genomics"
OLD = configuration()
NEW = configuration(Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main", CapacityType="SPOT")]})
MAIN = load(NEW).scheduling.aws_batch_queues[0]
ENVIRONMENT_ID = environment_id(MAIN, MAIN.compute_resources[0])


def stored(name: str, sections: dict[str, Any]) -> dict[str, Any]:
    bucket = ENVIRONMENT["BUCKET_NAME"]
    return {
        "configuration": s3.put_text(bucket, f"configurations/{name}.yaml", json.dumps(sections)),
        "site": s3.put_text(bucket, f"sites/{name}.json", site().model_dump_json()),
    }


IMAGE = {"tag": "0a1b", "queues": ["main"], "effect": "kept"}


def event(**fields: Any) -> dict[str, Any]:
    after = stored("new", NEW) | {"kind": "awsbatch", "templateVersion": 1}
    return {
        "operationId": "op-2",
        "operation": "update",
        "clusterName": "genomics",
        "dryrun": False,
        "stackName": STACK,
        "changeSetName": "op-2",
        "plan": {"before": stored("old", OLD), "after": after, "images": [IMAGE]},
    } | fields


def change(replacement: str = "False", logical_id: str = ENVIRONMENT_ID) -> dict[str, Any]:
    target = {"Attribute": "Properties", "Name": "ComputeResources", "RequiresRecreation": "Never"}
    if replacement == "True":
        target["RequiresRecreation"] = "Always"
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": logical_id,
            "ResourceType": "AWS::Batch::ComputeEnvironment",
            "Replacement": replacement,
            "Details": [{"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}],
        },
    }


@pytest.fixture
def cloudformation() -> Iterator[Stubber]:
    with Stubber(session.client("cloudformation")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def has(stubber: Stubber, *pages: list[dict[str, Any]], status: str = "CREATE_COMPLETE", reason: str = "") -> None:
    asked = {"StackName": STACK, "ChangeSetName": "op-2", "IncludePropertyValues": True}
    for number, changes in enumerate(pages, start=1):
        more = {"NextToken": str(number)} if number < len(pages) else {}
        answer = {"Status": status, "StatusReason": reason, "Changes": changes} | more
        token = {"NextToken": str(number - 1)} if number > 1 else {}
        stubber.add_response("describe_change_set", answer, asked | token)


def test_an_update_that_nothing_speaks_against_is_applied(cloudformation: Stubber, context: LambdaContext) -> None:
    has(cloudformation, [change()])
    answer = handler(event(), context)
    assert (answer["verdict"], answer["refusal"]) == ("apply", "")
    assert answer["answer"]["summary"] == "Update changed 1 resource of cluster genomics."
    assert answer["answer"]["cluster"]["kind"] == "awsbatch"
    assert answer["answer"]["images"] == [IMAGE]
    assert [item["parameter"] for item in answer["answer"]["changeSet"]] == [
        "Scheduling.AwsBatchQueues[main].CapacityType"
    ]


def test_a_replacement_of_what_holds_jobs_is_refused_by_its_key(
    cloudformation: Stubber, context: LambdaContext
) -> None:
    has(cloudformation, [change("True")])
    answer = handler(event(), context)
    assert answer["verdict"] == "refused"
    assert answer["refusal"].startswith("Scheduling.AwsBatchQueues[main].CapacityType would replace the environment")


def test_every_page_of_the_changes_is_read(cloudformation: Stubber, context: LambdaContext) -> None:
    has(cloudformation, [change()], [change("True", "Other")])
    assert handler(event(), context)["verdict"] == "refused"


@pytest.mark.parametrize("fields", [{"dryrun": True}, {"operation": "plan"}])
def test_a_plan_tells_what_would_be_refused_and_registers_nothing(
    fields: dict[str, Any], cloudformation: Stubber, context: LambdaContext
) -> None:
    has(cloudformation, [change("True")])
    answer = handler(event(**fields), context)
    assert answer["verdict"] == "planned"
    assert len(answer["answer"]["refused"]) == 1
    assert answer["answer"]["resources"][0]["replaced"]
    assert "cluster" not in answer["answer"]


def test_a_change_set_without_changes_changes_nothing(cloudformation: Stubber, context: LambdaContext) -> None:
    has(cloudformation, [], status="FAILED", reason="The submitted information didn't contain changes. Submit ...")
    answer = handler(event(), context)
    assert answer["verdict"] == "nothing"
    assert answer["answer"]["summary"] == "Nothing changes in the stack of cluster genomics."


def test_a_change_set_that_failed_otherwise_fails_with_its_reason(
    cloudformation: Stubber, context: LambdaContext
) -> None:
    has(cloudformation, [], status="FAILED", reason="Template error: no such attribute")
    with pytest.raises(OperationError, match="no such attribute") as raised:
        handler(event(), context)
    assert raised.value.code is ErrorCode.STACK_FAILED


def test_a_change_set_that_is_gone_fails(cloudformation: Stubber, context: LambdaContext) -> None:
    cloudformation.add_client_error("describe_change_set", "ChangeSetNotFound", "ChangeSet [op-2] does not exist")
    with pytest.raises(OperationError, match="the change set is gone"):
        handler(event(), context)


def test_a_plan_with_many_changes_lies_in_the_bucket(cloudformation: Stubber, context: LambdaContext) -> None:
    has(cloudformation, [change(logical_id=f"Environment{number:04}") for number in range(100)])
    answer = handler(event(), context)["answer"]
    bucket, key = answer["planUri"].removeprefix("s3://").split("/", 1)
    assert len(json.loads(s3.read_text(bucket, key))["resources"]) == 100
    assert len(json.dumps(answer)) < 8 * 1024
