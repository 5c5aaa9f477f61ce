"""CloudFormation's log group, alarm and dashboard, made with the rights of the stack's service role.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-dashboard.html.
MiniStack writes into its stores, whoever may.
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
    physical_name,
    register,
    tag_changes,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *CFN_HOOKS,
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
    ("services.cloudwatch", "cloudformation_set_metric_alarm_tags"),
)

_TAGS = ("Tags", "list")


def install() -> None:
    """Put the types in place of MiniStack's."""
    register(
        ResourceType("AWS::Logs::LogGroup", _create_group, _delete_group, _update_group, ("LogGroupName",), _TAGS),
        ResourceType("AWS::CloudWatch::Alarm", _create_alarm, _delete_alarm, _update_alarm, ("AlarmName",), _TAGS),
        ResourceType(
            "AWS::CloudWatch::Dashboard", _create_dashboard, _delete_dashboard, _update_dashboard, ("DashboardName",)
        ),
    )


def _arn(service: str, resource: str) -> str:
    from ministack.core.responses import get_account_id, get_region

    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"


def _create_group(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("LogGroupName") or physical_name(stack, logical_id, 512)
    wanted = {"logGroupName": name, "tags": {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags") or []}}
    for key, api in (("KmsKeyId", "kmsKeyId"), ("LogGroupClass", "logGroupClass")):
        if properties.get(key):
            wanted[api] = properties[key]
    client("logs").create_log_group(**wanted)
    _retain(name, {}, properties)
    return name, {"Arn": _arn("logs", f"log-group:{name}:*")}


def _update_group(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    _retain(physical_id, old, new)
    arn, (gone, tags) = _arn("logs", f"log-group:{physical_id}"), tag_changes(old, new)
    if gone:
        client("logs").untag_resource(resourceArn=arn, tagKeys=gone)
    if tags:
        client("logs").tag_resource(resourceArn=arn, tags=tags)
    return physical_id, {"Arn": f"{arn}:*"}


def _retain(name: str, old: Properties, new: Properties) -> None:
    days = new.get("RetentionInDays")
    if days and days != old.get("RetentionInDays"):
        client("logs").put_retention_policy(logGroupName=name, retentionInDays=int(days))
    if not days and old.get("RetentionInDays"):
        client("logs").delete_retention_policy(logGroupName=name)


def _delete_group(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("ResourceNotFoundException"):
        client("logs").delete_log_group(logGroupName=physical_id)


def _create_alarm(logical_id: str, properties: Properties, stack: str) -> Created:
    from ministack.services import cloudwatch

    name = properties.get("AlarmName") or physical_name(stack, logical_id, 255)
    own = [tag for tag in properties.get("Tags") or [] if not tag["Key"].startswith("aws:")]
    wanted = {**properties, "AlarmName": name, "Tags": own}
    client("cloudwatch").put_metric_alarm(**request("cloudwatch", "PutMetricAlarm", wanted))
    cloudwatch.cloudformation_set_metric_alarm_tags(name, properties.get("Tags") or [])
    return name, {"Arn": _arn("cloudwatch", f"alarm:{name}")}


def _update_alarm(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    return _create_alarm("", {**new, "AlarmName": physical_id}, stack)


def _delete_alarm(physical_id: str, properties: Properties) -> None:
    client("cloudwatch").delete_alarms(AlarmNames=[physical_id])


def _create_dashboard(logical_id: str, properties: Properties, stack: str) -> Created:
    name = properties.get("DashboardName") or physical_name(stack, logical_id, 255)
    body = properties["DashboardBody"]
    text = body if isinstance(body, str) else json.dumps(body)
    client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=text)
    return name, {}


def _update_dashboard(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    return _create_dashboard("", {**new, "DashboardName": physical_id}, stack)


def _delete_dashboard(physical_id: str, properties: Properties) -> None:
    with absent_is_deleted("ResourceNotFound"):
        client("cloudwatch").delete_dashboards(DashboardNames=[physical_id])
