"""Do the user data of a Slurm cluster's nodes, as rendered, set them up, once, and say how it ended?

Run for real: the scripts, the node package from S3, the key in the table, the fleet in the stack's metadata, Slurm's
reading of its files, exports, mounts, signal, acknowledgement, queue. No service runs here: `tests/slurm` has
slurmctld and slurmd at work, and `tests/instances` whole instances.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from shoal.cluster.compute_settings import compute_settings
from shoal.cluster.user_data import node_script
from tests.nodes import metadata
from tests.nodes.cluster import HeadNode
from tests.nodes.machine import CALLS, RECORD, Machine
from tests.nodes.metadata import Metadata
from tests.support.embedded import Account

SCONTROL = f"""#!/bin/sh
echo "$@" >> {CALLS}/scontrol
case "$*" in
  *hostnames*) exec /usr/bin/scontrol "$@" ;;
  *ping*) echo "Slurmctld(primary) at head is UP" ;;
  *"show node main-small-10-0-0-10"*) echo "NodeName=main-small-10-0-0-10 State=IDLE" ;;
esac
"""
"""Stands for a slurmctld that answers; configurations are read by Slurm's own program."""
USERS = "echo 'munge:x:103:105::/:/bin/false\nslurm:x:64030:64030::/:/bin/false' >> /etc/passwd"
CONFIGURE = """#!/bin/sh
export PYTHONPATH=/usr/local/lib/shoal/shoal_node.zip
exec python3 -m shoal_node configure
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with Machine(tmp_path) as running:
        running.write("/usr/local/bin/scontrol", SCONTROL, mode="755")
        running.write("/usr/local/bin/nft", RECORD, mode="755")
        running.write("/usr/local/bin/awsbsub", "installed", mode="755")
        running.run("mkdir -p /etc/cloud/cloud.cfg.d")
        running.run(f"{USERS}; rm -rf /etc/munge; mkdir -p /etc/munge; rm -rf /etc/slurm; mkdir /etc/slurm")
        yield running


class Head:
    """A head node and the machine it is."""

    def __init__(self, account: Account, machine: Machine, kind: str = "slurm", **head: Any) -> None:
        self.machine = machine
        self.node = HeadNode(account, [], kind, **head)

    def run(self, script: str | None = None, node: str = "head") -> CompletedProcess[str]:
        """Run the user data, or another script, with the role of a node."""
        name, credentials = self.node.role(node)
        with Metadata(metadata.instance(self.node.instance_id, name, credentials)) as service:
            return self.machine.script(
                script or self.node.user_data(),
                AWS_ENDPOINT_URL=self.node.account.server.url,
                AWS_EC2_METADATA_SERVICE_ENDPOINT=service.url,
            )

    def succeed(self, script: str | None = None) -> None:
        done = self.run(script)
        assert done.returncode == 0, (done.stdout, done.stderr)

    def items(self) -> dict[str, dict[str, Any]]:
        """The items of the node table."""
        dynamodb = self.node.account.client("dynamodb")
        return {item["pk"]["S"]: item for item in dynamodb.scan(TableName=self.table())["Items"]}

    def table(self) -> str:
        found: list[str] = self.node.account.client("dynamodb").list_tables()["TableNames"]
        return next(name for name in found if "genomics" in name)

    def version(self) -> str:
        """The version of the configuration that the node's daemons go by."""
        return str(json.loads(self.machine.read("/etc/shoal/fleet.json"))["version"])


def script_at(account: Account, text: str) -> dict[str, Any]:
    """A user's script in a bucket that the head node may read, as keys of `HeadNode`."""
    bucket = f"scripts-{account.id}"
    account.client("s3").create_bucket(Bucket=bucket)
    account.client("s3").put_object(Bucket=bucket, Key="set-up.sh", Body=text.encode())
    action = {"Script": f"s3://{bucket}/set-up.sh", "Args": ["a b", "$HOME"]}
    return {
        "CustomActions": {"OnNodeConfigured": action},
        "Iam": {"S3Access": [{"BucketName": bucket, "KeyName": "*"}]},
    }


