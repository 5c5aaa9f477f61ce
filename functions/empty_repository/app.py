"""Delete the images of a repository, as many as one call can, and say what follows; deletes no repository."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shoal.aws import ecr, sts
from shoal.cleanup import images, policies
from shoal.cleanup.custom_resource import Target
from shoal.cleanup.drain import Phase, empty
from shoal.cleanup.pace import Pace
from shoal.cleanup.progress import Progress, ended, judge, seconds_left
from shoal.observability import logger
from shoal.settings import Settings


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a `Progress` for `{"name", "stackId", "deadline", "progress"}`; see the machine `clean_up`.

    Raises:
        OperationError: something resists deletion, or the deadline has passed.
    """
    target = Target("repository", event["name"])
    clock = partial(datetime.now, UTC)
    before, deadline = Progress.from_event(event["progress"]), datetime.fromisoformat(event["deadline"])
    client = _client(target)
    end = ended(ecr.stack_of_repository(client, target.name), event["stackId"], before)
    if end is not None:
        return end.to_event()
    time_left = partial(seconds_left, context.get_remaining_time_in_millis, deadline, clock)
    pace = Pace()
    found = empty(partial(_phases, client, target.name), time_left, workers=ecr.WORKERS, pace=pace)
    after = judge(target, found, before, now=clock(), deadline=deadline)
    logger.info(
        "slice of a repository", target=target.physical_id, deleted=found.deleted, pace=pace.rate, done=after.done
    )
    return after.to_event()


def _client(target: Target) -> Any:
    settings = Settings.from_environment()
    policy = policies.emptying(
        target, partition=settings.partition, region=settings.region, account_id=settings.account_id
    )
    (client,) = sts.narrowed(settings.clean_up_role, policy, "ecr", ecr.DELETING)
    return client


def _phases(client: Any, name: str) -> list[Phase]:
    delete = partial(ecr.delete_images, client, name)
    return [Phase(chunks, delete) for chunks in images.phases(ecr.images(client, name))]
