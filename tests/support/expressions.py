"""JSONata as Step Functions evaluates it: an undefined result is an error, null is a value."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jsonata import Jsonata
from jsonata.utils import Utils


class QueryEvaluationError(Exception):
    """An expression failed or is undefined, `States.QueryEvaluationError` on AWS."""


def evaluate(template: Any, variables: Mapping[str, Any], now: float) -> Any:
    """Evaluate every `{% expression %}` in a JSON value.

    Args:
        template: any JSON value.
        variables: the state's variables, and `states`.
        now: virtual time in seconds since the epoch, what `$millis()` and `$now()` answer.
    """
    if not template:
        return template
    bound = {name: _with_nulls(value) for name, value in variables.items()}
    return _evaluated(template, bound | _functions(now))


def _evaluated(template: Any, bound: Mapping[str, Any]) -> Any:
    if isinstance(template, str) and template.startswith("{%") and template.endswith("%}"):
        return _expression(template[2:-2].strip(), bound)
    if isinstance(template, dict):
        return {key: _evaluated(value, bound) for key, value in template.items()}
    if isinstance(template, list):
        return [_evaluated(value, bound) for value in template]
    return template


def _expression(text: str, bound: Mapping[str, Any]) -> Any:
    try:
        result = _compiled(text).evaluate(None, bound)
    except Exception as error:  # every fault of an expression is this one error on AWS
        raise QueryEvaluationError(f"{text}: {error}") from error
    if result is None:
        raise QueryEvaluationError(f"{text} is undefined")
    return _without_nulls(result)


@cache
def _compiled(text: str) -> Any:
    compiled = Jsonata(text)
    compiled.set_output_convert_nulls(False)
    return compiled


def _functions(now: float) -> dict[str, Any]:
    """What Step Functions adds to JSONata, and the functions that tell the time."""
    time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    functions = {
        "millis": lambda: int(now * 1000),
        "now": lambda: time,
        "uuid": lambda: str(uuid.uuid4()),
        "parse": lambda value: _with_nulls(json.loads(value)),
        "hash": lambda value, algorithm: hashlib.new(_digest(algorithm), value.encode()).hexdigest(),
    }
    return {name: Jsonata.JLambda(function) for name, function in functions.items()}


def _digest(algorithm: str) -> str:
    return algorithm.replace("-", "").lower()


def _with_nulls(value: Any) -> Any:
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {key: _with_nulls(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_nulls(inner) for inner in value]
    return value


def _without_nulls(value: Any) -> Any:
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
