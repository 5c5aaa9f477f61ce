"""Alarms: health, processor, memory and root volume of the head node, as ParallelCluster has them; Slurm's notices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.cluster.fleet_queue import DEAD_LETTERS, QUEUE
from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.kinds import SLURM
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, get_att, ref, tag_list
from shoal_node.contract import DISK_METRIC, MEMORY_METRIC, METRICS_NAMESPACE

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

PERCENT = 90
"""Above it a resource of the head node is nearly used up."""
BASIC_MONITORING = 300
"""Seconds between EC2's own metrics of an instance; 60 with detailed monitoring."""
DETAILED_MONITORING = 60
OLDEST_NOTICE = 600
"""Seconds; a notice that has waited for so long says that sqswatcher reads none."""
NOTICE_PERIOD = 300
"""Seconds between SQS's metrics of a queue that was idle,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
"""


@dataclass(frozen=True)
class Watched:
    """A metric of the head node, and the value above which its alarm goes off."""

    what: str
    namespace: str
    metric: str
    threshold: int

    @property
    def alarm_id(self) -> str:
        """The alarm."""
        return f"HeadNode{self.what.title()}Alarm"


WATCHED = (
    Watched("health", "AWS/EC2", "StatusCheckFailed", 0),
    Watched("cpu", "AWS/EC2", "CPUUtilization", PERCENT),
    Watched("memory", METRICS_NAMESPACE, MEMORY_METRIC, PERCENT),
    Watched("disk", METRICS_NAMESPACE, DISK_METRIC, PERCENT),
)
UNREAD_ALARM = "FleetUnreadAlarm"
DEAD_LETTERS_ALARM = "FleetDeadLettersAlarm"


def period(cluster: Cluster) -> int:
    """Seconds between the values of a metric of the head node."""
    return DETAILED_MONITORING if cluster.monitoring.detailed_monitoring else BASIC_MONITORING


def alarm_ids(cluster: Cluster) -> list[str]:
    """The cluster's alarms; none where the configuration wants none."""
    if not cluster.monitoring.alarms.enabled:
        return []
    of_fleet = [UNREAD_ALARM, DEAD_LETTERS_ALARM] if cluster.kind == SLURM else []
    return [*(watched.alarm_id for watched in WATCHED), *of_fleet]


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """One alarm for each watched metric, unless the configuration wants none."""
    if not cluster.monitoring.alarms.enabled:
        return
    for watched in WATCHED:
        alarm = _alarm(cluster, site, f"head-node-{watched.what}", f"The {watched.what} of the head node of")
        alarm["Properties"] |= {
            "Namespace": watched.namespace,
            "MetricName": watched.metric,
            "Dimensions": _dimensions("InstanceId", ref(HEAD_NODE)),
            "Period": period(cluster),
            "Threshold": watched.threshold,
            "TreatMissingData": "missing",
        }
        yield watched.alarm_id, alarm
    if cluster.kind == SLURM:
        yield from _of_fleet(cluster, site)


def _of_fleet(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """Notices that nobody reads, and those that nobody could read. An empty queue tells nothing, and that is well."""
    for alarm_id, what, why, queue, metric, threshold in (
        (
            UNREAD_ALARM,
            "notices-unread",
            "A notice waits for too long in the queue of",
            QUEUE,
            "ApproximateAgeOfOldestMessage",
            OLDEST_NOTICE,
        ),
        (
            DEAD_LETTERS_ALARM,
            "notices-dead",
            "There are notices that nobody could read in",
            DEAD_LETTERS,
            "ApproximateNumberOfMessagesVisible",
            0,
        ),
    ):
        alarm = _alarm(cluster, site, what, why)
        alarm["Properties"] |= {
            "Namespace": "AWS/SQS",
            "MetricName": metric,
            "Dimensions": _dimensions("QueueName", get_att(queue, "QueueName")),
            "Period": NOTICE_PERIOD,
            "Threshold": threshold,
            "TreatMissingData": "notBreaching",
        }
        yield alarm_id, alarm


def _dimensions(name: str, value: Value) -> list[dict[str, Any]]:
    return [{"Name": name, "Value": value}]


def _alarm(cluster: Cluster, site: Site, what: str, why: str) -> Resource:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": f"{names(site).stack}-{what}",
            "AlarmDescription": f"{why} the Shoal cluster {site.cluster_name}",
            "Statistic": "Maximum",
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Tags": tag_list(cluster, site),
        },
    }
