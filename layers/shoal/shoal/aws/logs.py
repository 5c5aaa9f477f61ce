"""CloudWatch Logs: the end of a log stream."""

from __future__ import annotations

from botocore.exceptions import ClientError

from shoal.aws.session import client

_LINES = 200


def last_lines(group: str, stream: str) -> list[str]:
    """The last 200 lines of a log stream, oldest first; none if group or stream is gone."""
    try:
        answer = client("logs").get_log_events(
            logGroupName=group, logStreamName=stream, limit=_LINES, startFromHead=False
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return []
        raise
    return [event["message"].rstrip("\n") for event in answer["events"]]
