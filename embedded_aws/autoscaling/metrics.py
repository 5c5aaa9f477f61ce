"""The metrics that a group sends: switched on and off; nothing is sent here.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_EnableMetricsCollection.html; MiniStack has neither.
"""

from __future__ import annotations

from embedded_aws.autoscaling import protocol
from embedded_aws.autoscaling.protocol import RefusedError, Result, named_group, put, strings
from embedded_aws.ec2.request import Query, value
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = protocol.HOOKS

SHOWN = "EnabledMetrics"
"""Key of a group's record, as it is described."""
GRANULARITY = "1Minute"
METRICS = (
    "GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances",
    "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances", "GroupInServiceCapacity",
    "GroupPendingCapacity", "GroupStandbyCapacity", "GroupTerminatingCapacity", "GroupTotalCapacity",
    "WarmPoolDesiredCapacity", "WarmPoolWarmedCapacity", "WarmPoolPendingCapacity", "WarmPoolTerminatingCapacity",
    "WarmPoolTotalCapacity", "GroupAndWarmPoolDesiredCapacity", "GroupAndWarmPoolTotalCapacity",
)  # fmt: skip


def install() -> None:
    """Put the operations into Auto Scaling's table."""
    put(EnableMetricsCollection=_enable, DisableMetricsCollection=_disable)


def _enable(query: Query) -> Result:
    record, wanted = named_group(query), _wanted(query)
    if value(query, "Granularity") != GRANULARITY:
        raise RefusedError(f"Granularity must be {GRANULARITY}")
    already = [one for one in record.get(SHOWN, []) if one["Metric"] not in wanted]
    record[SHOWN] = already + [{"Metric": metric, "Granularity": GRANULARITY} for metric in wanted]
    return {}


def _disable(query: Query) -> Result:
    record, wanted = named_group(query), _wanted(query)
    record[SHOWN] = [one for one in record.get(SHOWN, []) if one["Metric"] not in wanted]
    return {}


def _wanted(query: Query) -> tuple[str, ...]:
    """The metrics that a request names; all, if it names none."""
    named = tuple(strings(query, "Metrics"))
    if unknown := [metric for metric in named if metric not in METRICS]:
        raise RefusedError(f"Metric type not supported: {unknown[0]}")
    return named or METRICS
