"""`CreationPolicy` of an instance: its creation waits for signals, as on AWS.

MiniStack waits only in a WaitCondition
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-creationpolicy.html).
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass

from embedded_aws.cloudformation.operations import template_resource
from embedded_aws.cloudformation.types import FailedResourceError, stack_record
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.cloudformation.wait_conditions", "register_slot"),
    ("services.cloudformation.wait_conditions", "wait_for"),
    ("services.cloudformation.wait_conditions", "validate_count"),
    ("services.cloudformation.wait_conditions", "validate_resource_signal_timeout"),
    ("services.cloudformation.wait_conditions", "_waiting"),
    ("services.cloudformation.wait_conditions", "_lock"),
    ("services.cloudformation", "_stacks"),
)

INSTANCE = "AWS::EC2::Instance"


@dataclass(frozen=True)
class Waiting:
    """An instance that its stack waits for."""

    stack_id: str
    logical_id: str
    instance_id: str
    profile_arn: str
    """Its instance profile, empty without one."""


ON_WAIT: list[Callable[[Waiting], None]] = []
"""Called, each in a thread of its own, when a stack begins to wait for an instance: where a fixture speaks for it."""


def wait(stack: str, logical_id: str, instance_id: str, profile_arn: str) -> None:
    """Wait for an instance's signals, if its template has a CreationPolicy.

    Raises:
        FailedResourceError: it signalled a failure, or not in time; the instance still exists.
    """
    from ministack.services.cloudformation import wait_conditions

    record = stack_record(stack)
    policy = (template_resource(logical_id).get("CreationPolicy") or {}).get("ResourceSignal")
    if policy is None:
        return
    count = wait_conditions.validate_count(policy.get("Count"), logical_id)
    seconds = wait_conditions.validate_resource_signal_timeout(policy.get("Timeout"), logical_id)
    token = wait_conditions.register_slot(record["StackId"])
    with wait_conditions._lock:  # a signal may come before the wait itself has begun
        wait_conditions._waiting[record["StackId"], logical_id] = {
            "token": token, "stack_name": stack, "resource_type": INSTANCE,
        }  # fmt: skip
    for speak in ON_WAIT:
        waiting = Waiting(record["StackId"], logical_id, instance_id, profile_arn)
        threading.Thread(target=_in_context(speak), args=(waiting,), daemon=True).start()
    try:
        wait_conditions.wait_for(token, record["StackId"], stack, logical_id, INSTANCE, count, seconds)
    except TimeoutError as error:
        raise FailedResourceError(
            f"Failed to receive {count} resource signal(s) within the specified duration", instance_id
        ) from error
    except RuntimeError as error:
        message = (
            f"Received 1 FAILURE signal(s) out of {count}. "
            "Unable to satisfy 100% MinSuccessfulInstancesPercent requirement"
        )
        raise FailedResourceError(message, instance_id) from error


def _in_context(speak: Callable[[Waiting], None]) -> Callable[[Waiting], None]:
    """The same call in the account and Region of the stack's operation, which a new thread does not inherit."""
    context = contextvars.copy_context()
    return lambda waiting: context.run(speak, waiting)
