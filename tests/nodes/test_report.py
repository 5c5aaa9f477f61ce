"""Does a node send its journal and metrics with its own role, and each line once?"""

from __future__ import annotations

import json
from pathlib import Path

from tests.nodes import metadata
from tests.nodes.cluster import HeadNode
from tests.nodes.machine import CALLS, Machine
from tests.nodes.metadata import Metadata
from tests.support.embedded import Account

REPORT = """#!/bin/sh
export PYTHONPATH=/usr/local/lib/shoal/shoal_node.zip
exec python3 -m shoal_node report
"""
LINES = [
    {"__CURSOR": "c1", "__REALTIME_TIMESTAMP": "1795500000000000", "MESSAGE": "up", "SYSLOG_IDENTIFIER": "systemd"},
    {"__CURSOR": "c2", "__REALTIME_TIMESTAMP": "1795500001000000", "MESSAGE": "hello", "SYSLOG_IDENTIFIER": "sshd"},
]
JOURNALCTL = f"""#!/bin/sh
echo "$@" >> {CALLS}/journalctl
case "$*" in *--boot*) cat /run/journal ;; esac
"""


def test_the_journal_is_sent_once_and_the_metrics_each_time(account: Account, tmp_path: Path) -> None:
    node = HeadNode(account, [])
    name, credentials = node.role()
    with Machine(tmp_path) as machine, Metadata(metadata.instance(node.instance_id, name, credentials)) as service:
        where = {"AWS_ENDPOINT_URL": account.server.url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url}
        machine.write("/usr/local/bin/awsbsub", "installed", mode="755")
        machine.write("/usr/local/bin/journalctl", JOURNALCTL, mode="755")
        machine.write("/run/journal", "\n".join(json.dumps(line) for line in LINES))
        assert machine.script(node.user_data(), **where).returncode == 0
        for _ in range(2):
            done = machine.script(REPORT, **where)
            assert done.returncode == 0, done.stderr
        assert machine.calls("journalctl")[1].endswith("--after-cursor=c2")
    assert node.log("journal") == ["systemd: up", "sshd: hello"]
    metrics = account.client("cloudwatch").list_metrics(Namespace="Shoal")["Metrics"]
    assert {metric["MetricName"] for metric in metrics} == {"MemoryUsedPercent", "DiskUsedPercent"}
    assert metrics[0]["Dimensions"] == [{"Name": "InstanceId", "Value": node.instance_id}]
