"""Alarms on the head node: its health, processor, memory and root volume, as ParallelCluster has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, ref, tag_list
from shoal_node.contract import DISK_METRIC, MEMORY_METRIC, METRICS_NAMESPACE

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

PERCENT = 90
"""Above it a resource of the head node is nearly used up."""
BASIC_MONITORING = 300
"""Seconds between EC2's own metrics of an instance; 60 with detailed monitoring."""
DETAILED_MONITORING = 60


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


def period(cluster: Cluster) -> int:
    """Seconds between the values of a metric of the head node."""
    return DETAILED_MONITORING if cluster.monitoring.detailed_monitoring else BASIC_MONITORING


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """One alarm for each watched metric, unless the configuration wants none."""
    if not cluster.monitoring.alarms.enabled:
        return
    for watched in WATCHED:
        yield (
            watched.alarm_id,
            {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmName": f"{names(site).stack}-head-node-{watched.what}",
                    "AlarmDescription": f"The {watched.what} of the head node of the Shoal cluster {site.cluster_name}",
                    "Namespace": watched.namespace,
                    "MetricName": watched.metric,
                    "Dimensions": [{"Name": "InstanceId", "Value": ref(HEAD_NODE)}],
                    "Statistic": "Maximum",
                    "Period": period(cluster),
                    "EvaluationPeriods": 1,
                    "ComparisonOperator": "GreaterThanThreshold",
                    "Threshold": watched.threshold,
                    "TreatMissingData": "missing",
                    "Tags": tag_list(cluster, site),
                },
            },
        )
