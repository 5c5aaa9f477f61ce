"""Limits of single calls that MiniStack does not know.

AWS: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html - 1,000 keys, more is MalformedXML.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html - 100 image ids.
https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html - three compute environments per queue.
MiniStack accepts any number.

Each is a question asked before MiniStack's own function: a code and a message refuse the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.s3", "_delete_objects"),
    ("services.s3", "_error"),
    ("services.ecr", "_batch_delete_image"),
    ("services.batch", "_DISPATCH"),
    ("core.responses", "error_response_json"),
)

Refusal = tuple[str, str] | None
"""Code and message of a refused call."""

KEYS_PER_DELETE = 1_000
IDS_PER_DELETE = 100
ENVIRONMENTS_PER_QUEUE = 3


def install() -> None:
    """Put the questions before the calls."""
    from ministack.core.responses import error_response_json
    from ministack.services import batch, ecr, s3

    def json_error(code: str, message: str) -> Any:
        return error_response_json(code, message, 400)

    def s3_error(code: str, message: str) -> Any:
        return s3._error(code, message, 400)

    delete = s3._delete_objects
    s3._delete_objects = _asked_first(lambda bucket, body, *others: too_many_keys(body), s3_error, delete)
    ecr._batch_delete_image = _asked_first(too_many_images, json_error, ecr._batch_delete_image)
    for path in ("/v1/createjobqueue", "/v1/updatejobqueue"):
        if path in batch._DISPATCH:
            batch._DISPATCH[path] = _asked_first(too_many_environments, json_error, batch._DISPATCH[path])


def too_many_keys(body: bytes) -> Refusal:
    """DeleteObjects with more than 1,000 keys."""
    if len(re.findall(rb"<Object>", body)) <= KEYS_PER_DELETE:
        return None
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return "MalformedXML", message


def too_many_images(asked: dict[str, Any]) -> Refusal:
    """BatchDeleteImage with more than 100 ids."""
    if len(asked.get("imageIds") or []) <= IDS_PER_DELETE:
        return None
    limit = f"Member must have length less than or equal to {IDS_PER_DELETE}"
    return "InvalidParameterException", f"Invalid parameter at 'imageIds' failed to satisfy constraint: '{limit}'"


def too_many_environments(asked: dict[str, Any]) -> Refusal:
    """A job queue with more than three compute environments."""
    if len(asked.get("computeEnvironmentOrder") or []) <= ENVIRONMENTS_PER_QUEUE:
        return None
    return "ClientException", f"JobQueue can have at most {ENVIRONMENTS_PER_QUEUE} compute environments."


def _asked_first(question: Callable[..., Refusal], error: Callable[[str, str], Any], answer: Any) -> Any:
    def asked(*arguments: Any, **named: Any) -> Any:
        refusal = question(*arguments)
        return error(*refusal) if refusal else answer(*arguments, **named)

    return asked
