"""Groups, instances and activities described page by page.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html,
API_DescribeAutoScalingInstances.html and API_DescribeScalingActivities.html. MiniStack has one page, and no activities;
those of a deleted group are not kept here.
"""

from __future__ import annotations

from collections.abc import Iterator

from embedded_aws.autoscaling import activities, protocol
from embedded_aws.autoscaling.protocol import RefusedError, Result, named_group, number, page, put, strings
from embedded_aws.ec2.request import Query, Record, members, value
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = protocol.HOOKS

GROUPS, MOST_GROUPS = 50, 100
"""On a page by default, and at most; also the most names in a request."""
INSTANCES = 50
ACTIVITIES = 100


def install() -> None:
    """Put the operations into Auto Scaling's table."""
    put(
        DescribeAutoScalingGroups=_groups,
        DescribeAutoScalingInstances=_instances,
        DescribeScalingActivities=_activities,
    )


def _groups(query: Query) -> Result:
    from ministack.services import autoscaling

    names = strings(query, "AutoScalingGroupNames")
    _limit("group names", names, number(query, "MaxRecords") or MOST_GROUPS)
    found = (_group(record) for name, record in sorted(autoscaling._asgs.items()) if not names or name in names)
    return page(query, (one for one in found if _tagged(query, one["Tags"])), "AutoScalingGroups", GROUPS, MOST_GROUPS)


def _limit(what: str, asked: list[str], most: int) -> None:
    if len(asked) > most:
        raise RefusedError(f"The number of Auto Scaling {what} that may be passed in is limited to {most}")


def _group(record: Record) -> Result:
    from ministack.services import autoscaling

    shown = {key: found for key, found in record.items() if not key.startswith("_") and found != ""}
    suspended = [{"ProcessName": name, "SuspensionReason": why} for name, why in record["_suspended"].items()]
    return {
        **shown,
        "Instances": [_shown(instance) for instance in list(record["Instances"])],
        "Tags": autoscaling._tags.get(record["AutoScalingGroupName"], []),
        "SuspendedProcesses": suspended,
    }


def _shown(instance: Record) -> Result:
    return {key: found for key, found in instance.items() if not key.startswith("_")}


def _tagged(query: Query, tags: list[Record]) -> bool:
    """Whether a group's tags are those that the request's filters ask for."""
    for position, filtered in enumerate(members(query, "Filters.member"), 1):
        name, values = filtered.get("Name", ""), strings(query, f"Filters.member.{position}.Values")
        parts = {
            "tag-key": [tag["Key"] for tag in tags],
            "tag-value": [tag["Value"] for tag in tags],
            name: [tag["Value"] for tag in tags if name == f"tag:{tag['Key']}"],
        }
        if name not in ("tag-key", "tag-value") and not name.startswith("tag:"):
            allowed = "Allowed Filter types are: tag-key tag-value tag:<key>"
            raise RefusedError(f"Filter type {name} is not correct. {allowed}")
        if not set(parts[name]) & set(values):
            return False
    return True


def _instances(query: Query) -> Result:
    wanted = strings(query, "InstanceIds")
    _limit("instance ids", wanted, INSTANCES)
    return page(query, _managed(wanted), "AutoScalingInstances", INSTANCES, INSTANCES)


def _managed(wanted: list[str]) -> Iterator[Result]:
    from ministack.services import autoscaling

    for name, record in sorted(autoscaling._asgs.items()):
        for instance in list(record["Instances"]):
            if not wanted or instance["InstanceId"] in wanted:
                health = instance["HealthStatus"].upper()
                yield {**_shown(instance), "AutoScalingGroupName": name, "HealthStatus": health}


def _activities(query: Query) -> Result:
    from ministack.services import autoscaling

    one = value(query, "AutoScalingGroupName")
    records = [named_group(query)] if one else [record for _, record in sorted(autoscaling._asgs.items())]
    wanted = strings(query, "ActivityIds")
    found = [activity for record in records for activity in record[activities.KEPT]]
    chosen = (activity for activity in found if not wanted or activity["ActivityId"] in wanted)
    return page(query, chosen, "Activities", ACTIVITIES, ACTIVITIES)
