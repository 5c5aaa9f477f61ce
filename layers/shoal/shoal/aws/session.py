"""One boto3 session, one client per service, made when first needed.

A client costs tens of milliseconds at first use, and a second session would parse every service model again.
"""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 5}, s3={"addressing_style": "auto"})


@functools.cache
def client(service: str) -> Any:
    """The client of an AWS service, in the function's own Region, with standard retries (5 attempts)."""
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]
