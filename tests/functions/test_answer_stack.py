"""Is a waiting stack told how its clean-up ended, once?"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.answer_stack.app import handler
from shoal.aws import dynamodb
from shoal.errors import OperationError, RetryableError
from tests.support.response_address import ResponseAddress, response_address

KEPT = {
    "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/shoal-cluster-genomics/1",
    "RequestId": "5f8e0a1c",
    "LogicalResourceId": "EmptyBucket",
    "PhysicalResourceId": "empty-bucket/shoal-genomics",
}
FAILURE = {
    "state": "Empty Bucket",
    "error": "OperationError",
    "cause": json.dumps(
        {"errorMessage": "CleanUpIncomplete: 2 object versions of bucket shoal-genomics resist deletion"}
    ),
}


@pytest.fixture
def address(deployed: None) -> Iterator[ResponseAddress]:
    with response_address() as served:
        dynamodb.put_answer("key", KEPT | {"ResponseURL": served.url}, 4_000_000_000)
        yield served


def test_success_is_told_with_the_requests_own_ids(address: ResponseAddress, context: LambdaContext) -> None:
    assert handler({"answer": "key"}, context)["answered"]
    assert address.bodies == [{"Status": "SUCCESS", **KEPT}]


def test_a_failure_is_told_with_its_root_cause(address: ResponseAddress, context: LambdaContext) -> None:
    told = handler({"answer": "key", "failure": FAILURE}, context)
    (body,) = address.bodies
    assert body["Status"] == "FAILED"
    assert body["Reason"] == "2 object versions of bucket shoal-genomics resist deletion"
    assert told == {"answered": True, "code": "CleanUpIncomplete", "cause": body["Reason"]}


def test_a_stack_is_answered_once(address: ResponseAddress, context: LambdaContext) -> None:
    handler({"answer": "key"}, context)
    assert not handler({"answer": "key"}, context)["answered"]
    assert len(address.bodies) == 1


def test_a_busy_address_is_tried_again_later_with_the_answer_still_there(
    address: ResponseAddress, context: LambdaContext
) -> None:
    address.statuses = [503, 503, 503]
    with pytest.raises(RetryableError):
        handler({"answer": "key"}, context)
    assert handler({"answer": "key"}, context)["answered"]


def test_an_address_that_has_expired_is_not_tried_again(address: ResponseAddress, context: LambdaContext) -> None:
    address.statuses = [403]
    with pytest.raises(OperationError, match="expired") as error:
        handler({"answer": "key"}, context)
    assert "Signature" not in str(error.value)
