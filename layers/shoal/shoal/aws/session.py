"""One boto3 session, one client per service, made when first needed.

A client costs tens of milliseconds at first use, and a second session would parse every service model again.
A throttled call becomes a `RetryableError` here, once for every service: throttling never fails an operation.
"""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.config import Config

from shoal.errors import RetryableError

_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "SlowDown",
        "ServiceUnavailable",
        "InternalFailure",
        "InternalError",
    }
)
"""Codes that ask the caller to wait (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html)."""
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 5}, s3={"addressing_style": "auto"})


@functools.cache
def client(service: str) -> Any:
    """The client of an AWS service, in the function's own Region, with standard retries (five after the first try)."""
    made = boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]
    made.meta.events.register("after-call", _refuse_throttled)
    return made


def _refuse_throttled(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    """Hook of botocore, run after its own retries are used up."""
    code = parsed.get("Error", {}).get("Code")
    if code in _THROTTLED:
        raise RetryableError(f"{model.service_model.service_name}:{model.name} answered {code}")
