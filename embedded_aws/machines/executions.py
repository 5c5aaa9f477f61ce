"""Starting, describing and ending executions, where MiniStack's differs from AWS.

AWS: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html - an input is JSON of at
most 262,144 bytes, a name has at most 80 characters, and a second start with the name and input of a running
execution answers like the first. https://states-language.net/#toplevelfields - a machine's `TimeoutSeconds` ends an
execution as TIMED_OUT. A failed execution has an error and a cause, no output, and one that has ended stays as it
ended. MiniStack accepts any input and name, refuses every second start, ignores the timeout, shows an output of
failed executions and lets a late failure overwrite ABORTED.
"""

from __future__ import annotations

import contextvars
import json
import re
import threading
from typing import Any

from embedded_aws.hooks import Hook
from embedded_aws.machines.scopes import Scope, current
from embedded_aws.machines.tasks import LARGEST_PAYLOAD

_NAMES = (
    "_start_execution",
    "_run_execution",
    "_fail_execution",
    "_executions",
    "_state_machines",
    "_resolve_state_machine_arn",
    "_add_event",
    "_emit_execution_status_event",
    "error_response_json",
    "json_response",
    "now_iso",
)
HOOKS: tuple[Hook, ...] = tuple(("services.stepfunctions", name) for name in _NAMES)

_NAME = re.compile(r"""[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}""")


def install() -> None:
    """Put the rules around MiniStack's own functions."""
    from ministack.services import stepfunctions

    _check_starts(stepfunctions)
    _keep_how_it_ended(stepfunctions)
    _run_in_a_scope(stepfunctions)


def _check_starts(sfn: Any) -> None:
    start = sfn._start_execution

    def checked(request: dict[str, Any]) -> Any:
        if refused := refusal(request):
            return sfn.error_response_json(*refused, 400)
        machine = sfn._resolve_state_machine_arn(request.get("stateMachineArn", "").split("#")[0]) or ""
        execution = machine.replace(":stateMachine:", ":execution:") + f":{request.get('name')}"
        running = sfn._executions.get(execution)
        same = running and running["status"] == "RUNNING" and running["input"] == request.get("input", "{}")
        if same:
            return sfn.json_response({"executionArn": execution, "startDate": running["startDate"]})
        return start(request)

    sfn._start_execution = checked


def refusal(request: dict[str, Any]) -> tuple[str, str] | None:
    """Error code and message of a StartExecution that AWS refuses."""
    text, name = request.get("input", "{}"), request.get("name")
    if len(text.encode()) > LARGEST_PAYLOAD:
        limit = f"Member must have length less than or equal to {LARGEST_PAYLOAD}"
        return (
            "ValidationException",
            f"1 validation error detected: Value at 'input' failed to satisfy constraint: {limit}",
        )
    if name is not None and not _NAME.fullmatch(name):
        return "InvalidName", f"Invalid Name: '{name}'"
    try:
        json.loads(text)
    except ValueError as error:
        return "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
    return None


def _keep_how_it_ended(sfn: Any) -> None:
    fail = sfn._fail_execution

    def failed(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)
            execution["output"] = None

    sfn._fail_execution = failed


def _run_in_a_scope(sfn: Any) -> None:
    run = sfn._run_execution

    def scoped(arn: str) -> None:
        execution = sfn._executions[arn]
        machine = sfn._state_machines.get(execution["stateMachineArn"]) or {}
        current.set(Scope(execution, machine.get("roleArn", "")))
        seconds = _timeout(machine)
        timer = threading.Timer(seconds or 0, contextvars.copy_context().run, (_time_out, sfn, execution))
        timer.daemon = True
        if seconds:
            timer.start()
        try:
            run(arn)
        finally:
            timer.cancel()

    sfn._run_execution = scoped


def _timeout(machine: dict[str, Any]) -> float | None:
    try:
        return float(json.loads(machine["definition"])["TimeoutSeconds"])
    except (KeyError, ValueError):
        return None


def _time_out(sfn: Any, execution: dict[str, Any]) -> None:
    if execution["status"] == "RUNNING":
        execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=sfn.now_iso())
        sfn._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
        sfn._emit_execution_status_event(execution)
