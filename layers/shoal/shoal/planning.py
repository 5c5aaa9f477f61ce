"""Whether a cluster can be created or updated as its stack is, and what a plan answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shoal.cluster.blueprint import Blueprint, resource_summary
from shoal.cluster.bucket import EMPTY_BUCKET
from shoal.cluster.build_project import BUILD_PROJECT
from shoal.cluster.changes import KeyChange
from shoal.cluster.findings import Finding, stopping, unsuppressed
from shoal.cluster.repository import CACHE, REPOSITORY
from shoal.cluster.site import Site, names
from shoal.cluster.slurm_health import GROUP
from shoal.cluster.statuses import ABSENT, meaning
from shoal.errors import ErrorCode, OperationError
from shoal.operation.admission import invalid_configuration
from shoal.plan import creation_digest

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

LARGEST_ANSWER = 8 * 1024
"""Bytes of JSON; a larger plan lies in the Region's bucket, and the answer says where."""


def admit_create(cluster_name: str, stack: Mapping[str, Any] | None) -> None:
    """Refuse to create a cluster whose stack is there.

    Raises:
        OperationError: `ClusterExists`, for what an earlier create left behind with the way out.
    """
    status = stack["StackStatus"] if stack else ABSENT
    now = meaning(status)
    if "create" in now.operations:
        return
    if now.settled and now.operations == ("delete",):
        message = (
            f"clusterName: what an earlier operation left of cluster {cluster_name} is there, its stack is {status}"
        )
        raise OperationError(ErrorCode.CLUSTER_EXISTS, f"{message}; delete the cluster, then create it again")
    raise OperationError(
        ErrorCode.CLUSTER_EXISTS,
        f"clusterName: cluster {cluster_name} exists, its stack is {status}; create needs a name that no cluster has",
    )


