"""Groups: created, updated, resized and deleted by AWS's rules.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html,
API_UpdateAutoScalingGroup.html, API_SetDesiredCapacity.html and API_DeleteAutoScalingGroup.html. MiniStack takes any
size, template and subnet, and deletes a group with its instances. Cooldowns, scaling policies, lifecycle hooks and
rebalancing between zones are not done here.
"""

from __future__ import annotations

from embedded_aws.autoscaling import activities, notices, protocol, rights, scaling, template
from embedded_aws.autoscaling.protocol import RefusedError, Result, named_group, number, put, strings
from embedded_aws.ec2.request import Query, Record, is_true, members, value
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *protocol.HOOKS,
    *template.HOOKS,
    *rights.HOOKS,
    ("services.autoscaling", "_asg_arn"),
    ("services.autoscaling", "_delete_group_hooks"),
    ("services.autoscaling", "_delete_group_policies"),
)

_NUMBERS = {"DefaultCooldown": 300, "HealthCheckGracePeriod": 0, "MaxInstanceLifetime": 0, "DefaultInstanceWarmup": 0}
"""Settings that are kept and shown, with what they are unless a request says otherwise."""


def install() -> None:
    """Put the operations into Auto Scaling's table."""
    put(
        CreateAutoScalingGroup=_create,
        UpdateAutoScalingGroup=_update,
        SetDesiredCapacity=_set_desired,
        DeleteAutoScalingGroup=_delete,
    )


def _create(query: Query) -> Result:
    from ministack.core.responses import now_iso
    from ministack.services import autoscaling

    name = value(query, "AutoScalingGroupName")
    if not name:
        raise RefusedError("AutoScalingGroupName is required")
    if name in autoscaling._asgs:
        raise RefusedError(
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
            "AlreadyExists",
        )
    template.refuse_absent(query)
    record = {
        "AutoScalingGroupName": name,
        "AutoScalingGroupARN": autoscaling._asg_arn(name),
        "LaunchTemplate": template.asked_template(query),
        "CreatedTime": now_iso(),
        "HealthCheckType": value(query, "HealthCheckType") or "EC2",
        "TerminationPolicies": strings(query, "TerminationPolicies") or ["Default"],
        "NewInstancesProtectedFromScaleIn": is_true(value(query, "NewInstancesProtectedFromScaleIn")),
        "CapacityRebalance": is_true(value(query, "CapacityRebalance")),
        **{key: usual if (asked := number(query, key)) is None else asked for key, usual in _NUMBERS.items()},
        **_created_sizes(query),
        **_placed(query),
        "Instances": [], "Status": "", "Tags": _tags(query, name),
        activities.KEPT: [], notices.KEPT: {}, "_suspended": {}, "_replacing": 0, "_places": 0, "_failures": 0,
        "_retry_at": 0.0, "_launching": False,
    }  # fmt: skip
    desired = record["DesiredCapacity"]
    created = f"At {activities.instant()} a user request created an AutoScalingGroup"
    record["_asked"] = f"{created} changing the desired capacity from 0 to {desired}."
    rights.make_service_role()
    autoscaling._asgs[name], autoscaling._tags[name] = record, record["Tags"]
    scaling.look_after(name)
    return {}


def _created_sizes(query: Query) -> Record:
    least, most = number(query, "MinSize"), number(query, "MaxSize")
    if least is None or most is None:
        raise RefusedError("MinSize and MaxSize are required")
    desired = number(query, "DesiredCapacity")
    sizes = {"MinSize": least, "MaxSize": most, "DesiredCapacity": least if desired is None else desired}
    _check_sizes(sizes)
    return sizes


def _check_sizes(sizes: Record) -> None:
    least, most, desired = sizes["MinSize"], sizes["MaxSize"], sizes["DesiredCapacity"]
    if least < 0 or least > most:
        raise RefusedError(f"Max bound, {most}, must be greater than or equal to min bound, {least}")
    if not least <= desired <= most:
        raise RefusedError(
            f"Desired capacity:{desired} must be between the specified min size:{least} and max size:{most}"
        )


