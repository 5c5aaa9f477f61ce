"""Does throttling become the one error that the state machines try again?"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.exceptions import ClientError

from shoal.aws import session
from shoal.errors import RetryableError


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class Answered:
    """A server that gives every request the same answer; botocore's own retries see it as well."""

    def __init__(self, status: int, code: str) -> None:
        self.status, self.code, self.asked = status, code, 0

    def __call__(self, request: object, **_: object) -> AWSResponse:
        self.asked += 1
        body = f"<ErrorResponse><Error><Code>{self.code}</Code><Message>m</Message></Error></ErrorResponse>"
        return AWSResponse("https://localhost", self.status, HTTPHeaders(), _Body(body.encode()))


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    session.client.cache_clear()
    yield
    session.client.cache_clear()


def answer_with(server: Answered) -> None:
    session.client("cloudformation").meta.events.register("before-send", server)


def test_a_throttled_call_asks_to_be_tried_again_later() -> None:
    server = Answered(400, "Throttling")
    answer_with(server)
    with pytest.raises(RetryableError, match="cloudformation:DescribeStacks answered Throttling"):
        session.client("cloudformation").describe_stacks(StackName="x")
    assert server.asked == 6


def test_any_other_error_stays_what_it_is() -> None:
    answer_with(Answered(400, "ValidationError"))
    with pytest.raises(ClientError, match="ValidationError"):
        session.client("cloudformation").describe_stacks(StackName="x")
