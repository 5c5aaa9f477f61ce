"""What outlives a cluster's stack: kept on purpose, still on its way out, or left over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shoal.cleanup.removal import Resources
from shoal.errors import ErrorCode, OperationError

LIMIT = timedelta(minutes=15)
"""How long deletions and the services' own lists may lag behind."""
SHOWN = 20
"""Things that are named one by one; the rest is counted."""
SNAPSHOT = "AWS::EC2::Snapshot"
"""CloudFormation has no such type; it makes one of a volume whose DeletionPolicy is Snapshot."""
QUEUE = "AWS::SQS::Queue"
_WHOLE_ARN = ("batch:", "sns:")
"""Services in which a physical id is the ARN."""

ARNS = {
    "autoscaling:autoScalingGroup:": "AWS::AutoScaling::AutoScalingGroup",
    "batch:compute-environment/": "AWS::Batch::ComputeEnvironment",
    "batch:job-definition/": "AWS::Batch::JobDefinition",
    "batch:job-queue/": "AWS::Batch::JobQueue",
    "codebuild:project/": "AWS::CodeBuild::Project",
    "dynamodb:table/": "AWS::DynamoDB::Table",
    "ec2:instance/": "AWS::EC2::Instance",
    "ec2:launch-template/": "AWS::EC2::LaunchTemplate",
    "ec2:network-interface/": "AWS::EC2::NetworkInterface",
    "ec2:placement-group/": "AWS::EC2::PlacementGroup",
    "ec2:security-group/": "AWS::EC2::SecurityGroup",
    "ec2:snapshot/": SNAPSHOT,
    "ec2:volume/": "AWS::EC2::Volume",
    "ecr:repository/": "AWS::ECR::Repository",
    "elasticfilesystem:file-system/": "AWS::EFS::FileSystem",
    "logs:log-group:": "AWS::Logs::LogGroup",
    "s3:": "AWS::S3::Bucket",
    "sns:": "AWS::SNS::Topic",
    "sqs:": QUEUE,
}
"""How an ARN goes on after the service, and the type that is."""

_MADE_BY_INSTANCES = {"AWS::EC2::Instance", "AWS::EC2::NetworkInterface", "AWS::EC2::Volume"}
"""What Batch and Auto Scaling make for a cluster carries its tag, and not always CloudFormation's."""


class Thing(NamedTuple):
    """Something in the account."""

    resource_type: str
    id: str
    """Physical id, as CloudFormation has it; of a queue, whose id is its address, the name alone."""

    def to_event(self) -> dict[str, str]:
        """As an answer names it."""
        return {"resourceType": self.resource_type, "id": self.id}


def identify(arn: str) -> Thing:
    """What an ARN names; one of a service that is not known stands for itself."""
    _, _, service, _, _, rest = arn.split(":", 5)
    for pattern, resource_type in ARNS.items():
        if f"{service}:{rest}".startswith(pattern):
            name = f"{service}:{rest}".removeprefix(pattern).removesuffix(":*")
            if service == "autoscaling":  # <uuid>:autoScalingGroupName/<name>
                name = name.partition("/")[2]
            return Thing(resource_type, arn if pattern.startswith(_WHOLE_ARN) else name)
    return Thing(f"{service}:{rest.partition('/')[0]}", arn)


def kept(resources: Resources, snapshots: Iterable[str] = ()) -> list[Thing]:
    """What deleting the stack left by DeletionPolicy: its skipped resources and the snapshots it made."""
    return [*_with_status(resources, "DELETE_SKIPPED"), *(Thing(SNAPSHOT, snapshot) for snapshot in snapshots)]


def suspects(
    resources: Resources, tagged: Iterable[tuple[str, Mapping[str, str]]], stack_id: str, retained: Iterable[Thing]
) -> set[Thing]:
    """What must be confirmed to be gone.

    The stack's own deleted resources, and what carries the cluster's tag. A name can be used again, so a tag counts
    only with this stack's id beside it, or where Batch or Auto Scaling, which may not set that, has made the thing.

    Args:
        resources: the stack's.
        tagged: ARN and tags of what the tagging API says belongs to a cluster of this name.
        stack_id: the stack.
        retained: what was kept on purpose.
    """
    return {*_with_status(resources, "DELETE_COMPLETE"), *_tagged(tagged, stack_id)} - set(retained)


def _tagged(tagged: Iterable[tuple[str, Mapping[str, str]]], stack_id: str) -> Iterator[Thing]:
    for arn, tags in tagged:
        thing, owner = identify(arn), tags.get("aws:cloudformation:stack-id")
        if owner == stack_id or (owner is None and thing.resource_type in _MADE_BY_INSTANCES):
            yield thing


def _with_status(resources: Resources, status: str) -> Iterator[Thing]:
    """A stack's resources in a status, as things; one that was never made has no physical id."""
    for resource in resources:
        if resource["ResourceStatus"] == status and resource.get("PhysicalResourceId"):
            kind, physical_id = resource["ResourceType"], resource["PhysicalResourceId"]
            yield Thing(kind, physical_id.rpartition("/")[2] if kind == QUEUE else physical_id)


@dataclass(frozen=True)
class Remains:
    """What is still there, each confirmed by its own service."""

    kept: list[Thing]
    left: list[Thing]
    removed: int
    """Resources that went with the stack."""


def judge(name: str, remains: Remains, *, discard: bool, since: datetime, now: datetime) -> dict[str, Any]:
    """What the state machine does next.

    Args:
        name: the cluster's.
        remains: what is still there.
        discard: whether nothing is to be kept, as after a failed create.
        since: when the search began.
        now: the time.

    Raises:
        OperationError: `LeftoversFound` after 15 minutes.
    """
    unwanted = [*remains.left, *(remains.kept if discard else ())]
    if unwanted and now - since >= LIMIT:
        raise OperationError(
            ErrorCode.LEFTOVERS_FOUND,
            f"the stack of cluster {name} is deleted, and {_told(unwanted)} still there",
            resource=unwanted[0].id,
            next_action="Delete them, or find out what holds them; then delete the cluster again.",
        )
    sweep = discard and bool(remains.kept)
    return {
        "next": "delete" if sweep else "wait" if unwanted else "done",
        "waitSeconds": min(60, 5 + int((now - since).total_seconds()) // 4),
        "report": _report(name, remains),
    }


def _report(name: str, remains: Remains) -> dict[str, Any]:
    policy = f"; {_told(remains.kept)} kept, as its configuration says" if remains.kept else ""
    return {
        "summary": f"The cluster {name} is deleted: {remains.removed} resources removed, nothing left over{policy}.",
        "removed": remains.removed,
        "kept": [thing.to_event() for thing in remains.kept[:SHOWN]],
    }


def _told(things: list[Thing]) -> str:
    named = ", ".join(f"{thing.id} ({thing.resource_type})" for thing in things[:SHOWN])
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return f"{named}{more} {'is' if len(things) == 1 else 'are'}"
