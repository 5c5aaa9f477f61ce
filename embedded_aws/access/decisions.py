"""A record of every decision about a role: what was asked, and whether it was allowed.

AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html - MiniStack evaluates
policies as AWS does (identity, resource and session policies, boundaries) but keeps no record. With one, a run can
show that nothing was denied, and which grants nobody used.

`GET /_shoal/iam` answers `{"decisions": [{"account", "role", "action", "resource", "decision", "count"}]}`, decision
`ALLOW` or `DENY`; `DELETE` forgets them. What a root user does is not recorded.
"""

from __future__ import annotations

import collections
import threading
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("core.iam_evaluator", "enforce"),
    ("core.iam_evaluator", "resolve_credential"),
    ("core.responses", "_account_from_sts_session"),
    ("core.responses", "get_account_id"),
)

_Decision = tuple[str, str, str, str, str]
_record: collections.Counter[_Decision] = collections.Counter()
_lock = threading.Lock()


def install() -> None:
    """Record what MiniStack's evaluator decides; its callers look the function up when they call."""
    from ministack.core import iam_evaluator

    decide = iam_evaluator.enforce

    def enforce(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        denied = decide(access_key, action, service, region, resource_arn, service_context)
        if role := _role(access_key):
            with _lock:
                _record[*role, action, resource_arn, "DENY" if denied else "ALLOW"] += 1
        return denied

    iam_evaluator.enforce = enforce


def _role(access_key: str) -> tuple[str, str] | None:
    """Account and name of the role whose session signs with this key."""
    from ministack.core import iam_evaluator, responses

    account = responses._account_from_sts_session(access_key) or responses.get_account_id()
    arn = str(getattr(iam_evaluator.resolve_credential(access_key, account), "principal_arn", ""))
    return (arn.split(":")[4], arn.split("/")[1]) if ":assumed-role/" in arn else None


def _show(body: Any) -> object:
    keys = ("account", "role", "action", "resource", "decision")
    with _lock:
        rows = sorted(_record.items())
    return {"decisions": [dict(zip(keys, decision, strict=True)) | {"count": count} for decision, count in rows]}


def _forget(body: Any) -> object:
    with _lock:
        _record.clear()
    return {"decisions": []}


ROUTES = {("GET", "/_shoal/iam"): _show, ("DELETE", "/_shoal/iam"): _forget}
