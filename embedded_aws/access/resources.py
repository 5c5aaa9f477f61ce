"""The resource and the condition keys that a request is checked with, where MiniStack's are not AWS's.

AWS: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
MiniStack checks many requests against `*`, which only a policy with `Resource: "*"` allows, or against an ARN that is
never in a policy: roles without their path, log groups without `:log-stream:`. So a policy that is right on AWS is
denied, or one that is wrong passes. Each function here names the resource of one service's requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from embedded_aws.access import table_keys
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *table_keys.HOOKS,
    ("core.iam_actions", "extract_resource_arn"),
    ("core.iam_actions", "extract_iam_action"),
    ("core.iam_actions", "request_tag_context"),
    ("core.iam_actions", "logs_service_context"),
    ("services.autoscaling", "_asgs"),
    ("services.efs", "_mount_targets"),
    ("services.iam", "_roles"),
    ("services.iam", "_instance_profiles"),
    ("services.cloudformation", "_change_sets"),
    ("services.cloudformation", "_stacks"),
)


@dataclass(frozen=True)
class Right:
    """What a request needs: an action on a resource, under condition keys."""

    action: str
    resource: str
    keys: dict[str, Any]


Parameters = Mapping[str, Any]
"""A request's parameters: its JSON members, or its form fields with the first value of each."""


EC2_KINDS = {
    "eipalloc": "elastic-ip", "eni": "network-interface", "i": "instance", "lt": "launch-template",
    "sg": "security-group", "subnet": "subnet", "vol": "volume", "vpc": "vpc",
}  # fmt: skip
"""By the prefix of an id, the kind in the ARN."""


def install() -> None:
    """Ask the functions below before MiniStack."""
    from ministack.core import iam_actions

    other_resource, other_keys = iam_actions.extract_resource_arn, iam_actions.request_tag_context
    other_log_keys = iam_actions.logs_service_context

    def resource(
        service: str, method: str, path: str, headers: Any, body: bytes, params: Any, region: str, account: str
    ) -> Any:
        found = None
        if service in RESOURCES:
            action = iam_actions.extract_iam_action(service, method, path, headers, body, params) or ""
            asked = {**parameters(body, params), "path": path}
            found = RESOURCES[service](action.split(":")[-1], asked, f"{region}:{account}")
        return found or other_resource(service, method, path, headers, body, params, region, account)

    def keys(service: str, action: str, body: bytes, params: Any) -> Any:
        return other_keys(service, action, body, params) | condition_keys(service, parameters(body, params))

    def log_keys(action: str, body: bytes, arn: str, region: str, account: str) -> Any:
        """MiniStack finds a log group's tags by the ARN without the stream."""
        return other_log_keys(action, body, arn.split(":log-stream:")[0], region, account)

    iam_actions.extract_resource_arn, iam_actions.request_tag_context = resource, keys
    iam_actions.logs_service_context = log_keys


def parameters(body: bytes, params: Mapping[str, Any]) -> Parameters:
    """Body and query of a request as one mapping."""
    found: dict[str, Any] = {
        name: value[0] if isinstance(value, list) and value else value for name, value in params.items()
    }
    try:
        members = json.loads(body) if body[:1] == b"{" else {}
    except ValueError:
        members = {}
    return found | members


def codebuild(action: str, asked: Parameters, where: str) -> str | None:
    """Builds belong to their project: a build's id is `<project>:<uuid>`."""
    build = asked.get("id") or next(iter(asked.get("ids") or asked.get("names") or []), None)
    return f"arn:aws:codebuild:{where}:project/{build.split('/')[-1].split(':')[0]}" if build else None


def ecr(action: str, asked: Parameters, where: str) -> str | None:
    """DescribeRepositories names repositories in the plural, and tags are asked for by ARN."""
    if arn := asked.get("resourceArn"):
        return str(arn)
    named = asked.get("repositoryNames") or []
    return f"arn:aws:ecr:{where}:repository/{named[0]}" if named else None


