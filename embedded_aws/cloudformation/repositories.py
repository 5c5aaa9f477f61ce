"""CloudFormation's repository: all settings and tags, and not deleted while it holds images, unless told to empty it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
"""

from __future__ import annotations

import json

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import request
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    Properties,
    ResourceType,
    absent_is_deleted,
    made_up_name,
    register,
    tag_changes,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS

REPOSITORY_NAME = 256


def install() -> None:
    """Put the type in place of MiniStack's."""
    register(
        ResourceType(
            "AWS::ECR::Repository",
            _create,
            _delete,
            _update,
            ("EncryptionConfiguration", "RepositoryName"),
            ("Tags", "list"),
        )
    )


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("RepositoryName") or made_up_name(stack, logical_id, REPOSITORY_NAME)
    wanted = {"RepositoryName": name, **_repository(properties)}
    made = client("ecr").create_repository(**request("ecr", "CreateRepository", wanted))["repository"]
    _repository_policies(name, properties)
    return name, {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]}


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    ecr, wanted = client("ecr"), _repository(new)
    found = ecr.describe_repositories(repositoryNames=[physical_id])["repositories"][0]
    ecr.put_image_tag_mutability(
        repositoryName=physical_id, imageTagMutability=wanted.get("ImageTagMutability", "MUTABLE")
    )
    scanning = request("ecr", "PutImageScanningConfiguration", {
        "RepositoryName": physical_id,
        "ImageScanningConfiguration": wanted.get("ImageScanningConfiguration", {"ScanOnPush": False}),
    })  # fmt: skip
    ecr.put_image_scanning_configuration(**scanning)
    gone, tags = tag_changes(old, new)
    if gone:
        ecr.untag_resource(resourceArn=found["repositoryArn"], tagKeys=gone)
    if tags:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        ecr.tag_resource(resourceArn=found["repositoryArn"], tags=pairs)
    _repository_policies(physical_id, new)
    return physical_id, {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]}


def _delete(physical_id: str, properties: Properties) -> None:
    emptied = str(properties.get("EmptyOnDelete", False)).lower() == "true"
    with absent_is_deleted("RepositoryNotFoundException"):
        client("ecr").delete_repository(repositoryName=physical_id, force=emptied)


def _repository(properties: Properties) -> Properties:
    names = ("EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability", "Tags")
    return {name: properties[name] for name in names if properties.get(name)}


def _repository_policies(name: str, properties: Properties) -> None:
    ecr = client("ecr")
    if text := (properties.get("LifecyclePolicy") or {}).get("LifecyclePolicyText"):
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)
    if policy := properties.get("RepositoryPolicyText"):
        text = policy if isinstance(policy, str) else json.dumps(policy)
        ecr.set_repository_policy(repositoryName=name, policyText=text)
