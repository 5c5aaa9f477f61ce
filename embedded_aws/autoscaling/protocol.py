"""Auto Scaling's query protocol: requests read as EC2's are, refusals and results in its own XML.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/CommonErrors.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from embedded_aws.ec2.request import Query, Record, Response, listed, value
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.autoscaling", "_ACTION_MAP"),
    ("services.autoscaling", "_asgs"),
    ("services.autoscaling", "_tags"),
    ("services.autoscaling", "_xml"),
    ("services.autoscaling", "_error"),
    ("services.autoscaling", "_member_xml"),
    ("core.responses", "now_iso"),
    ("core.responses", "request_scope"),
    ("core.responses", "get_account_id"),
    ("core.responses", "get_region"),
)

Result = dict[str, Any]
VALIDATION = "ValidationError"
BEING_DELETED = "Delete in progress"


class RefusedError(Exception):
    """A request that Auto Scaling refuses, with its error code."""

    def __init__(self, message: str, code: str = VALIDATION) -> None:
        super().__init__(message)
        self.code = code


def put(**operations: Callable[[Query], Result]) -> None:
    """Put operations into Auto Scaling's table."""
    from ministack.services import autoscaling

    for name, operation in operations.items():
        autoscaling._ACTION_MAP[name] = functools.partial(_answer, name, operation)


def _answer(name: str, operation: Callable[[Query], Result], parameters: Mapping[str, str | list[str]]) -> Response:
    from ministack.services import autoscaling

    query = {key: [found] if isinstance(found, str) else found for key, found in parameters.items()}
    answer: Response
    try:
        result = f"<{name}Result>{autoscaling._member_xml(operation(query))}</{name}Result>"
        answer = autoscaling._xml(200, f"{name}Response", result)
    except RefusedError as refusal:
        answer = autoscaling._error(refusal.code, escape(str(refusal)))
    return answer


def named_group(query: Query) -> Record:
    """The group that a request names.

    Raises:
        RefusedError: there is none of this name, or it is about to be deleted.
    """
    from ministack.services import autoscaling

    name = value(query, "AutoScalingGroupName")
    record: Record | None = autoscaling._asgs.get(name)
    if record is None:
        raise RefusedError(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    if record["Status"] == BEING_DELETED:
        raise RefusedError(f"AutoScalingGroup '{name}' is pending delete")
    return record


def managed_instance(instance_id: str) -> tuple[Record, Record]:
    """The group that an instance is of, and the instance as the group has it.

    Raises:
        RefusedError: no group has it.
    """
    from ministack.services import autoscaling

    for record in autoscaling._asgs.values():
        for instance in record["Instances"]:
            if instance["InstanceId"] == instance_id:
                return record, instance
    raise RefusedError(f"Instance Id not found - No managed instance found for instance ID: {instance_id}")


def strings(query: Query, name: str) -> list[str]:
    """The members of a list of strings."""
    return listed(query, f"{name}.member")


def number(query: Query, name: str) -> int | None:
    """A whole number of a request; None if it is not there.

    Raises:
        RefusedError: it is none.
    """
    text = value(query, name)
    if not text:
        return None
    if not text.removeprefix("-").isdigit():
        raise RefusedError(f"Value '{text}' at '{name}' failed to satisfy constraint: Member must be an integer")
    return int(text)


def page(query: Query, found: Iterable[Result], member: str, default: int, most: int) -> Result:
    """One page of what was found.

    Args:
        query: the request, with `MaxRecords` and `NextToken`.
        found: everything.
        member: the result's member that lists it.
        default: records on a page unless the request says otherwise.
        most: records on a page at most.

    Raises:
        RefusedError: too many are asked for, or the token is none of ours.
    """
    size, token = number(query, "MaxRecords") or default, value(query, "NextToken") or "0"
    if size > most:
        raise RefusedError(f"The MaxRecords parameter value must be less than or equal to {most}")
    if not token.isdigit():
        raise RefusedError(f"The token '{token}' is invalid.", "InvalidNextToken")
    everything, start = list(found), int(token)
    following = {"NextToken": str(start + size)} if len(everything) > start + size else {}
    return {member: everything[start : start + size], **following}