def _placed(query: Query) -> Record:
    subnets = template.asked_subnets(query)
    named = ",".join(subnets) if value(query, "VPCZoneIdentifier") else ""
    return {"VPCZoneIdentifier": named, "AvailabilityZones": template.zones(subnets), "_subnets": subnets}


def _tags(query: Query, name: str) -> list[Record]:
    return [
        {
            "ResourceId": name,
            "ResourceType": "auto-scaling-group",
            "Key": tag["Key"],
            "Value": tag.get("Value", ""),
            "PropagateAtLaunch": is_true(tag.get("PropagateAtLaunch", "true")),
        }
        for tag in members(query, "Tags.member")
    ]


def _update(query: Query) -> Result:
    record = named_group(query)
    template.refuse_absent(query)
    changed = _updated_sizes(query, record)
    if any(key.startswith("LaunchTemplate.") for key in query):
        changed["LaunchTemplate"] = template.asked_template(query)
    if value(query, "VPCZoneIdentifier") or strings(query, "AvailabilityZones"):
        changed |= _placed(query)
    changed |= {key: setting for key in _NUMBERS if (setting := number(query, key)) is not None}
    if value(query, "HealthCheckType"):
        changed["HealthCheckType"] = value(query, "HealthCheckType")
    if policies := strings(query, "TerminationPolicies"):
        changed["TerminationPolicies"] = policies
    if protected := value(query, "NewInstancesProtectedFromScaleIn"):
        changed["NewInstancesProtectedFromScaleIn"] = is_true(protected)
    if rebalanced := value(query, "CapacityRebalance"):
        changed["CapacityRebalance"] = is_true(rebalanced)
    before = record["DesiredCapacity"]
    record.update(changed, _retry_at=0.0)
    limits = f"min: {record['MinSize']}, max: {record['MaxSize']}, desired: {record['DesiredCapacity']}"
    asked = f"At {activities.instant()} a user request update of AutoScalingGroup constraints to {limits}"
    if record["DesiredCapacity"] != before:
        record["_asked"] = f"{asked} changing the desired capacity from {before} to {record['DesiredCapacity']}."
    scaling.look_after(record["AutoScalingGroupName"])
    return {}


def _updated_sizes(query: Query, record: Record) -> Record:
    """The sizes after an update, which moves a desired capacity that it does not name between the limits."""
    asked = {name: number(query, name) for name in ("MinSize", "MaxSize", "DesiredCapacity")}
    sizes = {name: record[name] if size is None else size for name, size in asked.items()}
    if asked["DesiredCapacity"] is None:
        sizes["DesiredCapacity"] = max(sizes["MinSize"], min(sizes["MaxSize"], sizes["DesiredCapacity"]))
    _check_sizes(sizes)
    return sizes


def _set_desired(query: Query) -> Result:
    record, desired = named_group(query), number(query, "DesiredCapacity")
    if desired is None:
        raise RefusedError("DesiredCapacity is required")
    least, most, before = record["MinSize"], record["MaxSize"], record["DesiredCapacity"]
    if desired > most:
        raise RefusedError(
            f"New SetDesiredCapacity value {desired} is above max value {most} for the AutoScalingGroup."
        )
    if desired < least:
        raise RefusedError(
            f"New SetDesiredCapacity value {desired} is below min value {least} for the AutoScalingGroup."
        )
    record.update(
        DesiredCapacity=desired,
        _retry_at=0.0,
        _asked=f"At {activities.instant()} a user request explicitly set group desired capacity changing the desired "
        f"capacity from {before} to {desired}.",
    )
    scaling.look_after(record["AutoScalingGroupName"])
    return {}


def _delete(query: Query) -> Result:
    from ministack.services import autoscaling

    record = named_group(query)
    name = record["AutoScalingGroupName"]
    scaling.close(record, is_true(value(query, "ForceDelete")))
    autoscaling._delete_group_hooks(name)
    autoscaling._delete_group_policies(name)
    return {}
