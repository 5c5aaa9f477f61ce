"""GetResources for every tagged type of our stacks, page by page.

MiniStack's tagging API knows eighteen services and answers one page whatever was asked
(https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html). As on AWS roles, instance
profiles and compute in IAM are not in it, and an instance stays a while after it is terminated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.tagging", "_COLLECTORS"),
    ("services.tagging", "_HANDLERS"),
    ("services.tagging", "_get_resources"),
    ("services.ec2", "_tags"),
    ("services.batch", "_compute_envs"),
    ("services.batch", "_job_queues"),
    ("services.batch", "_job_definitions"),
    ("services.cloudformation", "_stacks"),
    ("services.cloudwatch", "_alarms"),
    ("services.cloudwatch", "_resource_tags"),
    ("services.cloudwatch_logs", "_log_groups"),
    ("services.codebuild", "_projects"),
    ("services.secretsmanager", "_secrets"),
    ("services.ssm", "_tags"),
    ("services.stepfunctions", "_state_machines"),
    ("services.stepfunctions", "_tags"),
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
)

PAGE = 50
"""Resources on a page unless the request says otherwise; 100 at most."""

Tagged = tuple[str, list[dict[str, str]]]
"""ARN, and tags as `Key` and `Value`."""

_EC2_STORES = {
    "_addresses": "elastic-ip",
    "_images": "image",
    "_instances": "instance",
    "_launch_templates": "launch-template",
    "_network_interfaces": "network-interface",
    "_security_groups": "security-group",
    "_snapshots": "snapshot",
    "_subnets": "subnet",
    "_volumes": "volume",
    "_vpcs": "vpc",
}
"""Kind in the ARN, by the store of EC2."""


def install() -> None:
    """Add the collectors, and pages."""
    from ministack.services import tagging

    tagging._COLLECTORS.update(_COLLECTORS)
    tagging._HANDLERS["GetResources"] = _paged(tagging._get_resources)


def _paged(get_resources: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def answer(request: dict[str, Any]) -> Any:
        token, size = request.pop("PaginationToken", ""), int(request.pop("ResourcesPerPage", PAGE))
        status, headers, body = get_resources(request)
        if status != 200:
            return status, headers, body
        found = [one for one in json.loads(body)["ResourceTagMappingList"] if one["Tags"]]
        start = int(token or 0)
        following = str(start + size) if len(found) > start + size else ""
        page = {"ResourceTagMappingList": found[start : start + size], "PaginationToken": following}
        return status, headers, json.dumps(page).encode()

    return answer


def _ec2() -> Iterator[Tagged]:
    from ministack.services import ec2

    for store, kind in _EC2_STORES.items():
        for identifier in getattr(ec2, store):
            yield _arn("ec2", f"{kind}/{identifier}"), list(ec2._tags.get(identifier) or [])
    for group in ec2._placement_groups.values():
        yield _arn("ec2", f"placement-group/{group['GroupName']}"), list(ec2._tags.get(group["GroupId"]) or [])


def _batch() -> Iterator[Tagged]:
    from ministack.services import batch

    for environment in batch._compute_envs.values():
        yield environment["computeEnvironmentArn"], _listed(environment.get("tags"))
    for queue in batch._job_queues.values():
        yield queue["jobQueueArn"], _listed(queue.get("tags"))
    for revisions in batch._job_definitions.values():
        for revision in revisions:
            if revision["status"] == "ACTIVE":
                yield revision["jobDefinitionArn"], _listed(revision.get("tags"))


def _cloudformation() -> Iterator[Tagged]:
    from ministack.services import cloudformation

    for stack in cloudformation._stacks.values():
        if stack["StackStatus"] != "DELETE_COMPLETE":
            yield stack["StackId"], list(stack.get("Tags") or [])


def _cloudwatch() -> Iterator[Tagged]:
    from ministack.services import cloudwatch

    for name in cloudwatch._alarms:
        arn = _arn("cloudwatch", f"alarm:{name}")
        yield arn, _listed(cloudwatch._resource_tags.get(arn))


def _codebuild() -> Iterator[Tagged]:
    from ministack.services import codebuild

    for project in codebuild._projects.values():
        tags = project.get("tags", [])
        yield project["arn"], [{"Key": tag["key"], "Value": tag["value"]} for tag in tags]


def _logs() -> Iterator[Tagged]:
    from ministack.services import cloudwatch_logs

    for name, group in cloudwatch_logs._log_groups.items():
        yield _arn("logs", f"log-group:{name}"), _listed(group.get("tags"))


def _secretsmanager() -> Iterator[Tagged]:
    from ministack.services import secretsmanager

    for secret in secretsmanager._secrets.values():
        yield secret["ARN"], list(secret.get("Tags") or [])


def _ssm() -> Iterator[Tagged]:
    from ministack.services import ssm

    for arn, tags in ssm._tags.items():
        yield arn, _listed(tags)


def _states() -> Iterator[Tagged]:
    from ministack.services import stepfunctions

    for arn in stepfunctions._state_machines:
        tags = stepfunctions._tags.get(arn) or []
        yield arn, [{"Key": tag["key"], "Value": tag["value"]} for tag in tags]


_COLLECTORS = {
    "batch": _batch,
    "cloudformation": _cloudformation,
    "cloudwatch": _cloudwatch,
    "codebuild": _codebuild,
    "ec2": _ec2,
    "logs": _logs,
    "secretsmanager": _secretsmanager,
    "ssm": _ssm,
    "states": _states,
}


def _listed(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def _arn(service: str, resource: str) -> str:
    from ministack.core.responses import get_account_id, get_region

    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{resource}"