def admit_update(
    cluster_name: str, known: Mapping[str, Any] | None, stack: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """The ledger's facts of a cluster that can be updated; one that CloudFormation works on can, when that is over.

    Raises:
        OperationError: there is no such cluster, or it was never created completely, or only deleting it is left.
    """
    status = stack["StackStatus"] if stack else ABSENT
    now = meaning(status)
    if known is None or now.cluster_status == "DELETE_COMPLETE":
        message = f"clusterName: there is no cluster {cluster_name} in this account and Region"
        raise OperationError(ErrorCode.CLUSTER_NOT_FOUND, message)
    if now.settled and "update" not in now.operations:
        message = (
            f"the stack of cluster {cluster_name} is {status}, which CloudFormation cannot update; delete the cluster"
        )
        raise OperationError(ErrorCode.STACK_FAILED, message)
    if "site" not in known or "configuration" not in known:
        message = f"cluster {cluster_name} was never created completely; delete it, then create it again"
        raise OperationError(ErrorCode.CLUSTER_UNHEALTHY, message)
    return known


def judged(event: Mapping[str, Any], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that the user sees.

    Args:
        event: has `suppressValidators` and `validationFailureLevel`, as ParallelCluster's API.
        findings: all that the validators found.

    Raises:
        OperationError: some of them stop the operation; all those are told.
    """
    remaining = unsuppressed(tuple(findings), event["suppressValidators"])
    if stops := stopping(remaining, event["validationFailureLevel"]):
        raise invalid_configuration([finding.problem for finding in stops])
    return remaining


def changed_since(findings: Sequence[Finding], before: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that an update brings: what was wrong already is not its doing."""
    known = {(finding.validator, finding.message) for finding in before}
    return tuple(finding for finding in findings if (finding.validator, finding.message) not in known)


def creation(planned: Blueprint, messages: Sequence[Finding], site: Site, *, done: bool) -> dict[str, Any]:
    """What `create` answers of its plan: every resource for a dry run, their number when they are made.

    Args:
        planned: what the configuration means.
        messages: what the validators found and did not stop at.
        site: what it was planned for.
        done: whether this is the answer of the creation itself.
    """
    counts, stack = resource_summary(planned), names(site).stack
    told = {
        "resourceCounts": counts,
        "images": image_changes((), planned),
        "validationMessages": [finding.to_message() for finding in messages],
    }
    number = sum(counts.values())
    if done:
        return {"summary": f"Created cluster {site.cluster_name}: {number} resources in the stack {stack}.", **told}
    resources = [{"logicalId": name, "type": item["Type"]} for name, item in planned.template["Resources"].items()]
    summary = f"Create would make {number} resources in the stack {stack}; nothing has been made."
    return {"summary": summary, **told, "resources": resources, "planHash": creation_digest(planned, site.generation)}


def unchanged(cluster_name: str, keys: Sequence[KeyChange], messages: Sequence[Finding]) -> dict[str, Any]:
    """What an update answers that changes no resource; what it changes beside them is stored with the cluster."""
    return {
        "summary": f"Nothing changes in the stack of cluster {cluster_name}.",
        "changeSet": [key.to_item() for key in keys],
        "resources": [],
        "validationMessages": [finding.to_message() for finding in messages],
    }


def services(cluster: Cluster, url_suffix: str) -> tuple[str, ...]:
    """The services whose service-linked roles a cluster needs, as principals.

    Spot instances need one of their own
    (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/service-linked-roles-spot-instance-requests.html).
    """
    spot = any(queue.capacity_type == "SPOT" for queue in cluster.scheduling.queues)
    starts = "batch" if cluster.kind == "awsbatch" else "autoscaling"
    return tuple(f"{service}.{url_suffix}" for service in (starts, *(("spot",) if spot else ())))


def while_stopped(planned: Blueprint) -> Blueprint:
    """What is to be made while the fleet is stopped: groups of no instance, whatever `MinCount` says.

    CloudFormation waits until a group has its minimum, and a stopped group launches nothing; `start` gives it back.
    """
    resources = {
        name: {**item, "Properties": {**item["Properties"], "MinSize": "0"}} if item["Type"] == GROUP else item
        for name, item in planned.template["Resources"].items()
    }
    return replace(planned, template={**planned.template, "Resources": resources})


def foundations(images: Sequence[Mapping[str, Any]]) -> list[str]:
    """Logical ids of what a build needs of the stack; none where nothing is built."""
    return [EMPTY_BUCKET, REPOSITORY, CACHE, BUILD_PROJECT] if images else []


def images_changed(registered: Iterable[Mapping[str, Any]], after: Blueprint) -> bool:
    """Whether an update needs an image that was not built for the cluster: the user changed it, or a newer Shoal."""
    return not {image.tag for image in after.images} <= {image["tag"] for image in registered}


def image_changes(registered: Iterable[Mapping[str, Any]], after: Blueprint) -> list[dict[str, Any]]:
    """The images that a plan leads to, and those that no queue will use any more.

    Args:
        registered: the images that were built for the cluster; none before a creation.
        after: what is asked for.
    """
    known = {image["tag"]: list(image.get("queues", ())) for image in registered}
    wanted = {image.tag: image for image in after.images}
    images = [
        {
            "tag": tag,
            "baseImage": image.recipe.base_image,
            "queues": list(image.queues),
            "effect": "kept" if tag in known else "built unless it is there",
        }
        for tag, image in wanted.items()
    ]
    gone = [
        {"tag": tag, "queues": queues, "effect": "no longer used"} for tag, queues in known.items() if tag not in wanted
    ]
    return images + gone


def stack_arguments(planned: Blueprint) -> dict[str, list[dict[str, str]]]:
    """Parameters and tags as CloudFormation takes them."""
    return {
        "parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in sorted(planned.parameters.items())
        ],
        "tags": [{"Key": key, "Value": value} for key, value in sorted(planned.tags.items())],
    }


def is_small(answer: Mapping[str, Any]) -> bool:
    """Whether an answer can travel through the state machines as it is."""
    return len(json.dumps(answer).encode()) <= LARGEST_ANSWER
