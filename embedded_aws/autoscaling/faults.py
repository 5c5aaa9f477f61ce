"""Launches and terminations that fail as AWS would make them fail, because a test says so.

`POST /_shoal/auto-scaling` with `{"launchError": "InsufficientInstanceCapacity"}` lets every launch of a group fail
with this EC2 error code from then on, until it is null again; `"terminateError"` does the same for terminations.
`"account"`, `"group"` and `"zones"` (a list, for launches) narrow it to one account, one group, some zones. EC2's
codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html, and what a group's activity says:
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-capacity.html and ts-as-instancelaunchfailure.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = ()

MESSAGES = {
    "InsufficientInstanceCapacity": (
        "We currently do not have sufficient {type} capacity in the Availability Zone you requested ({zone}). Our "
        "system will be working on provisioning additional capacity. You can currently get {type} capacity by not "
        "specifying an Availability Zone in your request or choosing another one."
    ),
    "VcpuLimitExceeded": (
        "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that "
        "the specified instance type belongs to."
    ),
    "InstanceLimitExceeded": "Your quota allows for 0 more running instance(s). You requested at least 1.",
    "InsufficientFreeAddressesInSubnet": "There are not enough free addresses in subnet to satisfy the request.",
}
"""What EC2 says, by code; another code says nothing but itself."""

ON_CHANGE: list[Callable[[], None]] = []
"""Called when faults were planted or taken back, so that groups try again at once."""

_planted: list[Mapping[str, Any]] = []


def install() -> None:
    """Nothing to put in place: `launching` asks."""


def launch_refusal(account: str, group: str, kind: str, zone: str) -> tuple[str, str] | None:
    """Code and message of a launch that is to fail."""
    code = _found("launchError", account, group, zone)
    return (code, MESSAGES.get(code, f"{code}.").format(type=kind, zone=zone)) if code else None


def termination_refusal(account: str, group: str) -> str | None:
    """Why a termination is to fail."""
    code = _found("terminateError", account, group, None)
    return MESSAGES.get(code, f"{code}.") if code else None


def _found(what: str, account: str, group: str, zone: str | None) -> str:
    for fault in _planted:
        others = (fault.get("account", account), fault.get("group", group))
        if fault.get(what) and others == (account, group) and (zone is None or zone in fault.get("zones", [zone])):
            return str(fault[what])
    return ""


def _switch(body: Any) -> object:
    """Put a fault in place of the one for the same account and group."""
    same = [fault for fault in _planted if _narrowed(fault) == _narrowed(body)]
    for fault in same:
        _planted.remove(fault)
    if body.get("launchError") or body.get("terminateError"):
        _planted.append(body)
    for retry in ON_CHANGE:
        retry()
    return {"faults": _planted}


def _narrowed(fault: Mapping[str, Any]) -> tuple[Any, Any]:
    return fault.get("account"), fault.get("group")


ROUTES = {("POST", "/_shoal/auto-scaling"): _switch, ("GET", "/_shoal/auto-scaling"): lambda _: {"faults": _planted}}
