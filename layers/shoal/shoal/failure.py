"""The root cause of a failed operation, in one line.

A machine catches an error's name and a `Cause` written for programs; CloudFormation reports one failure as dozens of
events, most of them consequences. What a user needs is the first thing that went wrong, and what can be done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from shoal.errors import ErrorCode
from shoal.log_lines import told_lines
from shoal_node.contract import BOOTSTRAP_TAG, FAILURE, SUCCESS

LONGEST_CAUSE = 1_000
"""Characters; the rest of a longer cause is in the logs."""
STACK_TYPE = "AWS::CloudFormation::Stack"
INSTANCE_TYPE = "AWS::EC2::Instance"

_CANCELLED = re.compile(r"Resource (creation|update|deletion|import) cancell?ed", re.IGNORECASE)
"""What CloudFormation says of the resources that it gave up because another one had failed."""
_NOISE = re.compile(
    r"\s*\((?:Service|Error Code|HandlerErrorCode|Request ?ID|RequestToken|SDK Attempt Count): [^()]*\)"
)
"""Request ids and the like at the end of an AWS message."""
_WRAPPER = re.compile(r'^Resource handler returned message: "(.*)"\.?$', re.DOTALL)

NEXT_ACTIONS = {
    ErrorCode.INVALID_REQUEST: "correct the input; an execution with {} shows every operation with an example",
    ErrorCode.INVALID_CONFIGURATION: "correct the configuration; `shoal validate` checks most of it without AWS",
    ErrorCode.CONFIGURATION_UNREADABLE: "check bucket, key and rights of clusterConfigurationUri",
    ErrorCode.CLUSTER_EXISTS: "update the cluster, or delete it first",
    ErrorCode.CLUSTER_NOT_FOUND: "create the cluster; list shows those that are there",
    ErrorCode.CLUSTER_BUSY: "wait until the other operation has ended, then ask again",
    ErrorCode.CLUSTER_PROTECTED: "update the cluster with Lifecycle.Protect: false, then delete it",
    ErrorCode.UPDATE_REFUSED: "take that change back, or create another cluster with it",
    ErrorCode.STACK_FAILED: "correct what the message names and try again",
    ErrorCode.BUILD_FAILED: "correct the image, then ask for the same operation again",
    ErrorCode.CLUSTER_UNHEALTHY: "correct what the message names, then update or delete the cluster",
    ErrorCode.CLEAN_UP_INCOMPLETE: "remove what the message names, then delete the cluster again",
    ErrorCode.LEFTOVERS_FOUND: "delete the cluster again; what resists is named and is for you to remove",
    ErrorCode.DEADLINE_EXCEEDED: "try again with a larger deadlineMinutes",
    ErrorCode.OPERATION_STOPPED: "ask for it again, or delete the cluster",
    ErrorCode.INTERNAL_ERROR: "read the logs of the failed function or execution",
}
"""What can be done about each code where nothing better is known; on the page of errors as well."""


@dataclass(frozen=True)
class Failure:
    """Why an operation failed."""

    code: str
    """One of `ErrorCode`'s values."""
    cause: str
    """One line of at most 1,000 characters."""
    resource: str | None = None
    """The logical id that failed, if one did."""
    link: str | None = None
    """A console URL that shows more."""
    next_action: str | None = None
    log: tuple[str, ...] = ()
    """The last lines of what failed, oldest first: at most 20 of at most 200 characters."""

    def to_item(self) -> dict[str, Any]:
        """As the ledger and the machines know it, without what is not known."""
        facts = {
            "resource": self.resource,
            "link": self.link,
            "nextAction": self.next_action,
            "log": list(self.log),
        }
        return {"code": self.code, "cause": self.cause, **{key: value for key, value in facts.items() if value}}


