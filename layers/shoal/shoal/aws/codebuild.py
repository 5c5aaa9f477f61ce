"""CodeBuild: the builds of a project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from shoal.aws.session import client


def running_builds(project: str) -> Iterator[str]:
    """Ids of a project's builds that have not ended; none if the project is absent.

    Builds come newest first, 100 to a page. The first page without a running one ends the search: a build lives
    at most 36 hours, its time in the queue at most 8 hours more
    (https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html).
    """
    pages = (
        client("codebuild")
        .get_paginator("list_builds_for_project")
        .paginate(projectName=project, sortOrder="DESCENDING")
    )
    try:
        for page in pages:
            running = [build["id"] for build in describe_builds(page["ids"]) if build["buildStatus"] == "IN_PROGRESS"]
            if not running:
                return
            yield from running
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


def describe_builds(ids: list[str]) -> list[dict[str, Any]]:
    """Those of at most 100 builds that exist."""
    return list(client("codebuild").batch_get_builds(ids=ids)["builds"]) if ids else []


def stop_build(build_id: str) -> None:
    """Stop a build; a second time changes nothing."""
    client("codebuild").stop_build(id=build_id)
