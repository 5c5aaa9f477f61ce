"""Statuses of Batch's environments and queues, which pass as on AWS but quickly; and how Batch answers.

CREATING, UPDATING and DELETING are seen by who looks at once; a moment later the resource is VALID, INVALID or gone
(https://docs.aws.amazon.com/batch/latest/APIReference/API_ComputeEnvironmentDetail.html).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.batch", "_json"), ("core.responses", "error_response_json"))

SECONDS = 0.3
"""How long a passing status lasts at least; and somebody must have seen it, on however slow a machine."""

_NEXT = "_next"
"""Key of the record that holds when and what comes next; never part of an answer."""

Record = dict[str, Any]


def pass_to(record: Record, passing: str, status: str, reason: str) -> None:
    """Set a passing status, after which comes another; `DELETED` is the end of the record."""
    record.update(status=passing, statusReason="")
    record[_NEXT] = {"at": time.monotonic() + SECONDS, "status": status, "reason": reason, "seen": False}


def settled(store: Any) -> dict[str, Record]:
    """Every record of a store with its status as of now, by name; deleted ones are dropped from the store.

    Args:
        store: one of MiniStack's dictionaries, scoped to the request's account and Region.
    """
    for name, record in list(store.items()):
        following = record.get(_NEXT)
        if following is None or time.monotonic() < following["at"] or not following["seen"]:
            continue
        del record[_NEXT]
        if following["status"] == "DELETED":
            store.pop(name, None)
        else:
            record.update(status=following["status"], statusReason=following["reason"])
    return dict(store.items())


def is_changing(record: Mapping[str, Any]) -> bool:
    """Whether the resource is in a passing status, in which AWS refuses to change it."""
    return _NEXT in record


def is_deleted(record: Mapping[str, Any]) -> bool:
    """Whether the resource is being deleted, and will be gone for whoever looks long enough."""
    return bool(record.get(_NEXT, {}).get("status") == "DELETED")


def answer(record: Record) -> Record:
    """The record as the API shows it, to somebody who looks."""
    record.get(_NEXT, {})["seen"] = True
    return {key: value for key, value in record.items() if not key.startswith("_")}


Response = tuple[int, dict[str, str], bytes]


def ok(body: dict[str, Any]) -> Response:
    """Batch's answer to a request that worked."""
    from ministack.services import batch

    response: Response = batch._json(200, body)
    return response


def refuse(message: str) -> Response:
    """Batch's answer to a request that its rules forbid."""
    from ministack.core.responses import error_response_json

    refusal: Response = error_response_json("ClientException", message, 400)
    return refusal


def named(reference: str) -> str:
    """The name in a name or an ARN."""
    return reference.rsplit("/", 1)[-1]
