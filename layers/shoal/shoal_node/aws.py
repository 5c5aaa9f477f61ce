"""The node's calls to AWS: its own metadata, the signal to CloudFormation, its tag."""

from __future__ import annotations

import functools
import logging
import os
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shoal_node.contract import BOOTSTRAP_TAG, FAILURE, SUCCESS, TAG_VALUE_LENGTH, Settings

log = logging.getLogger("shoal_node")

T = TypeVar("T")
AT_ONCE = 10
"""https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html: `max_pool_connections`"""
METADATA = "http://169.254.169.254"
SESSION_SECONDS = "300"
TIMEOUT = 10


@functools.lru_cache(maxsize=None)
def metadata(path: str) -> str:
    """An entry of the instance's metadata that never changes."""
    return current_metadata(path)


def current_metadata(path: str) -> str:
    """An entry of the instance's metadata, by session token; AWS_EC2_METADATA_SERVICE_ENDPOINT can name another
    server, as it can for the AWS SDKs (https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-client.html).

    Raises:
        OSError: the service does not answer; `HTTPError` where it has no such entry.
    """
    server = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", METADATA).rstrip("/")
    ask = urllib.request.Request(  # noqa: S310 - the scheme is fixed
        f"{server}/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": SESSION_SECONDS}
    )
    with urllib.request.urlopen(ask, timeout=TIMEOUT) as answer:  # noqa: S310 - as above
        token = answer.read().decode()
    read = urllib.request.Request(  # noqa: S310 - as above
        f"{server}/latest/meta-data/{path}", headers={"X-aws-ec2-metadata-token": token}
    )
    with urllib.request.urlopen(read, timeout=TIMEOUT) as answer:  # noqa: S310 - as above
        return str(answer.read().decode())


def instance_id() -> str:
    """This instance's id."""
    return metadata("instance-id")


def vpc_ranges() -> list[str]:
    """Every IPv4 range of the VPC, as CIDR."""
    return metadata(f"network/interfaces/macs/{metadata('mac')}/vpc-ipv4-cidr-blocks").split()


@functools.lru_cache(maxsize=None)
def client(service: str, region: str, endpoint_url: str | None = None) -> Any:
    """The client of a service. Older boto3, Debian 12's for example, does not read AWS_ENDPOINT_URL itself."""
    config = Config(retries={"mode": "standard", "max_attempts": 8}, s3={"addressing_style": "auto"})
    endpoint = endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None
    return boto3.client(service, region_name=region, endpoint_url=endpoint, config=config)  # type: ignore[call-overload]


def at_once(call: Callable[[T], Any], parts: Sequence[T]) -> list[Any]:
    """Make a call for each part, ten at a time, as many as a client has connections for; the answers in order."""
    if len(parts) < 2:
        return [call(part) for part in parts]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(call, parts))


def signal(settings: Settings, failure: str | None = None) -> None:
    """Tell CloudFormation that the node is ready, or failed; and say why in the instance's tag.

    A stack that does not wait (any more) refuses the signal, which is no failure: the node may have been set up again.
    """
    status = FAILURE if failure else SUCCESS
    value = f"{FAILURE} {failure}"[:TAG_VALUE_LENGTH] if failure else SUCCESS
    try:
        client("ec2", settings.region).create_tags(
            Resources=[instance_id()], Tags=[{"Key": BOOTSTRAP_TAG, "Value": value}]
        )
    except (BotoCoreError, ClientError) as error:
        log.warning("the instance could not be tagged: %s", error)
    try:
        client("cloudformation", settings.region).signal_resource(
            StackName=settings.stack_name,
            LogicalResourceId=settings.logical_id,
            UniqueId=instance_id(),
            Status=status,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        log.info("the stack takes no signal now: %s", error)