def test_a_head_node_starts_slurm_with_its_queues_and_acknowledges_its_configuration(
    account: Account, machine: Machine
) -> None:
    head = Head(account, machine)
    head.succeed()
    head.node.stack.ends("CREATE_COMPLETE")
    assert "PartitionName=main Nodes=main Default=YES" in machine.read("/etc/slurm/slurm.conf")
    assert "restart slurmctld" in machine.calls("systemctl")
    placeholders = [call for call in machine.calls("scontrol") if call.startswith("create")]
    assert [call.split()[1] for call in placeholders] == ["nodename=main-small-future[1-4]"]
    assert head.items()[f"configuration#{head.version()}"]["state"] == {"S": "APPLIED"}
    assert machine.read("/etc/cloud/cloud.cfg.d/99_shoal.cfg") == "manage_etc_hosts: false\n"
    assert {"restart shoal-sqswatcher.service", "restart shoal-jobwatcher.service"} <= set(machine.calls("systemctl"))


def test_a_head_node_exports_what_its_nodes_share(account: Account, machine: Machine) -> None:
    Head(account, machine).succeed()
    exported = dict(line.split()[:2] for line in machine.read("/etc/exports.d/shoal.exports").splitlines())
    assert exported == {
        "/home": "10.0.0.0/16(rw,sync,no_root_squash,no_subtree_check)",
        "/opt/shoal": "10.0.0.0/16(ro,sync,root_squash,no_subtree_check)",
    }
    assert machine.read("/opt/shoal/fleet.json") == machine.read("/etc/shoal/fleet.json")


def test_users_do_not_read_the_metadata_of_a_head_node(account: Account, machine: Machine) -> None:
    Head(account, machine).succeed()
    assert "meta skuid != { 0, 1000 } reject" in machine.read("/etc/shoal/metadata.nft")
    assert "restart shoal-metadata.service" in machine.calls("systemctl")


def test_setting_a_head_node_up_again_keeps_its_key_and_does_not_disturb_slurm(
    account: Account, machine: Machine
) -> None:
    head = Head(account, machine)
    head.succeed()
    items, before = head.items(), machine.calls("systemctl")
    key = machine.run("md5sum /etc/munge/munge.key /etc/slurm/slurm.conf")
    head.succeed()
    assert machine.run("md5sum /etc/munge/munge.key /etc/slurm/slurm.conf") == key
    assert head.items() == items
    again = machine.calls("systemctl")[len(before) :]
    assert "start slurmctld" in again
    assert not {"restart slurmctld", "restart munge", "daemon-reload"} & set(again)


def test_a_head_node_applies_what_an_update_of_the_stack_says(account: Account, machine: Machine) -> None:
    head = Head(account, machine)
    head.succeed()
    head.node.stack.ends("CREATE_COMPLETE")
    first, done = head.version(), len(machine.calls("systemctl"))
    head.succeed(CONFIGURE)
    assert len(machine.calls("systemctl")) == done
    head.node.stack.update(head.node.resources("more"))
    head.succeed(CONFIGURE)
    assert "PartitionName=more Nodes=more" in machine.read("/etc/slurm/slurm.conf")
    assert "reconfigure" in machine.calls("scontrol")
    assert head.version() != first
    assert head.items()[f"configuration#{head.version()}"]["state"] == {"S": "APPLIED"}
    assert "restart slurmctld" not in machine.calls("systemctl")[done:]


@pytest.mark.parametrize("kind", ["awsbatch", "slurm"])
def test_a_users_script_runs_once_on_a_head_node(kind: str, account: Account, machine: Machine) -> None:
    script = script_at(account, '#!/bin/sh\necho "$1 $2" >> /var/ran\n')
    head = Head(account, machine, kind, **script)
    head.succeed()
    head.succeed()
    assert machine.read("/var/ran") == "a b $HOME\n"


