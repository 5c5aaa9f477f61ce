"""Creating something with tags needs the right to tag, and launching instances a right on everything they get.

AWS: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html - `ec2:CreateTags`, with
`ec2:CreateAction`; other services have a tagging action of their own.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html - RunInstances is checked on the
instance and on image, subnet, groups, interfaces, volumes, key, launch template. MiniStack checks one of them.
`further_rights` checks what this module finds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from embedded_aws.access.resources import RESOURCES, Parameters, Right

_TAGGING = {
    "iam:CreateRole": "iam:TagRole",
    "iam:CreateInstanceProfile": "iam:TagInstanceProfile",
    "iam:CreatePolicy": "iam:TagPolicy",
    "ecr:CreateRepository": "ecr:TagResource",
    "batch:CreateComputeEnvironment": "batch:TagResource",
    "batch:CreateJobQueue": "batch:TagResource",
    "batch:RegisterJobDefinition": "batch:TagResource",
    "logs:CreateLogGroup": "logs:TagResource",
    "elasticfilesystem:CreateFileSystem": "elasticfilesystem:TagResource",
    "dynamodb:CreateTable": "dynamodb:TagResource",
    "sns:CreateTopic": "sns:TagResource",
    "sqs:CreateQueue": "sqs:TagQueue",
    "states:CreateStateMachine": "states:TagResource",
    "lambda:CreateFunction": "lambda:TagResource",
}
"""Action that creates, and the one that its tags need."""

_LAUNCH = {
    "ImageId": ("image", False),
    "SubnetId": ("subnet", True),
    "NetworkInterface.1.SubnetId": ("subnet", True),
    "KeyName": ("key-pair", True),
    "SecurityGroupId.1": ("security-group", True),
    "NetworkInterface.1.SecurityGroupId.1": ("security-group", True),
    "LaunchTemplate.LaunchTemplateId": ("launch-template", True),
    "Placement.GroupName": ("placement-group", True),
}
"""Parameter of RunInstances, the type of resource it names, and whether its ARN has an account."""


def rights(action: str, asked: Parameters, where: str, keys: Mapping[str, Any]) -> Iterator[Right]:
    """The rights that a request needs for what it creates.

    Args:
        action: the request's own action.
        asked: its parameters.
        where: `<region>:<account>`.
        keys: its condition keys, those of its tags included.
    """
    tags = {name: value for name, value in keys.items() if name.lower().startswith(("aws:requesttag/", "aws:tagkeys"))}
    if tags and action in _TAGGING:
        yield Right(_TAGGING[action], _named(action, asked, where), dict(tags))
    kinds = [
        str(value)
        for name, value in asked.items()
        if name.startswith("TagSpecification.") and name.endswith("ResourceType")
    ]
    for kind in kinds if action.startswith("ec2:") else []:
        context = tags | {"ec2:CreateAction": action.split(":")[1]}
        yield Right("ec2:CreateTags", f"arn:aws:ec2:{where}:{kind}/*", context)
    if action == "ec2:RunInstances":
        yield from _launch(asked, where)


def _named(action: str, asked: Parameters, where: str) -> str:
    """The resource that a creation makes, as far as the request names it."""
    service, name = action.split(":")
    if service == "ecr":
        return f"arn:aws:ecr:{where}:repository/{asked.get('repositoryName')}"
    if service == "logs":
        return f"arn:aws:logs:{where}:log-group:{asked.get('logGroupName')}"
    if service == "states":
        return f"arn:aws:states:{where}:stateMachine:{asked.get('name')}"
    if service == "lambda":
        return f"arn:aws:lambda:{where}:function:{asked.get('FunctionName')}"
    if service == "dynamodb":
        return f"arn:aws:dynamodb:{where}:table/{asked.get('TableName')}"
    if service == "sns":
        return f"arn:aws:sns:{where}:{asked.get('Name')}"
    if service == "sqs":
        return f"arn:aws:sqs:{where}:{asked.get('QueueName')}"
    found = RESOURCES[service](name, asked, where) if service in RESOURCES else None
    return found or f"arn:aws:{service}:{where}:*"


def _launch(asked: Parameters, where: str) -> Iterator[Right]:
    region = where.split(":")[0]
    created = ["instance", "network-interface"]
    if any(name.startswith("BlockDeviceMapping.") for name in asked):
        created.append("volume")
    for kind in created:
        yield Right("ec2:RunInstances", f"arn:aws:ec2:{where}:{kind}/*", {})
    for name, (kind, owned) in _LAUNCH.items():
        if asked.get(name):
            yield Right("ec2:RunInstances", f"arn:aws:ec2:{where if owned else region + ':'}:{kind}/{asked[name]}", {})
