"""A build that failed, with the end of its log."""

from __future__ import annotations

from typing import Any

from shoal import build_failure
from shoal.aws import codebuild, logs


def failed_build(cause: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The build that a machine waited for, and the last lines of its log, oldest first; none and none without a build.

    Args:
        cause: of the error that the machine caught.
    """
    build_id = build_failure.failed_build(cause)
    build = next(iter(codebuild.describe_builds([build_id] if build_id else [])), None)
    log = (build or {}).get("logs", {})
    return build, logs.last_lines(log["groupName"], log["streamName"]) if "streamName" in log else []