def autoscaling(action: str, asked: Parameters, where: str) -> str | None:
    """A group, named or by an instance of it, by its whole ARN; describing has no resource."""
    from ministack.services import autoscaling as service

    name, instance = asked.get("AutoScalingGroupName") or asked.get("Tags.member.1.ResourceId"), asked.get("InstanceId")
    if action.split(":")[-1].startswith("Describe"):
        return "*"
    for known, record in service._asgs.items():
        if name == known or instance in [one["InstanceId"] for one in record["Instances"]]:
            return str(record["AutoScalingGroupARN"])
    return f"arn:aws:autoscaling:{where}:autoScalingGroup:*:autoScalingGroupName/{name}" if name else None


def batch(action: str, asked: Parameters, where: str) -> str | None:
    """Queues, environments and job definitions by name or ARN; describing and listing have no resource."""
    if action.startswith(("Describe", "List")):
        return "*"
    kinds = {
        "jobQueue": "job-queue", "jobQueueName": "job-queue", "jobDefinition": "job-definition",
        "jobDefinitionName": "job-definition", "computeEnvironment": "compute-environment",
        "computeEnvironmentName": "compute-environment", "jobId": "job",
    }  # fmt: skip
    for key, kind in kinds.items():
        if value := asked.get(key):
            return str(value) if str(value).startswith("arn:") else f"arn:aws:batch:{where}:{kind}/{value}"
    return None


def cloudformation(action: str, asked: Parameters, where: str) -> str | None:
    """A stack that exists has an id of its own; a change set's ARN stands for its stack."""
    from ministack.services import cloudformation as service

    if asked.get("ChangeSetName", "").startswith("arn:") and not asked.get("StackName"):
        change_set = service._change_sets.get(asked["ChangeSetName"]) or {}
        return change_set.get("StackId")
    stack = service._stacks.get(asked.get("StackName", "")) or {}
    return stack.get("StackId") if stack.get("StackStatus") != "DELETE_COMPLETE" else None


def dynamodb(action: str, asked: Parameters, where: str) -> str | None:
    """Tags and resource policies are asked for by ARN."""
    return str(asked["ResourceArn"]) if asked.get("ResourceArn") else None


def ec2(action: str, asked: Parameters, where: str) -> str | None:
    """Describing has no resource: only `Resource: "*"` allows it. Tagging names resources by their ids alone, placement
    groups by their names.

    A snapshot's ARN names no account.
    """
    if action == "DeleteSnapshot":
        return f"arn:aws:ec2:{where.split(':')[0]}::snapshot/{asked.get('SnapshotId')}"
    if action in ("CreatePlacementGroup", "DeletePlacementGroup"):
        return f"arn:aws:ec2:{where}:placement-group/{asked.get('GroupName')}"
    if action in ("CreateTags", "DeleteTags"):
        identifier = str(asked.get("ResourceId.1") or "")
        kind = EC2_KINDS.get(identifier.split("-")[0])
        return f"arn:aws:ec2:{where}:{kind}/{identifier}" if kind else None
    return "*" if action.startswith("Describe") else None


def elasticfilesystem(action: str, asked: Parameters, where: str) -> str | None:
    """Describing one file system, by a query parameter; a mount target, in query or path, is its file system's."""
    from ministack.services import efs

    system = asked.get("FileSystemId")
    if target := asked.get("MountTargetId") or asked.get("path", "").partition("/mount-targets/")[2].split("/")[0]:
        system = (efs._mount_targets.get(target) or {}).get("FileSystemId", "*")
    return f"arn:aws:elasticfilesystem:{where}:file-system/{system}" if system else None


def iam(action: str, asked: Parameters, where: str) -> str | None:
    """Roles, instance profiles and policies have their path in the ARN."""
    from ministack.services import iam as service

    account, path = where.split(":")[1], str(asked.get("Path") or "/")
    if name := asked.get("InstanceProfileName"):
        profile = service._instance_profiles.get(name) or {}
        return str(profile.get("Arn") or f"arn:aws:iam::{account}:instance-profile{path}{name}")
    if name := asked.get("RoleName"):
        role = service._roles.get(name) or {}
        return str(role.get("Arn") or f"arn:aws:iam::{account}:role{path}{name}")
    if action == "CreateServiceLinkedRole":
        return f"arn:aws:iam::{account}:role/aws-service-role/{asked.get('AWSServiceName')}/AWSServiceRole"
    if action == "CreatePolicy":
        return f"arn:aws:iam::{account}:policy{path}{asked.get('PolicyName')}"
    return None


