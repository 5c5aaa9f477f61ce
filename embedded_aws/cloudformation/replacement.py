"""Which change of a property replaces a resource: what change sets report, and what an update then does.

From `createOnlyProperties` and `conditionalCreateOnlyProperties` of AWS's resource schemas, which also name nested
properties (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html); MiniStack knows
whole properties only, and calls every change of a type that it does not list "Conditional". The types that are added
here name their own in their modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation.provisioners", "_REPLACING_PROPERTIES"),
    ("services.cloudformation.provisioners", "_CONDITIONALLY_REPLACING_PROPERTIES"),
    ("services.cloudformation.provisioners", "_replacing_change"),
    ("services.cloudformation.stacks", "_replacing_change"),
    ("services.cloudformation.stacks", "_diff_resources"),
    ("services.cloudformation.changesets", "_diff_resources"),
    ("services.cloudformation.stacks", "_property_recreation"),
)

REPLACING: dict[str, tuple[str, ...]] = {
    "AWS::AutoScaling::AutoScalingGroup": ("AutoScalingGroupName", "InstanceId"),
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::CloudWatch::Dashboard": ("DashboardName",),
    "AWS::CodeBuild::Project": ("Name",),
    "AWS::EC2::LaunchTemplate": ("LaunchTemplateName",),
    "AWS::EC2::SecurityGroup": ("GroupDescription", "GroupName", "VpcId"),
    "AWS::Events::EventBus": ("Name",),
    "AWS::Events::Rule": ("Name",),
    "AWS::IAM::Policy": (),
    "AWS::KMS::Alias": ("AliasName",),
    "AWS::KMS::Key": (),
    "AWS::Lambda::Alias": ("Name", "FunctionName"),
    "AWS::Lambda::EventInvokeConfig": ("FunctionName", "Qualifier"),
    "AWS::Lambda::EventSourceMapping": ("EventSourceArn", "SelfManagedEventSource", "StartingPosition"),
    "AWS::Lambda::Permission": (
        "Action",
        "EventSourceToken",
        "FunctionName",
        "Principal",
        "SourceAccount",
        "SourceArn",
    ),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::S3::BucketPolicy": ("Bucket",),
    "AWS::SNS::Subscription": ("Endpoint", "Protocol", "TopicArn"),
    "AWS::SNS::TopicPolicy": (),
    "AWS::SQS::QueuePolicy": (),
    "AWS::Scheduler::Schedule": ("Name",),
    "AWS::SecretsManager::Secret": ("Name",),
}

CONDITIONALLY: dict[str, tuple[str, ...]] = {
    "AWS::AutoScaling::AutoScalingGroup": ("LaunchTemplate", "MixedInstancesPolicy", "VPCZoneIdentifier"),
    "AWS::EC2::Instance": (
        "AdditionalInfo", "Affinity", "BlockDeviceMappings", "EbsOptimized", "HostId", "InstanceType",
        "PrivateDnsNameOptions", "SecurityGroupIds", "Tenancy", "UserData",
    ),
    "AWS::EC2::NetworkInterface": ("PrivateIpAddresses",),
    "AWS::Events::Rule": ("EventBusName",),
}  # fmt: skip

ENVIRONMENT = "AWS::Batch::ComputeEnvironment"

INFRASTRUCTURE = (
    "AllocationStrategy", "BidPercentage", "Ec2Configuration", "Ec2KeyPair", "ImageId", "InstanceRole", "InstanceTypes",
    "LaunchTemplate", "PlacementGroup", "SecurityGroupIds", "Subnets", "Tags", "Type",
)  # fmt: skip
"""What an environment changes in place only when `ReplaceComputeEnvironment` is false
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-batch-computeenvironment.html)."""

_NESTED = "ComputeResources"


def install() -> None:
    """Extend the tables, and look into compute environments."""
    from ministack.services.cloudformation import changesets, provisioners, stacks

    provisioners._REPLACING_PROPERTIES.update(REPLACING)
    provisioners._CONDITIONALLY_REPLACING_PROPERTIES.update(CONDITIONALLY)
    diff, recreation, replacing_change = (
        stacks._diff_resources, stacks._property_recreation, provisioners._replacing_change,
    )  # fmt: skip

    def diff_resources(
        old: Any, new: Any, resources: Any = None, template: Any = None, *rest: Any, **named: Any
    ) -> Any:
        unresolved = _hoisted_template(template) if template else template
        changes = diff(_hoisted_template(old), _hoisted_template(new), resources, unresolved, *rest, **named)
        for change in changes:
            _lower(change["ResourceChange"])
        return changes

    def property_recreation(resource_type: str, name: str) -> str:
        return "Always" if name.startswith(f"{_NESTED}.") else str(recreation(resource_type, name))

    def is_replacing(resource_type: str, old: Any, new: Any) -> bool:
        # these have the stack's tags among their own, and a stack's tags replace nothing
        before, after = ({key: side[key] for key in side if key != "Tags"} for side in (old, new))
        before, after = _hoisted(resource_type, before, after), _hoisted(resource_type, after, after)
        return bool(replacing_change(resource_type, before, after))

    stacks._diff_resources = changesets._diff_resources = diff_resources
    stacks._property_recreation = provisioners._property_recreation = property_recreation
    stacks._replacing_change = provisioners._replacing_change = is_replacing


def _hoisted_template(template: Mapping[str, Any]) -> dict[str, Any]:
    resources = {
        logical_id: {**resource, "Properties": _hoisted(resource.get("Type", ""), properties, properties)}
        for logical_id, resource in template.get("Resources", {}).items()
        for properties in [resource.get("Properties") or {}]
    }
    return {**template, "Resources": resources}


def _hoisted(resource_type: str, properties: Any, judged_by: Any) -> Any:
    """The properties with the nested ones that replace standing beside the rest, as `ComputeResources.<name>`."""
    if resource_type != ENVIRONMENT or not isinstance(properties.get(_NESTED), Mapping):
        return properties
    in_place = str(judged_by.get("ReplaceComputeEnvironment", True)).lower() == "false"
    nested = {name: value for name, value in properties[_NESTED].items() if name in _creating(in_place)}
    rest = {name: value for name, value in properties[_NESTED].items() if name not in nested}
    return {**properties, _NESTED: rest, **{f"{_NESTED}.{name}": value for name, value in nested.items()}}


def _creating(in_place: bool) -> tuple[str, ...]:
    return ("SpotIamFleetRole",) if in_place else ("SpotIamFleetRole", *INFRASTRUCTURE)


def _lower(change: dict[str, Any]) -> None:
    """Report a nested property under its top-level name, as AWS does."""
    for detail in change.get("Details", ()):
        target = detail["Target"]
        if target.get("Name", "").startswith(f"{_NESTED}."):
            target["Name"] = _NESTED
