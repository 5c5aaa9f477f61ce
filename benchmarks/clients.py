"""Clients of the embedded AWS with all rights."""

from __future__ import annotations

import functools
from typing import Any

import boto3

from embedded_aws.process import ACCOUNT_ID, REGION, SECRET_ACCESS_KEY, Server


@functools.cache
def client(server: Server, service: str) -> Any:
    """The client of a service."""
    return boto3.client(  # type: ignore[call-overload]  # the service's name is not a literal
        service,
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id=ACCOUNT_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    )
