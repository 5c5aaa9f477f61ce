"""Monitoring: logs, dashboard and alarms of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from shoal.cluster.grammar import Change, Code, Integer, Section, problem
from shoal.cluster.kinds import AWSBATCH, SLURM
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, arn, tag_list

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

RETENTION_DAYS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html; 0: for ever."""


def _retention(value: int) -> int:
    if value not in RETENTION_DAYS:
        choices = ", ".join(map(str, RETENTION_DAYS))
        raise problem(
            Code.INVALID_VALUE, "is not a number of days that CloudWatch Logs knows", f"write one of {choices}"
        )
    return value


class CloudWatchLogs(Section):
    """Log groups."""

    enabled: Annotated[bool, Change.FIXED] = True
    """Whether the head node sends its logs to CloudWatch Logs."""
    retention_in_days: Annotated[
        Integer, Change.LIVE, AfterValidator(_retention), Field(json_schema_extra={"enum": [*RETENTION_DAYS]})
    ] = 180
    """How long log events are kept; 0 keeps them for ever. One of 0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365,
    400, 545, 731, 1827, 3653."""
    deletion_policy: Annotated[Literal["Delete", "Retain"], Change.LIVE] = "Retain"
    """Whether the log groups go with the cluster or stay."""


class LogRotation(Section):
    """Rotation of log files on the head node."""

    enabled: Annotated[bool, Change.FIXED] = True
    """Whether the head node rotates its log files."""


class Logs(Section):
    """Logs of the head node, the builds and the jobs."""

    cloud_watch: CloudWatchLogs = CloudWatchLogs()
    """Log groups."""
    rotation: LogRotation = LogRotation()
    """Rotation of log files on the head node."""


class CloudWatchDashboards(Section):
    """The cluster's dashboard."""

    enabled: Annotated[bool, Change.LIVE] = True
    """Whether the cluster has a CloudWatch dashboard."""


class Dashboards(Section):
    """Dashboards."""

    cloud_watch: CloudWatchDashboards = CloudWatchDashboards()
    """The cluster's dashboard."""


class Alarms(Section):
    """Alarms on the head node."""

    enabled: Annotated[bool, Change.LIVE] = True
    """Whether CloudWatch alarms watch the head node."""


class Monitoring(Section):
    """Logs, metrics, dashboard and alarms."""

    detailed_monitoring: Annotated[bool, Change.LIVE] = False
    """Whether EC2 reports the head node's metrics every minute instead of every five."""
    logs: Logs = Logs()
    """Logs of the head node, the builds and the jobs."""
    dashboards: Dashboards = Dashboards()
    """Dashboards."""
    alarms: Alarms = Alarms()
    """Alarms on the head node."""


# ---- resources

HEAD_NODE_LOGS = "HeadNodeLogGroup"
COMPUTE_LOGS = "ComputeLogGroup"
BUILD_LOGS = "BuildLogGroup"
JOB_LOGS = "JobLogGroup"
LOG_GROUPS = MappingProxyType(
    {
        AWSBATCH: {BUILD_LOGS: "builds", JOB_LOGS: "jobs"},
        SLURM: {COMPUTE_LOGS: "compute"},
    }
)
"""By kind, the log groups beside the head node's, and what each is for."""


def streams_arn(site: Site, purpose: str) -> Value:
    """The ARN of the streams of one of the cluster's log groups: `builds`, `jobs`, `compute` or `head-node`."""
    return arn(site, "logs", f"log-group:{names(site).log_group(purpose)}:*")


def log_groups(cluster: Cluster) -> dict[str, str]:
    """The cluster's log groups and what each is for. Batch always writes; the nodes only where it is wanted."""
    wanted = cluster.monitoring.logs.cloud_watch.enabled
    of_kind = LOG_GROUPS[cluster.kind] if wanted or cluster.kind == AWSBATCH else {}
    return of_kind | ({HEAD_NODE_LOGS: "head-node"} if wanted else {})


def node_log_group(cluster: Cluster, site: Site, purpose: str) -> str | None:
    """The name of the log group of the head node or of the compute nodes, where they send their logs."""
    return names(site).log_group(purpose) if cluster.monitoring.logs.cloud_watch.enabled else None


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The log groups; nothing else in the cluster may create one."""
    for log_group_id, purpose in log_groups(cluster).items():
        yield log_group_id, _log_group(cluster, site, purpose)


def _log_group(cluster: Cluster, site: Site, purpose: str) -> Resource:
    logs = cluster.monitoring.logs.cloud_watch
    retention = {"RetentionInDays": logs.retention_in_days} if logs.retention_in_days else {}
    return {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": logs.deletion_policy,
        "UpdateReplacePolicy": logs.deletion_policy,
        "Properties": {
            "LogGroupName": names(site).log_group(purpose),
            **retention,
            "Tags": tag_list(cluster, site),
        },
    }
