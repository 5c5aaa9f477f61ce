"""Do Shoal's own errors arrive whole in a state machine?"""

from __future__ import annotations

import json

from shoal.errors import LONGEST_MESSAGE, ErrorCode, OperationError
from shoal.failure import explain

LONGEST_CAUSE = 32_768
"""Characters, https://docs.aws.amazon.com/step-functions/latest/apireference/API_LambdaFunctionFailedEventDetails.html"""


def test_an_error_is_told_with_its_code_first() -> None:
    assert str(OperationError(ErrorCode.CLUSTER_BUSY, "update works on it")) == "ClusterBusy: update works on it"


def test_a_message_of_any_length_can_be_read_from_a_cause() -> None:
    error = OperationError(ErrorCode.INVALID_CONFIGURATION, "Tags[0].Key: '\u20ac' is refused. " * 10_000)
    cause = json.dumps({"errorMessage": str(error), "errorType": "OperationError", "stackTrace": []})[:LONGEST_CAUSE]
    told = explain({"state": "Plan Cluster", "error": "OperationError", "cause": cause})
    assert len(error.message) == LONGEST_MESSAGE
    assert told.code == ErrorCode.INVALID_CONFIGURATION
    assert told.cause.startswith("Tags[0].Key")


def test_the_last_lines_of_a_log_travel_behind_the_message() -> None:
    error = OperationError(ErrorCode.CLUSTER_UNHEALTHY, "a node\nfailed", log=["\x1b[31mfirst", "", "last"])
    cause = json.dumps({"errorMessage": str(error), "errorType": "OperationError", "stackTrace": []})
    told = explain({"state": "Check Cluster", "error": "OperationError", "cause": cause})
    assert (told.cause, told.log) == ("a node failed", ("first", "last"))


def test_a_log_of_any_length_can_be_read_from_a_cause() -> None:
    error = OperationError(ErrorCode.CLUSTER_UNHEALTHY, "x" * 900, log=["\u20ac" * 10_000] * 1_000)
    cause = json.dumps({"errorMessage": str(error), "errorType": "OperationError", "stackTrace": []})
    told = explain({"state": "Check Cluster", "error": "OperationError", "cause": cause[:LONGEST_CAUSE]})
    assert len(told.log) > 10
    assert told.cause == "x" * 900
