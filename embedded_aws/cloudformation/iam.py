"""CloudFormation's IAM role and instance profile.

MiniStack's role has no permissions boundary, so nothing would show that ours are bounded, and the Ref of its instance
profile is an ARN where AWS's is the name
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_IAM.html). Both are made through IAM's API,
with the stack's service role, whose rights decide here as they do on AWS.
"""

from __future__ import annotations

import json
from typing import Any

from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import picked
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    Properties,
    ResourceType,
    absent_is_deleted,
    physical_name,
    register,
    tag_changes,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = CFN_HOOKS

ABSENT = "NoSuchEntity"


def install() -> None:
    """Put the types in place of MiniStack's."""
    register(
        ResourceType(
            "AWS::IAM::Role", _create_role, _delete_role, _update_role, ("Path", "RoleName"), tags=("Tags", "list")
        ),
        ResourceType(
            "AWS::IAM::InstanceProfile",
            _create_profile,
            _delete_profile,
            _update_profile,
            ("InstanceProfileName", "Path"),
            tags=("Tags", "list"),
        ),
    )


def _create_role(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("RoleName") or physical_name(stack, logical_id, 64)
    tags = [{"Key": tag["Key"], "Value": str(tag["Value"])} for tag in properties.get("Tags") or []]
    made = client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=_document(properties["AssumeRolePolicyDocument"]),
        MaxSessionDuration=int(properties.get("MaxSessionDuration", 3600)),
        Tags=tags,
        **picked(properties, "Description", "Path", "PermissionsBoundary"),
    )["Role"]
    _policies(name, {}, properties)
    return name, {"Arn": made["Arn"], "RoleId": made["RoleId"]}


def _update_role(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    iam = client("iam")
    if old.get("AssumeRolePolicyDocument") != new["AssumeRolePolicyDocument"]:
        document = _document(new["AssumeRolePolicyDocument"])
        iam.update_assume_role_policy(RoleName=physical_id, PolicyDocument=document)
    described = ("Description", "MaxSessionDuration")
    if picked(old, *described) != picked(new, *described):
        duration = int(new.get("MaxSessionDuration", 3600))
        iam.update_role(RoleName=physical_id, Description=new.get("Description", ""), MaxSessionDuration=duration)
    if (boundary := new.get("PermissionsBoundary")) != old.get("PermissionsBoundary"):
        if boundary:
            iam.put_role_permissions_boundary(RoleName=physical_id, PermissionsBoundary=boundary)
        else:
            iam.delete_role_permissions_boundary(RoleName=physical_id)
    _policies(physical_id, old, new)
    _retag(physical_id, old, new)
    role = iam.get_role(RoleName=physical_id)["Role"]
    return physical_id, {"Arn": role["Arn"], "RoleId": role["RoleId"]}


def _delete_role(physical_id: str, properties: Properties) -> None:
    iam = client("iam")
    with absent_is_deleted(ABSENT):
        _policies(physical_id, properties, {})
        iam.delete_role(RoleName=physical_id)


def _policies(role: str, old: Properties, new: Properties) -> None:
    """Give a role the policies of the new properties, and take those of the old ones that are not among them."""
    iam = client("iam")
    before, after = set(old.get("ManagedPolicyArns") or []), set(new.get("ManagedPolicyArns") or [])
    for arn in sorted(before - after):
        with absent_is_deleted(ABSENT):
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in sorted(after - before):
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    inline = {policy["PolicyName"]: _document(policy["PolicyDocument"]) for policy in new.get("Policies") or []}
    for policy in old.get("Policies") or []:
        if policy["PolicyName"] not in inline:
            with absent_is_deleted(ABSENT):
                iam.delete_role_policy(RoleName=role, PolicyName=policy["PolicyName"])
    for name, document in inline.items():
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)


def _retag(role: str, old: Properties, new: Properties) -> None:
    gone, tags = tag_changes(old, new)
    if gone:
        client("iam").untag_role(RoleName=role, TagKeys=gone)
    if tags:
        client("iam").tag_role(RoleName=role, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def _create_profile(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("InstanceProfileName") or physical_name(stack, logical_id, 128)
    made = client("iam").create_instance_profile(InstanceProfileName=name, **picked(properties, "Path", "Tags"))
    _roles(name, {}, properties)
    return name, {"Arn": made["InstanceProfile"]["Arn"]}


def _update_profile(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    _roles(physical_id, old, new)
    profile = client("iam").get_instance_profile(InstanceProfileName=physical_id)["InstanceProfile"]
    return physical_id, {"Arn": profile["Arn"]}


def _delete_profile(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted(ABSENT):
        _roles(physical_id, properties, {})
        client("iam").delete_instance_profile(InstanceProfileName=physical_id)


def _roles(profile: str, old: Properties, new: Properties) -> None:
    before, after = set(old.get("Roles") or []), set(new.get("Roles") or [])
    for role in sorted(before - after):
        client("iam").remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    for role in sorted(after - before):
        client("iam").add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)


def _document(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)
