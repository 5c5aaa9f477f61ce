"""What of a cluster there is to delete: what must be emptied first, and what forbids it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from shoal.cleanup.custom_resource import EMPTY_BUCKET, EMPTY_REPOSITORY, Target

_STORES = {"AWS::S3::Bucket": "bucket", "AWS::ECR::Repository": "repository"}
_GONE = {"DELETE_COMPLETE", "DELETE_SKIPPED"}

Resources = Iterable[Mapping[str, Any]]
"""A stack's resources as ListStackResources tells them."""


def physical_ids(resources: Resources, *types: str) -> list[str]:
    """The physical ids of a stack's resources of some types that have one and have not been deleted."""
    return [
        resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] in types
        and resource.get("PhysicalResourceId")
        and resource["ResourceStatus"] not in _GONE
    ]


def targets(resources: Resources) -> list[Target]:
    """What must be empty before a stack can be deleted.

    The custom resources name it. A bucket or repository whose custom resource was never made (the stack failed
    between the two) counts as well. A user's own bucket is no resource of the stack, so only its prefix can appear.
    """
    return list(dict.fromkeys(_targets(list(resources))))


def _targets(resources: list[Mapping[str, Any]]) -> Iterator[Target]:
    for physical_id in physical_ids(resources, EMPTY_BUCKET, EMPTY_REPOSITORY):
        target = Target.from_physical_id(physical_id)
        if target is not None:
            yield target
    for resource_type, kind in _STORES.items():
        for name in physical_ids(resources, resource_type):
            yield Target(kind, name)


def stores(found: Iterable[Target], operation_id: str, lap: int) -> list[dict[str, str]]:
    """The inputs of the `clean_up` executions, with their names: `<operationId>-clean-bucket`, unique in every lap."""
    result: list[dict[str, str]] = []
    for target in found:
        ordinal = 1 + sum(store["kind"] == target.kind for store in result)
        name = f"{operation_id}-clean-{target.kind}" + ("" if lap == ordinal == 1 else f"-{lap}-{ordinal}")
        result.append({"kind": target.kind, "name": target.name, "prefix": target.prefix, "executionName": name})
    return result


def is_protected(configuration: str) -> bool:
    """Whether a stored configuration says `Lifecycle.Protect: true`.

    Nothing else of it is read: a cluster whose configuration this version no longer accepts must still be deletable.
    """
    read = yaml.safe_load(configuration)
    lifecycle = read.get("Lifecycle") if isinstance(read, dict) else None
    return isinstance(lifecycle, dict) and lifecycle.get("Protect") is True
