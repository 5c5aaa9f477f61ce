"""Tasks that wait for a token: the call goes out under the machine's role, and silence has an end.

AWS: https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token - the call is
made as any other, a failed one fails the task, and `HeartbeatSeconds` without a SendTaskHeartbeat is
`States.HeartbeatTimeout`. MiniStack makes the call under no role, drops a function's error and ignores heartbeats.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from embedded_aws.hooks import Hook
from embedded_aws.machines.scopes import current

HOOKS: tuple[Hook, ...] = (
    ("services.stepfunctions", "_invoke_with_callback"),
    ("services.stepfunctions", "_invoke_resource"),
    ("services.stepfunctions", "_task_tokens"),
    ("services.stepfunctions", "_ExecutionError"),
)

_PAUSE = 0.05
"""Seconds of waiting after which it looks for heartbeats and timeouts."""


def install() -> None:
    """Take over the pattern; whoever sends tokens back goes on talking to MiniStack."""
    from ministack.services import stepfunctions

    stepfunctions._invoke_with_callback = wait_for_token


def wait_for_token(resource: str, arguments: Any, token: str, state: dict[str, Any]) -> Any:
    """Make the call, then wait for SendTaskSuccess or SendTaskFailure; the Task's result."""
    from ministack.services import stepfunctions as sfn

    record: dict[str, Any] = {"event": threading.Event(), "result": None, "error": None, "heartbeat": None}
    sfn._task_tokens[token] = record
    try:
        sfn._invoke_resource(resource.removesuffix(".waitForTaskToken"), arguments)
        if error := _silence(record, state):
            raise sfn._ExecutionError(error, f"no answer for the task's token within the time of {resource}")
    finally:
        sfn._task_tokens.pop(token, None)
    if failure := record["error"]:
        raise sfn._ExecutionError(failure.get("Error", "TaskFailed"), failure.get("Cause", ""))
    return json.loads(record["result"])


def _silence(record: dict[str, Any], state: dict[str, Any]) -> str:
    """Wait for an answer; the error's name when none came."""
    scope, started = current.get(), time.monotonic()
    beat, heard = started, None
    while not record["event"].wait(_PAUSE):
        now = time.monotonic()
        if record["heartbeat"] != heard:
            beat, heard = now, record["heartbeat"]
        if scope.ended():
            return "States.Aborted"
        if now - started > float(state.get("TimeoutSeconds", "inf")):
            return "States.Timeout"
        if now - beat > float(state.get("HeartbeatSeconds", "inf")):
            return "States.HeartbeatTimeout"
    return ""
