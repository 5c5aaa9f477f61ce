"""CloudFormation's security group and launch template, made with the rights of the stack's service role.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-launchtemplate.html. A launch
template has no `Tags` property; its stack's tags come to it all the same.
"""

from __future__ import annotations

from typing import Any

from embedded_aws.cloudformation.network import permission
from embedded_aws.cloudformation.operations import client
from embedded_aws.cloudformation.request import request
from embedded_aws.cloudformation.types import HOOKS as CFN_HOOKS
from embedded_aws.cloudformation.types import (
    Created,
    Properties,
    ResourceType,
    absent_is_deleted,
    physical_name,
    register,
    retag,
    stack_tags,
    tag_specifications,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (*CFN_HOOKS, ("services.ec2", "_launch_templates"))

_DIRECTIONS = {"SecurityGroupIngress": "ingress", "SecurityGroupEgress": "egress"}
_UNSAID: dict[str, list[Properties]] = {
    "SecurityGroupIngress": [],
    "SecurityGroupEgress": [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}],
}
"""The rules that a group has where its template says none."""


def install() -> None:
    """Put the types in place of MiniStack's."""
    register(
        ResourceType(
            "AWS::EC2::SecurityGroup",
            _create_group,
            _delete_group,
            _update_group,
            ("GroupDescription", "GroupName", "VpcId"),
            ("Tags", "list"),
        ),
        ResourceType(
            "AWS::EC2::LaunchTemplate", _create_template, _delete_template, _update_template, ("LaunchTemplateName",)
        ),
    )


def _create_group(logical_id: str, properties: Properties, stack: str) -> Created:
    wanted = {
        "GroupName": properties.get("GroupName") or physical_name(stack, logical_id, 255),
        "Description": properties["GroupDescription"],
        **({"VpcId": properties["VpcId"]} if properties.get("VpcId") else {}),
    }
    tags = tag_specifications("security-group", properties)
    identifier = client("ec2").create_security_group(**wanted, TagSpecifications=tags)["GroupId"]
    _rules(identifier, {}, properties)
    return identifier, _group_attributes(identifier)


def _update_group(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    _rules(physical_id, old, new)
    retag(physical_id, old, new)
    return physical_id, _group_attributes(physical_id)


def _rules(group: str, old: Properties, new: Properties) -> None:
    """Take the rules that are no longer there, add the new ones."""
    ec2 = client("ec2")
    for name, direction in _DIRECTIONS.items():
        before, after = ([permission(rule) for rule in side.get(name) or _UNSAID[name]] for side in (old, new))
        if gone := [rule for rule in before if rule not in after]:
            getattr(ec2, f"revoke_security_group_{direction}")(GroupId=group, IpPermissions=gone)
        if added := [rule for rule in after if rule not in before]:
            getattr(ec2, f"authorize_security_group_{direction}")(GroupId=group, IpPermissions=added)


def _group_attributes(identifier: str) -> dict[str, Any]:
    group = client("ec2").describe_security_groups(GroupIds=[identifier])["SecurityGroups"][0]
    return {"Id": identifier, "GroupId": identifier, "VpcId": group["VpcId"]}


def _delete_group(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("InvalidGroup.NotFound"):
        client("ec2").delete_security_group(GroupId=physical_id)


def _create_template(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("LaunchTemplateName") or physical_name(stack, logical_id, 128)
    wanted = {"LaunchTemplateName": name, "LaunchTemplateData": properties["LaunchTemplateData"]}
    own = [
        tag
        for specification in properties.get("TagSpecifications") or []
        if specification["ResourceType"] == "launch-template"
        for tag in specification["Tags"]
    ]
    tags = {**stack_tags(stack, logical_id), **{tag["Key"]: tag["Value"] for tag in own}}
    specified = {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    made = client("ec2").create_launch_template(
        **request("ec2", "CreateLaunchTemplate", wanted),
        TagSpecifications=tag_specifications("launch-template", specified),
    )["LaunchTemplate"]
    _keep_data(made["LaunchTemplateId"], properties)
    return made["LaunchTemplateId"], _template_attributes(made["LaunchTemplateId"])


def _update_template(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    """Add a version; the default stays."""
    if old.get("LaunchTemplateData") != new["LaunchTemplateData"]:
        wanted = {"LaunchTemplateId": physical_id, "LaunchTemplateData": new["LaunchTemplateData"]}
        client("ec2").create_launch_template_version(**request("ec2", "CreateLaunchTemplateVersion", wanted))
        _keep_data(physical_id, new)
    return physical_id, _template_attributes(physical_id)


def _keep_data(identifier: str, properties: Properties) -> None:
    """MiniStack's API drops parts of a template's data (metadata options, tags); the template's own is all there."""
    from ministack.services import ec2

    ec2._launch_templates[identifier]["Versions"][-1]["LaunchTemplateData"] = properties["LaunchTemplateData"]


def _template_attributes(identifier: str) -> dict[str, Any]:
    found = client("ec2").describe_launch_templates(LaunchTemplateIds=[identifier])["LaunchTemplates"][0]
    return {
        "LaunchTemplateId": identifier,
        "DefaultVersionNumber": str(found["DefaultVersionNumber"]),
        "LatestVersionNumber": str(found["LatestVersionNumber"]),
    }


def _delete_template(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.NotFoundException"):
        client("ec2").delete_launch_template(LaunchTemplateId=physical_id)
