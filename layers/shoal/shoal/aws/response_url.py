"""The address at which CloudFormation waits for a custom resource's answer."""

from __future__ import annotations

from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from shoal.errors import ErrorCode, OperationError, RetryableError

_SECONDS = 10
_TRIES = 3
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def send(url: str, body: bytes) -> None:
    """PUT an answer; its address is a secret, so it stands in no message.

    Args:
        url: the event's `ResponseURL`, presigned; without a content type, as it was signed.
        body: the answer.

    Raises:
        OperationError: the address is not CloudFormation's, or it has expired.
        RetryableError: three tries failed.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise OperationError(ErrorCode.INTERNAL_ERROR, "the response URL is not an https address")
    request = Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 - scheme checked above
    for _ in range(_TRIES):
        try:
            with urlopen(request, timeout=_SECONDS):  # noqa: S310 - scheme checked above
                return
        except HTTPError as error:
            error.close()
            if error.code == HTTPStatus.FORBIDDEN:
                raise OperationError(ErrorCode.INTERNAL_ERROR, "the response URL has expired") from None
        except (URLError, TimeoutError, ConnectionError):
            continue
    raise RetryableError("CloudFormation's response address does not answer")
