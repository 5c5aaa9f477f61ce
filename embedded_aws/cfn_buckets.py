"""CloudFormation's bucket, bucket policy and repository: all settings and tags, and not deleted while full.

MiniStack drops a bucket with everything in it, so clean-up would look right without doing anything; and it drops tags,
encryption and lifecycle rules
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html).
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from embedded_aws.cfn import HOOKS as CFN_HOOKS
from embedded_aws.cfn import Created, Properties, ResourceType, absent_is_deleted, register, request, tag_changes
from embedded_aws.cfn_operations import client
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *CFN_HOOKS,
    ("services.cloudformation.provisioners", "_s3_attrs"),
    ("services.cloudformation.provisioners", "_s3_apply_configurations"),
    ("services.cloudformation.provisioners", "_s3_apply_notification"),
)

BUCKET_NAME = 63
REPOSITORY_NAME = 256


def install() -> None:
    """Put the types in place of MiniStack's."""
    register(
        ResourceType(
            "AWS::S3::Bucket", _create_bucket, _delete_bucket, _update_bucket, ("BucketName",), ("Tags", "list")
        ),
        ResourceType("AWS::S3::BucketPolicy", _put_policy, _delete_policy, _update_policy, ("Bucket",)),
        ResourceType(
            "AWS::ECR::Repository",
            _create_repository,
            _delete_repository,
            _update_repository,
            ("EncryptionConfiguration", "RepositoryName"),
            ("Tags", "list"),
        ),
    )


def _create_bucket(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("BucketName") or _made_up(stack, logical_id, BUCKET_NAME)
    client("s3").create_bucket(Bucket=name)
    _configure_bucket(name, {}, properties)
    return name, _bucket_attributes(name)


def _update_bucket(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    _configure_bucket(physical_id, old, new)
    return physical_id, _bucket_attributes(physical_id)


def _delete_bucket(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("NoSuchBucket"):
        client("s3").delete_bucket(Bucket=physical_id)


def _bucket_attributes(name: str) -> dict[str, Any]:
    from ministack.services.cloudformation import provisioners

    attributes: dict[str, Any] = provisioners._s3_attrs(name)
    return attributes


def _configure_bucket(name: str, old: Properties, new: Properties) -> None:
    """Apply what changed; what MiniStack's own handler does through its API stays its own."""
    from ministack.services.cloudformation import provisioners

    s3 = client("s3")
    changed = {key: new[key] for key in new if old.get(key) != new[key]}
    provisioners._s3_apply_configurations(name, new, old)
    if "NotificationConfiguration" in changed:
        provisioners._s3_apply_notification(name, new["NotificationConfiguration"])
    if "VersioningConfiguration" in changed:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=changed["VersioningConfiguration"])
    if "BucketEncryption" in changed:
        s3.put_bucket_encryption(
            Bucket=name, ServerSideEncryptionConfiguration=_encryption(changed["BucketEncryption"])
        )
    if "LifecycleConfiguration" in changed:
        rules = [_rule(rule) for rule in changed["LifecycleConfiguration"]["Rules"]]
        wanted = {"LifecycleConfiguration": {"Rules": rules}, "Bucket": name}
        s3.put_bucket_lifecycle_configuration(**request("s3", "PutBucketLifecycleConfiguration", wanted))
    if "OwnershipControls" in changed:
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=changed["OwnershipControls"])
    if changed.get("Tags"):
        tags = [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in changed["Tags"]]
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})


def _encryption(encryption: Properties) -> Properties:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
            **({"BucketKeyEnabled": rule["BucketKeyEnabled"]} if "BucketKeyEnabled" in rule else {}),
        }
        for rule in encryption["ServerSideEncryptionConfiguration"]
    ]
    return {"Rules": rules}


def _rule(rule: Properties) -> Properties:
    """A lifecycle rule as the API has it: CloudFormation flattens parts of it."""
    flat = {key: value for key, value in rule.items() if key in ("Status", "AbortIncompleteMultipartUpload")}
    converted: Properties = {**flat, "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        converted["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        converted["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "NoncurrentVersionExpirationInDays" in rule:
        converted["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    if "NoncurrentVersionExpiration" in rule:
        converted["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    return converted


def _put_policy(logical_id: str, properties: Properties, stack: str) -> Created:
    document = properties["PolicyDocument"]
    text = document if isinstance(document, str) else json.dumps(document)
    client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=text)
    return properties["Bucket"], {}


def _update_policy(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    return _put_policy("", new, stack)


def _delete_policy(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("NoSuchBucket", "NoSuchBucketPolicy"):
        client("s3").delete_bucket_policy(Bucket=physical_id)


def _create_repository(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("RepositoryName") or _made_up(stack, logical_id, REPOSITORY_NAME)
    wanted = {"RepositoryName": name, **_repository(properties)}
    made = client("ecr").create_repository(**request("ecr", "CreateRepository", wanted))["repository"]
    _repository_policies(name, properties)
    return name, {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]}


def _update_repository(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
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


def _delete_repository(physical_id: str, properties: Properties) -> None:
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


def _made_up(stack: str, logical_id: str, length: int) -> str:
    ending = f"-{secrets.token_hex(6)}"
    return f"{stack}-{logical_id}".lower()[: length - len(ending)] + ending
