"""`Custom::EmptyBucket` and `Custom::EmptyRepository`: what an event asks for, and the body of its answer.

A physical id is derived from what is cleaned and from nothing else. CloudFormation takes a changed id for a
replacement and sends a Delete for the old one
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from shoal.errors import ErrorCode, OperationError

SERVICE_FUNCTION = "serve-custom-resource"
"""Name, after the control plane's prefix, of the function that serves both types; a ServiceToken may never change."""
EMPTY_BUCKET = "Custom::EmptyBucket"
EMPTY_REPOSITORY = "Custom::EmptyRepository"
SERVICE_TIMEOUT = 3600
"""Seconds CloudFormation waits for an answer: its longest. Only a lost function ever lets it pass."""
ANSWER_MARGIN = 300
"""Seconds before that at which `clean_up` gives up and says how much is left."""
BODY_LIMIT = 4096
"""Bytes of an answer, https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html."""
REASON_LENGTH = 1000
MARKER = ".shoal-stack"
"""Name, below a prefix in the user's bucket, of the object that names the stack the prefix belongs to."""

_PROPERTIES = {EMPTY_BUCKET: ("bucket", "BucketName"), EMPTY_REPOSITORY: ("repository", "RepositoryName")}


@dataclass(frozen=True)
class Target:
    """What is to be emptied: a bucket, a prefix in a bucket, or a repository."""

    kind: str
    """`bucket` or `repository`."""
    name: str
    prefix: str = ""
    """Empty for a whole bucket; otherwise ends in a slash."""

    @property
    def physical_id(self) -> str:
        """`empty-bucket/<name>`, `empty-bucket/<name>/<prefix>` or `empty-repository/<name>`."""
        return f"empty-{self.kind}/{self.name}" + (f"/{self.prefix}" if self.prefix else "")

    @property
    def marker(self) -> str:
        """The key of the prefix's marker object."""
        return self.prefix + MARKER

    @classmethod
    def from_physical_id(cls, physical_id: str) -> Self | None:
        """What a physical id names; none if it is not one of ours."""
        kind, _, rest = physical_id.partition("/")
        if kind == "empty-repository" and rest:
            return cls("repository", rest)
        name, _, prefix = rest.partition("/")  # a bucket's name has no slash
        return cls("bucket", name, prefix) if kind == "empty-bucket" and name else None

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """What a custom resource's event is about.

        Raises:
            OperationError: the type is unknown, or a property is missing or wrong.
        """
        resource_type = event.get("ResourceType", "")
        if resource_type not in _PROPERTIES:
            raise _invalid(f"{resource_type!r} is not a type of Shoal; write {EMPTY_BUCKET} or {EMPTY_REPOSITORY}")
        kind, key = _PROPERTIES[resource_type]
        properties = event.get("ResourceProperties", {})
        name, prefix = properties.get(key), properties.get("Prefix", "")
        if not isinstance(name, str) or not name:
            raise _invalid(f"{key} of {resource_type} is missing; name the {kind} to empty")
        if not isinstance(prefix, str) or prefix.startswith("/") or (prefix and not prefix.endswith("/")):
            raise _invalid(f"Prefix of {resource_type} is {prefix!r}; it ends in a slash and does not begin with one")
        return cls(kind, name, prefix if kind == "bucket" else "")


def _invalid(message: str) -> OperationError:
    return OperationError(ErrorCode.INVALID_REQUEST, message)


def execution_name(event: Mapping[str, Any]) -> str:
    """The name of the `clean_up` execution that serves a Delete: a second delivery of the event attaches to it."""
    identity = "|".join((event["StackId"], event["PhysicalResourceId"], event["RequestId"]))
    return f"custom-resource-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"


def answer_body(event: Mapping[str, Any], *, reason: str | None = None) -> bytes:
    """The answer to an event, SUCCESS or, with a reason, FAILED; at most 4,096 bytes.

    Args:
        event: the event, or what was kept of a Delete.
        reason: why it failed, shown in the stack's events; cut at 1,000 characters, or shorter where that is too long.
    """
    reason = reason and " ".join(reason.split())[:REASON_LENGTH]
    while len(body := _body(event, reason)) > BODY_LIMIT and reason:
        reason = reason[: len(reason) // 2]
    return body


def _body(event: Mapping[str, Any], reason: str | None) -> bytes:
    made = event.get("RequestType") in {"Create", "Update"}
    body = {
        "Status": "SUCCESS" if reason is None else "FAILED",
        "PhysicalResourceId": Target.from_event(event).physical_id if made else event["PhysicalResourceId"],
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
        **({} if reason is None else {"Reason": reason}),
    }
    return json.dumps(body, ensure_ascii=False).encode(errors="replace")