def test_a_users_script_that_fails_fails_the_stack_with_its_last_lines(account: Account, machine: Machine) -> None:
    script = script_at(account, "#!/bin/sh\necho looking for a licence\necho none left >&2\nexit 7\n")
    head = Head(account, machine, **script)
    assert head.run().returncode == 1
    head.node.stack.ends("ROLLBACK_COMPLETE")
    reason = head.node.tags()["shoal:bootstrap"]
    assert reason.startswith("FAILURE OnNodeConfigured: OnNodeConfigured s3://")
    assert reason.endswith("ended with exit code 7: none left")
    assert any("looking for a licence" in line for line in head.node.log())


class Compute:
    """A compute node of a cluster whose head node was set up on the same machine, which is then made anew."""

    def __init__(self, head: Head) -> None:
        self._head = head
        account, cluster = head.node.account, head.node.cluster()
        self.queue_url = next(
            url for url in account.client("sqs").list_queues()["QueueUrls"] if "dead" not in url and "genomics" in url
        )
        (queue,) = cluster.scheduling.slurm_queues
        told = compute_settings(cluster, head.node.site, queue, queue.compute_resources[0])
        self.settings = replace(
            told, table=head.table(), queue_url=self.queue_url, head_address="10.0.0.5", log_group=None
        )
        fleet = head.machine.read("/opt/shoal/fleet.json")
        shared = "/srv/remote/10.0.0.5:_opt_shoal"
        head.machine.run(f"mkdir -p {shared}")
        head.machine.write(f"{shared}/fleet.json", fleet)
        head.machine.run(": > /etc/fstab; rm -f /etc/munge/munge.key /etc/systemd/system/shoal-* /var/lib/shoal/*.json")

    def run(self) -> CompletedProcess[str]:
        text = node_script(self.settings)
        assert isinstance(text, str)
        return self._head.run(text, "compute")

    def posted(self) -> dict[str, Any]:
        """What the node said of itself."""
        sqs = self._head.node.account.client("sqs")
        (message,) = sqs.receive_message(QueueUrl=self.queue_url, WaitTimeSeconds=5)["Messages"]
        return dict(json.loads(message["Body"]))


@pytest.fixture
def compute(account: Account, machine: Machine) -> Compute:
    head = Head(account, machine)
    head.succeed()
    return Compute(head)


def test_a_compute_node_takes_key_and_directories_joins_and_says_that_it_is_ready(
    compute: Compute, machine: Machine
) -> None:
    done = compute.run()
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert compute.posted()["shoal"] == "COMPUTE_READY"
    assert machine.run("stat --format '%a %U' /etc/munge/munge.key") == "400 munge\n"
    entries = [line.split()[:3] for line in machine.read("/etc/fstab").splitlines()]
    assert entries == [["10.0.0.5:/home", "/home", "nfs4"], ["10.0.0.5:/opt/shoal", "/opt/shoal", "nfs4"]]
    unit = machine.read("/etc/systemd/system/slurmd.service")
    assert '"-Z" "-N" "main-small-10-0-0-10" "--conf-server" "10.0.0.5" "--conf" "Feature=main,small ' in unit
    assert machine.calls("systemctl")[-1] == "restart shoal-nodewatcher.service"


def test_a_compute_node_with_another_slurm_says_that_it_failed_and_why(compute: Compute, machine: Machine) -> None:
    machine.write("/usr/local/bin/slurmd", "#!/bin/sh\necho slurm 19.05.5\n", mode="755")
    assert compute.run().returncode == 1
    told = compute.posted()
    assert (told["shoal"], told["queue"], told["computeResource"]) == ("COMPUTE_FAILED", "main", "small")
    assert "munge key: this node has Slurm 19.05.5, the head node 22.05.8" in told["log"][-1]