def explain(
    caught: Mapping[str, str],
    events: Sequence[Mapping[str, Any]] = (),
    link: str | None = None,
    instance_tags: Mapping[str, str] = MappingProxyType({}),
    instance_log: Sequence[str] = (),
) -> Failure:
    """Say why an operation failed.

    Args:
        caught: `state`, `error` and `cause` as the machine's Catch saw them.
        events: the stack events of the operation with those of nested stacks, oldest first, if it had a stack.
        link: where the stack can be looked at.
        instance_tags: tags of the instance that failed, if one did; a head node writes there what no signal can say.
        instance_log: the end of what its bootstrap has sent, oldest line first.
    """
    code, told = _read(caught["state"], caught["error"], caught["cause"])
    cause, *log = told.split("\n") if code == ErrorCode.CLUSTER_UNHEALTHY else [told]
    root = first_failure(events) if code in {ErrorCode.STACK_FAILED, ErrorCode.DEADLINE_EXCEEDED} else None
    if root is None:
        return Failure(code, one_line(cause), None, link, NEXT_ACTIONS[ErrorCode(code)], tuple(log))
    resource = root["LogicalResourceId"]
    own_word = instance_tags.get(BOOTSTRAP_TAG, "").removeprefix(SUCCESS).removeprefix(FAILURE).strip()
    reason = own_word or one_line(_plain(root.get("ResourceStatusReason", "")) or root["ResourceStatus"])
    told = one_line(f"{resource} ({root['ResourceType']}) is {root['ResourceStatus']}: {reason}")
    next_action = NEXT_ACTIONS[ErrorCode.STACK_FAILED]
    return Failure(ErrorCode.STACK_FAILED, told, resource, link, next_action, told_lines(instance_log))


def failed_instance(events: Sequence[Mapping[str, Any]]) -> str | None:
    """The id of the EC2 instance that failed first, if an instance did."""
    root = first_failure(events)
    return root.get("PhysicalResourceId") if root and root["ResourceType"] == INSTANCE_TYPE else None


def first_failure(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The earliest event of a failure that no other one caused.

    A stack's own event only sums up; one of a nested stack does as well, where its own events are among them.
    """
    failed = [
        event
        for event in events
        if event["ResourceStatus"].endswith("_FAILED") and not _CANCELLED.search(event.get("ResourceStatusReason", ""))
    ]
    causes = [event for event in failed if event["ResourceType"] != STACK_TYPE]
    return next(iter(causes or failed), None)


def _read(state: str, error: str, cause: str) -> tuple[str, str]:
    """Code and cause of what a Catch saw."""
    details = _decoded(cause)
    message = str(details.get("errorMessage", ""))
    if error in set(ErrorCode):
        return error, cause
    if error == "OperationError":
        code, _, text = message.partition(": ")
        return (code, text) if code in set(ErrorCode) else (ErrorCode.INTERNAL_ERROR, message)
    if error == "States.TaskFailed" and "Status" in details:
        return _read_child(state, details)
    if error == "States.Timeout":
        return ErrorCode.DEADLINE_EXCEEDED, f"{state} took longer than it may"
    if error == "CloudFormation.AlreadyExistsException":
        return ErrorCode.CLUSTER_EXISTS, _plain(cause)
    if error.startswith("CloudFormation."):
        return ErrorCode.STACK_FAILED, f"{state}: {_plain(cause)}"
    if error == "RetryableError":
        return ErrorCode.INTERNAL_ERROR, f"{state}: AWS asked to wait, more often than is waited: {message}"
    return ErrorCode.INTERNAL_ERROR, f"{state} failed with {error}: {message or _plain(cause)}"


def _read_child(state: str, details: Mapping[str, Any]) -> tuple[str, str]:
    """A child execution that ended without recording why: it was stopped, or its last words are all there is."""
    error, cause = str(details.get("Error", "")), str(details.get("Cause", ""))
    if error in set(ErrorCode):
        return error, cause
    ended = f"{state}: the execution {details.get('Name', '')} ended {details['Status']}"
    return ErrorCode.INTERNAL_ERROR, f"{ended} with {error}: {cause}" if error else ended


def _decoded(cause: str) -> dict[str, Any]:
    """A Cause as JSON, if it is an object; Step Functions cuts it at 32,768 characters, so it may be neither."""
    try:
        details = json.loads(cause)
    except ValueError:
        return {}
    return details if isinstance(details, dict) else {}


def _plain(message: str) -> str:
    """An AWS message without wrapper and request ids."""
    bare = _NOISE.sub("", message).strip()
    wrapped = _WRAPPER.match(bare)
    return (wrapped[1] if wrapped else bare).strip()


def one_line(text: str) -> str:
    """Text as one line of at most 1,000 characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_CAUSE else f"{line[: LONGEST_CAUSE - 3]}..."
