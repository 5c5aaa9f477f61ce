"""Are single calls limited as on AWS?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from embedded_aws.limits import too_many_environments
from tests.support.embedded import Account


def _delete(account: Account, count: int) -> Any:
    account.client("s3").create_bucket(Bucket=f"b-{account.id}")
    keys = [{"Key": f"k{number}"} for number in range(count)]
    return account.client("s3").delete_objects(Bucket=f"b-{account.id}", Delete={"Objects": keys})


def test_a_thousand_keys_are_deleted_in_one_call(account: Account) -> None:
    assert len(_delete(account, 1000)["Deleted"]) == 1000


def test_a_thousand_and_one_keys_are_malformed(account: Account) -> None:
    with pytest.raises(ClientError, match="MalformedXML"):
        _delete(account, 1001)


@pytest.mark.parametrize(("count", "refused"), [(100, False), (101, True)])
def test_at_most_a_hundred_image_ids_are_taken(account: Account, count: int, refused: bool) -> None:
    account.client("ecr").create_repository(repositoryName="images")
    ids = [{"imageTag": f"t{number}"} for number in range(count)]

    try:
        account.client("ecr").batch_delete_image(repositoryName="images", imageIds=ids)
        code = ""
    except ClientError as error:
        code = error.response["Error"]["Code"]

    assert code == ("InvalidParameterException" if refused else "")


@pytest.mark.parametrize(("count", "refused"), [(3, False), (4, True)])
def test_a_queue_has_at_most_three_environments(count: int, refused: bool) -> None:
    order = [{"order": number, "computeEnvironment": f"e{number}"} for number in range(count)]

    assert bool(too_many_environments({"computeEnvironmentOrder": order})) is refused


def test_the_api_refuses_a_fourth_environment(account: Account) -> None:
    order = [{"order": number, "computeEnvironment": f"e{number}"} for number in range(4)]

    with pytest.raises(ClientError, match="at most 3 compute environments"):
        account.client("batch").create_job_queue(jobQueueName="q", priority=1, computeEnvironmentOrder=order)


def test_a_member_of_a_manifest_list_is_deleted_after_the_list(account: Account) -> None:
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="images")
    member = ecr.put_image(repositoryName="images", imageManifest='{"schemaVersion": 2}')["image"]["imageId"]
    text = json.dumps({"schemaVersion": 2, "manifests": [{"digest": member["imageDigest"]}]})
    whole = ecr.put_image(repositoryName="images", imageManifest=text, imageTag="v1")["image"]["imageId"]

    first = ecr.batch_delete_image(repositoryName="images", imageIds=[member, whole])
    second = ecr.batch_delete_image(repositoryName="images", imageIds=[member])

    assert [failure["failureCode"] for failure in first["failures"]] == ["ImageReferencedByManifestList"]
    assert [deleted["imageTag"] for deleted in first["imageIds"]] == ["v1"]
    assert second["failures"] == []


def test_named_roles_need_their_capability(account: Account) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "named", "AssumeRolePolicyDocument": {}}}
    template = json.dumps({"Resources": {"Role": role}})

    with pytest.raises(ClientError, match="InsufficientCapabilitiesException"):
        account.client("cloudformation").create_stack(
            StackName="s", TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
        )
