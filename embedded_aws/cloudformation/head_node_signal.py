"""A fixture, not a part of AWS: it sends the signal that a head node would send at the end of its bootstrap.

Where instances only are records, nobody would signal, and every cluster's creation would time out; one that boots
(`embedded_aws/instances`) speaks for itself.
On by default; `POST /_shoal/head-node-signal` switches it: `{"send": "SUCCESS"}`, `{"send": "FAILURE"}` or
`{"send": null}` for nothing, for every account or, with `"account"`, for one. The signal is sent as the instance sends
it: with a session of its profile's role, so a role that may not signal lets the stack time out here as well. A run's
report says that this fixture spoke; what a head node really does is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from embedded_aws import clients
from embedded_aws.cloudformation import signals as cfn_signals
from embedded_aws.cloudformation.signals import Waiting
from embedded_aws.ec2 import profiles
from embedded_aws.hooks import Hook
from embedded_aws.instances import life as instances_life

HOOKS: tuple[Hook, ...] = (*cfn_signals.HOOKS, *profiles.HOOKS)

EVERYBODY = "*"

BEFORE_SUCCESS: list[Callable[[Waiting], bool]] = []
"""Called before a SUCCESS is sent: what a stand-in does in place of the node; whether it went well."""

_send: dict[str, str | None] = {EVERYBODY: "SUCCESS"}
"""Status to send, by account."""

_sent: list[dict[str, str]] = []


def install() -> None:
    """Speak for every instance that a stack waits for."""
    cfn_signals.ON_WAIT.append(_speak)


def _switch(body: Any) -> object:
    _send[body.get("account", EVERYBODY)] = body["send"]
    return {"send": body["send"]}


def _report(body: Any) -> object:
    return {"sent": _sent}


ROUTES = {("POST", "/_shoal/head-node-signal"): _switch, ("GET", "/_shoal/head-node-signal"): _report}


def _speak(waiting: Waiting) -> None:
    from ministack.core.responses import get_account_id

    status = _send.get(get_account_id(), _send[EVERYBODY])
    if status is None or instances_life.boots(waiting.instance_id):
        return
    if status == "SUCCESS" and not all(prepare(waiting) for prepare in BEFORE_SUCCESS):
        status = "FAILURE"
    role = profiles.role_arn(waiting.profile_arn)
    service = (
        clients.role_client("cloudformation", role, waiting.instance_id) if role else clients.client("cloudformation")
    )
    outcome = {"stackId": waiting.stack_id, "instanceId": waiting.instance_id, "status": status}
    try:
        service.signal_resource(
            StackName=waiting.stack_id,
            LogicalResourceId=waiting.logical_id,
            UniqueId=waiting.instance_id,
            Status=status,
        )
    except ClientError as error:
        outcome["refused"] = error.response["Error"]["Code"]
    _sent.append(outcome)
