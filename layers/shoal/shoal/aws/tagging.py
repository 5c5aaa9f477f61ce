"""The Resource Groups Tagging API: what still carries a cluster's tag. It lags behind, so every hit is only a hint."""

from __future__ import annotations

from collections.abc import Iterator

from shoal.aws.session import client


def resources_tagged(key: str, value: str) -> Iterator[tuple[str, dict[str, str]]]:
    """ARN and tags of every resource of this Region with a tag; IAM is among what the API does not cover."""
    pages = client("resourcegroupstaggingapi").get_paginator("get_resources")
    for page in pages.paginate(TagFilters=[{"Key": key, "Values": [value]}]):
        for found in page["ResourceTagMappingList"]:
            yield found["ResourceARN"], {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
