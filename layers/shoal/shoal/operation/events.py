"""What the front door's functions are invoked with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Event(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class BeginEvent(_Event):
    """An execution of the front door has started."""

    input: Any
    """Its input, as somebody wrote it."""
    execution_arn: str
    started_at: datetime


class QueryEvent(_Event):
    """A question."""

    input: Any


class Caught(_Event):
    """What the front door saw of a failure; the root cause is in the ledger."""

    state: str
    error: str


class EndEvent(_Event):
    """An operation has ended: with a result, or with a failure."""

    cluster_name: str
    operation_id: str
    result: dict[str, Any] | None = None
    failure: Caught | None = None
