"""Step Functions: whether an execution runs, and starting one that can be asked for twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shoal.aws.session import client


def is_running(execution_arn: str) -> bool:
    """Whether an execution still runs; one that Step Functions no longer knows does not.

    Executions are forgotten 90 days after their end
    (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
    """
    try:
        answer = client("stepfunctions").describe_execution(executionArn=execution_arn)
    except client("stepfunctions").exceptions.ExecutionDoesNotExist:
        return False
    return bool(answer["status"] == "RUNNING")


def start(machine_arn: str, name: str, data: Mapping[str, Any]) -> bool:
    """Start an execution under a name of our own; false when that name was used before, so the work is under way.

    Args:
        machine_arn: the state machine.
        name: 1 to 80 characters, unique per machine for 90 days.
        data: the input, at most 262,144 bytes as JSON.
    """
    try:
        client("stepfunctions").start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(data))
    except client("stepfunctions").exceptions.ExecutionAlreadyExists:
        return False
    return True
