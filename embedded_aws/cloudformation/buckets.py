"""CloudFormation's bucket and bucket policy: all settings and tags, and not deleted while full.

MiniStack drops a bucket with everything in it, so clean-up would look right without doing anything; and it drops tags,
encryption and lifecycle rules
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore import xform_name

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
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *CFN_HOOKS,
    ("services.cloudformation.provisioners", "_s3_attrs"),
)

BUCKET_NAME = 63


def install() -> None:
    """Put the types in place of MiniStack's."""
    register(
        ResourceType(
            "AWS::S3::Bucket", _create_bucket, _delete_bucket, _update_bucket, ("BucketName",), ("Tags", "list")
        ),
        ResourceType("AWS::S3::BucketPolicy", _put_policy, _delete_policy, _update_policy, ("Bucket",)),
    )


def _create_bucket(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("BucketName") or made_up_name(stack, logical_id, BUCKET_NAME)
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
    """Apply what changed."""
    for key, value in new.items():
        if key not in _SETTINGS:
            raise ValueError(f"the embedded AWS does not know {key} of AWS::S3::Bucket")
        operation, member, convert = _SETTINGS[key]
        if operation and value != old.get(key):
            call = request("s3", operation, {"Bucket": name, member: convert(value)})
            getattr(client("s3"), xform_name(operation))(**call)


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


def _events(notifications: Properties) -> Properties:
    """Only what goes to EventBridge; queues, topics and functions are named differently by the API."""
    wanted = notifications.get("EventBridgeConfiguration", {})
    enabled = str(wanted.get("EventBridgeEnabled", True)).lower() == "true"
    return {"EventBridgeConfiguration": {}} if enabled and "EventBridgeConfiguration" in notifications else {}


def _as_it_is(value: Any) -> Any:
    return value


_SETTINGS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "BucketEncryption": ("PutBucketEncryption", "ServerSideEncryptionConfiguration", _encryption),
    "BucketName": ("", "", _as_it_is),
    "LifecycleConfiguration": (
        "PutBucketLifecycleConfiguration",
        "LifecycleConfiguration",
        lambda configuration: {"Rules": [_rule(rule) for rule in configuration["Rules"]]},
    ),
    "NotificationConfiguration": ("PutBucketNotificationConfiguration", "NotificationConfiguration", _events),
    "OwnershipControls": ("PutBucketOwnershipControls", "OwnershipControls", _as_it_is),
    "PublicAccessBlockConfiguration": ("PutPublicAccessBlock", "PublicAccessBlockConfiguration", _as_it_is),
    "Tags": ("PutBucketTagging", "Tagging", lambda tags: {"TagSet": tags}),
    "VersioningConfiguration": ("PutBucketVersioning", "VersioningConfiguration", _as_it_is),
}
"""The call that sets a property, its member, and how the property becomes that member's value."""
