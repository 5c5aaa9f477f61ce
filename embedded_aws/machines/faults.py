"""Faults that a test plants: the next matching call of a state machine fails as AWS would make it fail.

`POST /_shoal/faults` with `{"rules": [{"service": "codebuild", "action": "startBuild", "error":
"ThrottlingException", "times": 2, "match": "part of the arguments", "account": "123456789012"}]}` adds rules,
`GET` shows what is left of them, `DELETE` removes them. `service` and `action` are those of the Task's Resource;
`match` and `account` are optional. An `error` with a dot (`States.TaskFailed`) is the Task's error as it stands, any
other is an AWS error code of that call.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from typing import Any

from embedded_aws.hooks import Hook
from embedded_aws.machines.integrations import Integration, TaskError

HOOKS: tuple[Hook, ...] = ()


@dataclass
class Rule:
    """One planted fault."""

    service: str
    action: str
    error: str
    times: int = 1
    match: str = ""
    account: str = ""
    message: str = "planted by a test"


_rules: list[Rule] = []
_lock = threading.Lock()


def install() -> None:
    """Nothing to hang in: the dispatcher consults the rules."""


def check(integration: Integration, arguments: Any, account: str) -> None:
    """Fail if a rule matches.

    Raises:
        TaskError: the planted fault.
    """
    text = json.dumps(arguments, default=str)
    with _lock:
        rule = next((rule for rule in _rules if _matches(rule, integration, text, account)), None)
        if rule is None:
            return
        rule.times -= 1
        if rule.times < 1:
            _rules.remove(rule)
    raise TaskError(rule.error if "." in rule.error else integration.error_name(rule.error), rule.message)


def _matches(rule: Rule, integration: Integration, text: str, account: str) -> bool:
    named = (rule.service, rule.action) == (integration.service, integration.action)
    return named and rule.match in text and rule.account in ("", account)


def _add(body: Any) -> object:
    with _lock:
        _rules.extend(Rule(**rule) for rule in body["rules"])
    return _left()


def _left(body: Any = None) -> object:
    return {"rules": [asdict(rule) for rule in _rules]}


def _remove(body: Any) -> object:
    with _lock:
        _rules.clear()
    return _left()


ROUTES = {
    ("POST", "/_shoal/faults"): _add,
    ("GET", "/_shoal/faults"): _left,
    ("DELETE", "/_shoal/faults"): _remove,
}
