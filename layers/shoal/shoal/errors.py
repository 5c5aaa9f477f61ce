"""The errors Shoal raises on purpose.

Step Functions matches errors by exact class name, without inheritance, so a state machine names exactly one of
them: `RetryableError`. Everything else ends in the machine's Catch, and the code tells the user what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from shoal.log_lines import told_lines

LONGEST_MESSAGE = 4_000
"""Characters of an error's message: Step Functions cuts a Cause at 32,768, and JSON that is cut cannot be read."""


class ErrorCode(StrEnum):
    """Stable codes of failed operations; each is documented in `docs/errors.md`."""

    INVALID_REQUEST = "InvalidRequest"
    """The operation's input is wrong: a missing or misspelled field, a value out of range."""
    INVALID_CONFIGURATION = "InvalidConfiguration"
    """The cluster configuration is wrong; every problem is listed with its path."""
    CONFIGURATION_UNREADABLE = "ConfigurationUnreadable"
    """`clusterConfigurationUri` names nothing that can be read."""
    CLUSTER_EXISTS = "ClusterExists"
    """`create` on a cluster that is there."""
    CLUSTER_NOT_FOUND = "ClusterNotFound"
    """The operation needs a cluster that is not there."""
    CLUSTER_BUSY = "ClusterBusy"
    """Another operation holds the cluster's lock."""
    CLUSTER_PROTECTED = "ClusterProtected"
    """`Lifecycle.Protect` forbids deletion until an update lifts it."""
    UPDATE_REFUSED = "UpdateRefused"
    """The update would replace something that holds data or jobs."""
    STACK_FAILED = "StackFailed"
    """CloudFormation could not create, update or delete a resource of the cluster's stack."""
    BUILD_FAILED = "BuildFailed"
    """The image's build failed."""
    CLUSTER_UNHEALTHY = "ClusterUnhealthy"
    """The stack is complete, and yet a queue, an environment, the image, the head node or its nodes do not work."""
    CLEAN_UP_INCOMPLETE = "CleanUpIncomplete"
    """Objects or images resisted deletion; the message names some of them and why."""
    LEFTOVERS_FOUND = "LeftoversFound"
    """The stack is gone, and something that belonged to the cluster is still there."""
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    """The operation did not end before its deadline."""
    OPERATION_STOPPED = "OperationStopped"
    """The operation's execution was stopped before it ended; the next operation on the cluster has recorded that."""
    INTERNAL_ERROR = "InternalError"
    """A defect of Shoal or an AWS error it does not know; the logs have the details."""


class RetryableError(Exception):
    """AWS asked to wait (throttling, a quota, eventual consistency); the state machine tries again."""


class OperationError(Exception):
    """An operation that cannot succeed, told in one line.

    Attributes:
        code: the stable code, the `Error` of the failed execution.
        message: one sentence naming the field or resource, what is wrong and what would be right.
        resource: the logical or physical id that failed, if one did.
        link: a console URL that shows more, if there is one.
        next_action: what the user can do now, if anything is known to help.
        log: the last lines of the log of what failed, oldest first. They travel behind the message, a line each, since
            a Lambda function that fails hands nothing else to its state machine; the oldest go when there are too many.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        resource: str | None = None,
        link: str | None = None,
        next_action: str | None = None,
        log: Sequence[str] = (),
    ) -> None:
        if len(message) > LONGEST_MESSAGE:
            message = f"{message[: LONGEST_MESSAGE - 3]}..."
        lines = list(told_lines(log))
        while lines and len(message) + sum(len(line) + 1 for line in lines) > LONGEST_MESSAGE:
            del lines[0]
        super().__init__("\n".join((f"{code}: {' '.join(message.splitlines())}", *lines)))
        self.code = code
        self.message = message
        self.resource = resource
        self.link = link
        self.next_action = next_action
        self.log = tuple(lines)
