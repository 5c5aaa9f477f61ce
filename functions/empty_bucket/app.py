"""Delete what a bucket or prefix holds, as much as one call can, and say what follows; deletes no bucket."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import s3, s3_versions, sts
from shoal.cleanup import policies
from shoal.cleanup.custom_resource import Target
from shoal.cleanup.drain import Phase, empty
from shoal.cleanup.pace import Pace
from shoal.cleanup.progress import Progress, ended, judge, seconds_left
from shoal.observability import logger
from shoal.settings import Settings

WORKERS = 8
"""One lister feeds them; more do not help until the key space is divided."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a `Progress` for `{"name", "prefix", "stackId", "deadline", "progress"}`; see the machine `clean_up`.

    Raises:
        OperationError: something resists deletion, or the deadline has passed.
    """
    target = Target("bucket", event["name"], event.get("prefix", ""))
    clock = partial(datetime.now, UTC)
    before, deadline = Progress.from_event(event["progress"]), datetime.fromisoformat(event["deadline"])
    lister, deleter = _clients(target)
    end = ended(_owner(lister, target), event["stackId"], before)
    if end is not None:
        return end.to_event()
    time_left = partial(seconds_left, context.get_remaining_time_in_millis, deadline, clock)
    pace, spare = Pace(), target.marker if target.prefix else ""
    found = empty(partial(_phases, lister, deleter, target, spare), time_left, workers=WORKERS, pace=pace)
    after = judge(target, found, before, now=clock(), deadline=deadline)
    if after.done and target.prefix:
        _remove_marker(lister, deleter, target)
    logger.info("slice of a bucket", target=target.physical_id, deleted=found.deleted, pace=pace.rate, done=after.done)
    return after.to_event()


def _clients(target: Target) -> list[Any]:
    settings = Settings.from_environment()
    policy = policies.emptying(
        target, partition=settings.partition, region=settings.region, account_id=settings.account_id
    )
    return sts.narrowed(settings.clean_up_role, policy, "s3", s3_versions.LISTING, s3_versions.DELETING)


def _owner(lister: Any, target: Target) -> str | None:
    if target.prefix:
        return s3.read_marker(lister, target.name, target.marker)
    return s3.stack_of_bucket(lister, target.name)


def _phases(lister: Any, deleter: Any, target: Target, spare: str) -> list[Phase]:
    return [
        Phase(
            s3_versions.uploads(lister, target.name, target.prefix),
            partial(s3_versions.abort_upload, deleter, target.name),
        ),
        Phase(
            s3_versions.version_chunks(lister, target.name, target.prefix, spare),
            partial(s3_versions.delete_versions, deleter, target.name),
        ),
    ]


def _remove_marker(lister: Any, deleter: Any, target: Target) -> None:
    """The marker goes last: without it, nobody would know any more whose the prefix was."""
    marker = list(chain(*s3_versions.version_chunks(lister, target.name, target.marker, "")))
    s3_versions.delete_versions(deleter, target.name, marker)
