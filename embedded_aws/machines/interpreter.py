"""The interpreter of state machines, where MiniStack's differs from AWS.

AWS: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html - `States.Runtime` is never
retried nor caught, `States.DataLimitExceeded` not by `States.ALL`; `MaxDelaySeconds` caps and `JitterStrategy`
spreads the pauses between retries. https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html -
a branch sees the outer variables and keeps its own. A Parallel state has Arguments, Output and Assign, a Succeed
state Output, `TimeoutSeconds` may be an expression; when a branch fails, the others end.
MiniStack ignores each of these.
"""

from __future__ import annotations

import json
import random
import time
from typing import Any

from embedded_aws.hooks import Hook
from embedded_aws.machines.scopes import current
from embedded_aws.machines.tasks import LARGEST_PAYLOAD

_STATES = ("_execute_pass", "_execute_task", "_execute_choice", "_execute_wait", "_execute_parallel", "_execute_map")
_REPLACED = (
    "_error_matches",
    "_find_matching_retrier",
    "_find_matching_catcher",
    "_apply_output_path",
    "_run_parallel_branches",
    "_run_map_items",
    "_run_sub_machine",
    "_scaled_sleep",
)
_USED = (
    "_ExecutionError",
    "_apply_jsonata_arguments",
    "_apply_jsonata_output",
    "_apply_state_assign",
    "_jsonata_state_field",
    "_state_query_language",
    "_SFN_WAIT_SCALE",
)
HOOKS: tuple[Hook, ...] = tuple(("services.stepfunctions", name) for name in (*_STATES, *_REPLACED, *_USED))

_PAUSE = 0.05
"""Seconds of a wait after which it looks whether it should still wait."""


def install() -> None:
    """Put stricter pieces into MiniStack's interpreter."""
    from ministack.services import stepfunctions

    _limit_states(stepfunctions)
    _follow_errors(stepfunctions)
    _end_with_the_scope(stepfunctions)
    _give_branches_their_own(stepfunctions)
    _evaluate_everything(stepfunctions)


def _limit_states(sfn: Any) -> None:
    """A state runs only while its scope does, and its output is limited."""

    def limited(run: Any) -> Any:
        def execute(state: Any, data: Any, *others: Any) -> Any:
            if current.get().ended():
                raise sfn._ExecutionError("States.Aborted", "the execution or the branch has ended")
            output, following = run(state, data, *others)
            if len(json.dumps(output).encode()) > LARGEST_PAYLOAD:
                message = f"The state's output exceeds the maximum number of bytes ({LARGEST_PAYLOAD})"
                raise sfn._ExecutionError("States.DataLimitExceeded", message)
            return output, following

        return execute

    for name in _STATES:
        setattr(sfn, name, limited(getattr(sfn, name)))


def matches(names: list[str], error: str) -> bool:
    """Whether a Retry or Catch with these `ErrorEquals` is for this error."""
    if error == "States.Runtime":
        return False
    if error in names:
        return True
    if error == "States.DataLimitExceeded":
        return False
    return "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")


def pause(retrier: dict[str, Any], retries: int) -> float:
    """Seconds before the next attempt, after this many retries; jitter not applied."""
    delay = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** retries
    return min(delay, float(retrier.get("MaxDelaySeconds", delay)))


def _follow_errors(sfn: Any) -> None:
    find_retrier, find_catcher = sfn._find_matching_retrier, sfn._find_matching_catcher

    def retrier(retriers: Any, error: str, counts: Any) -> Any:
        if current.get().ended():
            return None, -1
        found, index = find_retrier(retriers, error, counts)
        if found is None:
            return found, index
        seconds = pause(found, counts.get(index, 0))
        if found.get("JitterStrategy") == "FULL":
            seconds *= random.random()  # noqa: S311 - no secret depends on it
        return found | {"IntervalSeconds": seconds, "BackoffRate": 1}, index

    def catcher(catchers: Any, error: str) -> Any:
        return None if current.get().ended() else find_catcher(catchers, error)

    sfn._error_matches = matches
    sfn._find_matching_retrier, sfn._find_matching_catcher = retrier, catcher


def _end_with_the_scope(sfn: Any) -> None:
    """Pauses end with what they are in, so that a stopped execution or a failed branch holds nothing up."""

    def sleep(seconds: float) -> None:
        until = time.monotonic() + seconds * sfn._SFN_WAIT_SCALE
        scope = current.get()
        while (left := until - time.monotonic()) > 0 and not scope.ended():
            time.sleep(min(left, _PAUSE))

    sfn._scaled_sleep = sleep


def _give_branches_their_own(sfn: Any) -> None:
    """Branches get their own variables, and one scope that ends with the first failure."""
    run_branch = sfn._run_sub_machine

    def branch(states: Any, start: str, data: Any, execution: Any, context: Any) -> Any:
        scope = current.get()
        own = context | {"variables": dict(context.get("variables", {}))}
        try:
            return run_branch(states, start, data, execution, own)
        except sfn._ExecutionError as error:
            scope.failure = scope.failure or error
            scope.over = True
            raise

    def scoped(run: Any) -> Any:
        def attempt(*arguments: Any) -> Any:
            scope = current.get().child()
            token = current.set(scope)
            try:
                return run(*arguments)
            except sfn._ExecutionError as error:
                raise scope.failure or error from error
            finally:
                current.reset(token)

        return attempt

    sfn._run_sub_machine = branch
    sfn._run_parallel_branches, sfn._run_map_items = scoped(sfn._run_parallel_branches), scoped(sfn._run_map_items)


def _evaluate_everything(sfn: Any) -> None:
    """The JSONata fields that MiniStack passes over."""
    path, branches, task = sfn._apply_output_path, sfn._run_parallel_branches, sfn._execute_task

    def is_jsonata(state: Any, context: Any) -> bool:
        return bool(sfn._state_query_language(state, context) == "JSONata")

    def output(state: Any, data: Any, context: Any = None) -> Any:
        if state.get("Type") == "Succeed" and is_jsonata(state, context):
            return sfn._apply_jsonata_output(state, data, context, default=data)
        return path(state, data, context)

    def parallel(state: Any, data: Any, execution: Any, context: Any) -> Any:
        if not is_jsonata(state, context):
            return branches(state, data, execution, context)
        given = sfn._apply_jsonata_arguments(state, data, context)
        results, following = branches(state, given, execution, context)
        shown = sfn._apply_jsonata_output(state, data, context, result=results, default=results)
        sfn._apply_state_assign(state, data, context, result=results)
        return shown, following

    def timed_task(state: Any, data: Any, execution: Any, context: Any) -> Any:
        if isinstance(state.get("TimeoutSeconds"), str):
            seconds = sfn._jsonata_state_field(state, "TimeoutSeconds", "number", data, context)
            state = state | {"TimeoutSeconds": seconds}
        return task(state, data, execution, context)

    sfn._apply_output_path, sfn._run_parallel_branches, sfn._execute_task = output, parallel, timed_task
