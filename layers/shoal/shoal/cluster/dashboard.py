"""The cluster's dashboard: alarms, the head node's metrics, Slurm's nodes by group, and the last lines of every log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shoal.cluster.alarms import WATCHED, alarm_ids, period
from shoal.cluster.fleet import GROUP_METRICS
from shoal.cluster.head_node import HEAD_NODE
from shoal.cluster.monitoring import log_groups
from shoal.cluster.site import Site, names
from shoal.cluster.template import Resource, Value, get_att, join, ref, tag_list

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster

DASHBOARD = "Dashboard"
WIDTH, HEIGHT = 12, 6
"""Of a widget; a dashboard is 24 wide,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""
_CHARTS = (
    ("Processor, memory and disk in use", [(w.namespace, w.metric) for w in WATCHED if w.threshold]),
    ("Network", [("AWS/EC2", "NetworkIn"), ("AWS/EC2", "NetworkOut")]),
    ("EBS bytes", [("AWS/EC2", "EBSReadBytes"), ("AWS/EC2", "EBSWriteBytes")]),
    ("Status checks failed", [("AWS/EC2", "StatusCheckFailed")]),
)
GROUP_PERIOD = 60
"""Seconds between Auto Scaling's metrics of a group."""
_REFERENCE = re.compile(r"<<(\w+)(?:\.(\w+))?>>")
"""How a widget holds a reference of the template, `<<HeadNode>>` or `<<Alarm.Arn>>`, inside its JSON text."""


def resources(cluster: Cluster, site: Site) -> Iterator[tuple[str, Resource]]:
    """The dashboard, unless the configuration wants none."""
    if not cluster.monitoring.dashboards.cloud_watch.enabled:
        return
    widgets = [
        {"type": kind, "width": WIDTH, "height": HEIGHT, "properties": properties}
        for kind, properties in (
            *_alarms(cluster),
            *_charts(cluster, site),
            *_nodes(cluster, site),
            *_logs(cluster, site),
        )
    ]
    yield (
        DASHBOARD,
        {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {
                "DashboardName": f"{names(site).stack}-{site.region}",
                "DashboardBody": _with_references(json.dumps({"widgets": widgets}, separators=(",", ":"))),
                "Tags": tag_list(cluster, site),
            },
        },
    )


type Widget = tuple[str, dict[str, Any]]


def _alarms(cluster: Cluster) -> Iterator[Widget]:
    if alarms := alarm_ids(cluster):
        yield "alarm", {"title": "Alarms", "alarms": [f"<<{alarm}.Arn>>" for alarm in alarms]}


def _charts(cluster: Cluster, site: Site) -> Iterator[Widget]:
    for title, metrics in _CHARTS:
        yield (
            "metric",
            {
                "title": f"Head node: {title}",
                "region": site.region,
                "stat": "Maximum",
                "period": period(cluster),
                "metrics": [[*metric, "InstanceId", f"<<{HEAD_NODE}>>"] for metric in metrics],
            },
        )


def _nodes(cluster: Cluster, site: Site) -> Iterator[Widget]:
    """What each Auto Scaling group of a Slurm cluster wants, and has."""
    groups = [
        names(site).group(queue.name, resource.name)
        for queue in cluster.scheduling.slurm_queues
        for resource in queue.compute_resources
    ]
    for metric in GROUP_METRICS if groups else ():
        yield (
            "metric",
            {
                "title": f"Nodes: {metric}",
                "region": site.region,
                "stat": "Maximum",
                "period": GROUP_PERIOD,
                "metrics": [["AWS/AutoScaling", metric, "AutoScalingGroupName", group] for group in groups],
            },
        )


def _logs(cluster: Cluster, site: Site) -> Iterator[Widget]:
    for purpose in log_groups(cluster).values():
        source = f"SOURCE '{names(site).log_group(purpose)}'"
        query = f"{source} | fields @timestamp, @logStream, @message | sort @timestamp desc | limit 100"
        yield "log", {"title": f"Log of {purpose}", "region": site.region, "view": "table", "query": query}


def _with_references(text: str) -> Value:
    """The text with the template's references in it; no value of the configuration stands in a dashboard."""
    parts: list[Value] = []
    end = 0
    for match in _REFERENCE.finditer(text):
        logical_id, attribute = match.groups()
        parts += [text[end : match.start()], get_att(logical_id, attribute) if attribute else ref(logical_id)]
        end = match.end()
    return join(*parts, text[end:])