def logs(action: str, asked: Parameters, where: str) -> str | None:
    """A log group is written with the stream, or with an empty one; listing groups is asked of no group."""
    if action == "DescribeLogGroups":
        return f"arn:aws:logs:{where}:log-group::log-stream:"
    group = asked.get("logGroupName")
    return f"arn:aws:logs:{where}:log-group:{group}:log-stream:{asked.get('logStreamName') or ''}" if group else None


def monitoring(action: str, asked: Parameters, where: str) -> str | None:
    """Alarms and dashboards, by name; several may be named, and describing without a name is asked of all."""
    dashboard = asked.get("DashboardName") or _first(asked, "DashboardNames")
    if dashboard:
        return f"arn:aws:cloudwatch::{where.split(':')[1]}:dashboard/{dashboard}"
    if action in ("DeleteAlarms", "DescribeAlarms", "EnableAlarmActions", "DisableAlarmActions", "SetAlarmState"):
        return f"arn:aws:cloudwatch:{where}:alarm:{asked.get('AlarmName') or _first(asked, 'AlarmNames') or '*'}"
    return None


def _first(asked: Parameters, name: str) -> Any:
    """The first of a list, as JSON or as a form has it."""
    return next(iter(asked.get(name) or []), None) or asked.get(f"{name}.member.1")


def sns(action: str, asked: Parameters, where: str) -> str | None:
    """Tags are asked for by ARN; what is asked of a subscription, and listing, has no resource."""
    if action in ("Unsubscribe", "GetSubscriptionAttributes", "SetSubscriptionAttributes", "ListTopics"):
        return "*"
    return str(asked["ResourceArn"]) if asked.get("ResourceArn") else None


def ssm(action: str, asked: Parameters, where: str) -> str | None:
    """Public parameters belong to no account; GetParameters names several."""
    name = str(asked.get("Name") or next(iter(asked.get("Names") or []), ""))
    region, account = where.split(":")
    if not name or not action.startswith("GetParameter"):
        return None
    return f"arn:aws:ssm:{region}:{'' if name.startswith('/aws/service/') else account}:parameter/{name.lstrip('/')}"


RESOURCES: dict[str, Callable[[str, Parameters, str], str | None]] = {
    "codebuild": codebuild,
    "ecr": ecr,
    "autoscaling": autoscaling,
    "batch": batch,
    "cloudformation": cloudformation,
    "dynamodb": dynamodb,
    "ec2": ec2,
    "elasticfilesystem": elasticfilesystem,
    "iam": iam,
    "logs": logs,
    "monitoring": monitoring,
    "sns": sns,
    "ssm": ssm,
}
"""By service: the resource of an action with these parameters in `<region>:<account>`; None leaves it to MiniStack."""


def condition_keys(service: str, asked: Parameters) -> dict[str, Any]:
    """The service's own condition keys that a request carries."""
    if service == "dynamodb":
        return dict(table_keys.leading_keys(asked))
    names = {
        "cloudformation": {
            "RoleARN": "cloudformation:RoleArn", "TemplateURL": "cloudformation:TemplateUrl",
            "ChangeSetName": "cloudformation:ChangeSetName",
        },
        "monitoring": {"Namespace": "cloudwatch:namespace"},
        "iam": {"PermissionsBoundary": "iam:PermissionsBoundary", "PolicyArn": "iam:PolicyARN",
                "AWSServiceName": "iam:AWSServiceName"},
    }  # fmt: skip
    carried = {key: str(asked[name]) for name, key in names.get(service, {}).items() if asked.get(name)}
    return (_boundary_of(asked) if service == "iam" else {}) | carried


def _boundary_of(asked: Parameters) -> dict[str, str]:
    """A request about a role that exists is checked with that role's boundary."""
    from ministack.services import iam as service

    role = service._roles.get(asked.get("RoleName", "")) or {}
    boundary = role.get("PermissionsBoundary") or ""
    return {"iam:PermissionsBoundary": str(boundary)} if boundary else {}
