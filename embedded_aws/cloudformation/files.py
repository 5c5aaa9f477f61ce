"""CloudFormation's EFS file system and mount target, made with the rights of the stack's service role.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EFS.html
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import picked, request
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    Properties,
    ResourceType,
    absent_is_deleted,
    register,
    tag_changes,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS

_TAGS = "FileSystemTags"
_CREATED = (
    "AvailabilityZoneName", "Encrypted", "KmsKeyId", "PerformanceMode", "ProvisionedThroughputInMibps",
    "ThroughputMode",
)  # fmt: skip


def install() -> None:
    """Put the types in place of MiniStack's."""
    register(
        ResourceType(
            "AWS::EFS::FileSystem",
            _create,
            _delete,
            _update,
            ("AvailabilityZoneName", "Encrypted", "KmsKeyId", "PerformanceMode"),
            (_TAGS, "list"),
        ),
        ResourceType(
            "AWS::EFS::MountTarget",
            _create_target,
            _delete_target,
            _update_target,
            ("FileSystemId", "IpAddress", "SubnetId"),
        ),
    )


def _create(logical_id: str, properties: Properties, stack: str) -> Created:
    tags = [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in properties.get(_TAGS) or []]
    wanted = {"CreationToken": secrets.token_hex(16), **picked(properties, *_CREATED), "Tags": tags}
    made = client("efs").create_file_system(**request("efs", "CreateFileSystem", wanted))
    _configure(made["FileSystemId"], {}, properties)
    return made["FileSystemId"], {"Arn": made["FileSystemArn"], "FileSystemId": made["FileSystemId"]}


def _update(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    efs, throughput = client("efs"), ("ProvisionedThroughputInMibps", "ThroughputMode")
    if picked(old, *throughput) != picked(new, *throughput):
        wanted = {"FileSystemId": physical_id, **picked(new, *throughput)}
        efs.update_file_system(**request("efs", "UpdateFileSystem", wanted))
    _configure(physical_id, old, new)
    gone, tags = tag_changes(old, new, _TAGS)
    if gone:
        efs.untag_resource(ResourceId=physical_id, TagKeys=gone)
    if tags:
        efs.tag_resource(ResourceId=physical_id, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    found = efs.describe_file_systems(FileSystemId=physical_id)["FileSystems"][0]
    return physical_id, {"Arn": found["FileSystemArn"], "FileSystemId": physical_id}


def _configure(identifier: str, old: Properties, new: Properties) -> None:
    """Policies that are calls of their own."""
    efs = client("efs")
    changed: dict[str, Any] = {key: new[key] for key in new if old.get(key) != new[key]}
    if "LifecyclePolicies" in changed:
        efs.put_lifecycle_configuration(FileSystemId=identifier, LifecyclePolicies=changed["LifecyclePolicies"])
    if "BackupPolicy" in changed:
        efs.put_backup_policy(FileSystemId=identifier, BackupPolicy=changed["BackupPolicy"])
    if "FileSystemPolicy" in changed:
        efs.put_file_system_policy(FileSystemId=identifier, Policy=json.dumps(changed["FileSystemPolicy"]))


def _delete(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("FileSystemNotFound"):
        client("efs").delete_file_system(FileSystemId=physical_id)


def _create_target(logical_id: str, properties: Properties, stack: str) -> Created:
    made = client("efs").create_mount_target(**request("efs", "CreateMountTarget", properties))
    return made["MountTargetId"], {"Id": made["MountTargetId"], "IpAddress": made["IpAddress"]}


def _update_target(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    efs = client("efs")
    efs.modify_mount_target_security_groups(MountTargetId=physical_id, SecurityGroups=new["SecurityGroups"])
    found = efs.describe_mount_targets(MountTargetId=physical_id)["MountTargets"][0]
    return physical_id, {"Id": physical_id, "IpAddress": found["IpAddress"]}


def _delete_target(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("MountTargetNotFound"):
        client("efs").delete_mount_target(MountTargetId=physical_id)
