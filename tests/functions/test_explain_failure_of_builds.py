"""Is a failed build explained by the build, and recorded before anybody cleans up?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.stub import Stubber

from functions.explain_failure.app import handler
from shoal.aws import dynamodb, session

EVENTS = Path(__file__).parents[1] / "events"
BUILD = json.loads((EVENTS / "codebuild_build_failed.json").read_text())
CAUGHT = {
    "state": "Build Image",
    "error": "States.TaskFailed",
    "cause": (EVENTS / "codebuild_sync_failed_cause.json").read_text(),
}
EVENT = {"operationId": "op-20261124T101530-1a2b3c4d", "clusterName": "genomics", "failure": CAUGHT}


@pytest.fixture
def codebuild() -> Iterator[Stubber]:
    """CodeBuild, which knows the build that failed."""
    with Stubber(session.client("codebuild")) as stub:
        stub.add_response("batch_get_builds", {"builds": BUILD["builds"]}, {"ids": [BUILD["builds"][0]["id"]]})
        yield stub
        stub.assert_no_pending_responses()


def _log_group(group: str, stream: str, *lines: str) -> None:
    logs: Any = session.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_phase_exit_code_and_last_lines_of_a_build_are_recorded(codebuild: Stubber, context: LambdaContext) -> None:
    log = BUILD["builds"][0]["logs"]
    _log_group(log["groupName"], log["streamName"], "E: Unable to locate package openmpi-bn")

    answer = handler(EVENT, context)

    assert "phase BUILD failed with exit code 100" in answer["cause"]
    assert answer["cause"].endswith("log: E: Unable to locate package openmpi-bn")
    assert answer["log"] == ["E: Unable to locate package openmpi-bn"]
    recorded = dynamodb.read_operation("genomics", "op-20261124T101530-1a2b3c4d")
    assert recorded is not None
    assert recorded["failure"] == answer


def test_a_build_whose_log_is_gone_is_explained_without_it(codebuild: Stubber, context: LambdaContext) -> None:
    answer = handler(EVENT, context)

    assert (answer["code"], "log:" in answer["cause"]) == ("BuildFailed", False)
