"""Does the head node's user data, as rendered, set a machine up, and nothing twice?

Run for real: the script, the node package from S3, blkid, mkfs, mount, fstab, exportfs, the signal to the embedded AWS
with the head node's role. Stand-ins: see `machine.STAND_INS`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.nodes import metadata
from tests.nodes.cluster import HeadNode
from tests.nodes.machine import LVM, MDADM, RECORD, Machine
from tests.nodes.metadata import Metadata
from tests.support.embedded import Account

ZONE = "us-east-1a"
STATE = """
cat /etc/fstab /etc/exports.d/shoal.exports /etc/systemd/system/shoal-*
findmnt --list --noheadings --output TARGET,SOURCE,FSTYPE,OPTIONS
for disk in /dev/disk/by-id/*; do blkid --probe --output export "$disk"; done
stat --format '%n %a %u %g' /new '/full data' /efs /home
exportfs -v
"""
"""Everything that a bootstrap decides."""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with Machine(tmp_path) as running:
        yield running


class Bootstrap:
    """A head node and the machine it is; `run` runs its user data once."""

    def __init__(self, account: Account, machine: Machine, *storage: dict[str, Any]) -> None:
        self.machine = machine
        self.node = HeadNode(account, list(storage))
        machine.write("/usr/local/bin/awsbsub", "installed", mode="755")

    def run(self) -> subprocess.CompletedProcess[str]:
        name, credentials = self.node.role()
        entries = metadata.instance(self.node.instance_id, name, credentials)
        with Metadata(entries) as service:
            return self.machine.script(
                self.node.user_data(),
                AWS_ENDPOINT_URL=self.node.account.server.url,
                AWS_EC2_METADATA_SERVICE_ENDPOINT=service.url,
                PIP_NO_INDEX="1",
            )

    def succeed(self) -> None:
        done = self.run()
        assert done.returncode == 0, (done.stdout, done.stderr)

    def attach(self) -> list[str]:
        """Plug in the volumes that the stack made; their devices."""
        found = self.node.stack.cloudformation.describe_stack_resources(StackName=self.node.stack.id)["StackResources"]
        made = sorted(
            (r["LogicalResourceId"], r["PhysicalResourceId"]) for r in found if "EC2::Volume" in r["ResourceType"]
        )
        return [self.machine.volume(volume_id) for _, volume_id in made]


def ebs(name: str, mount_dir: str, **settings: Any) -> dict[str, Any]:
    return {"Name": name, "MountDir": mount_dir, "StorageType": "Ebs", "EbsSettings": settings}


def existing_volume(account: Account) -> str:
    created = account.client("ec2").create_volume(AvailabilityZone=ZONE, Size=40, VolumeType="gp3")
    return str(created["VolumeId"])


@pytest.fixture
def bootstrap(account: Account, machine: Machine) -> Bootstrap:
    """A head node with a new volume, an existing one with data, and a file system."""
    existing = existing_volume(account)
    device = machine.volume(existing)
    subprocess.run(["mkfs.ext4", "-q", "-F", device], check=True)
    machine.run(f"mkdir /m && mount {device} /m && echo precious > /m/data && umount /m")
    full = ebs("full", "/full data", VolumeId=existing)
    made = Bootstrap(
        account, machine, ebs("new", "/new"), full, {"Name": "efs", "MountDir": "/efs", "StorageType": "Efs"}
    )
    made.attach()
    return made


def test_the_stack_is_complete_when_the_user_data_have_run(bootstrap: Bootstrap) -> None:
    bootstrap.succeed()
    bootstrap.node.stack.ends("CREATE_COMPLETE")
    assert bootstrap.node.tags()["shoal:bootstrap"] == "SUCCESS"
    assert bootstrap.node.log()[-1].endswith("the node is ready")


def test_an_empty_volume_is_formatted_and_one_with_data_keeps_them(bootstrap: Bootstrap) -> None:
    bootstrap.succeed()
    assert bootstrap.machine.run("findmnt -no FSTYPE /new").strip() == "ext4"
    assert bootstrap.machine.run("stat --format %a /new").strip() == "1777"
    assert bootstrap.machine.read("/full data/data") == "precious\n"


def test_what_is_shared_is_mounted_remembered_and_exported(bootstrap: Bootstrap) -> None:
    bootstrap.succeed()
    entries = [line.split()[1:3] for line in bootstrap.machine.read("/etc/fstab").splitlines()]
    assert entries == [["/full\\040data", "ext4"], ["/new", "ext4"], ["/efs", "nfs4"]]
    exported = [line.split()[:2] for line in bootstrap.machine.read("/etc/exports.d/shoal.exports").splitlines()]
    range_ = "10.0.0.0/16(rw,sync,no_root_squash,no_subtree_check)"
    assert exported == [["/home", range_], ["/full\\040data", range_], ["/new", range_]]
    assert "10.1.0.0/16" in bootstrap.machine.run("exportfs -v")
    assert "enable --now nfs-server" in bootstrap.machine.calls("systemctl")


def test_running_the_user_data_again_changes_nothing(bootstrap: Bootstrap) -> None:
    bootstrap.succeed()
    bootstrap.machine.write("/new/result", "42")
    before, units = bootstrap.machine.run(STATE), bootstrap.machine.calls("systemctl")
    bootstrap.succeed()
    assert bootstrap.machine.run(STATE) == before
    assert bootstrap.machine.read("/new/result") == "42"
    assert bootstrap.machine.calls("systemctl") == [*units, "enable --now nfs-server"]
    assert bootstrap.machine.run("grep -c 'mkfs' /var/log/shoal/bootstrap.log").strip() == "1"


def test_a_second_run_sends_no_second_signal(bootstrap: Bootstrap) -> None:
    bootstrap.succeed()
    bootstrap.node.stack.ends("CREATE_COMPLETE")
    bootstrap.succeed()
    decisions: Any = bootstrap.node.account.server.call("GET", "/_shoal/iam")
    mine = [found for found in decisions["decisions"] if found["account"] == bootstrap.node.account.id]
    signals = [found["count"] for found in mine if found["action"] == "cloudformation:SignalResource"]
    assert signals == [1]


def test_after_a_restart_everything_is_mounted_again(bootstrap: Bootstrap) -> None:
    bootstrap.succeed()
    before = bootstrap.machine.run(STATE)
    bootstrap.machine.run("umount /new '/full data' /efs && mount --all")
    assert bootstrap.machine.run(STATE) == before


def test_a_file_system_is_told_to_grow_with_its_volume(account: Account, machine: Machine) -> None:
    """Growing while mounted needs CAP_SYS_RESOURCE, which not every root has, so it is only told to."""
    machine.write("/usr/sbin/resize2fs", RECORD, mode="755")
    bootstrap = Bootstrap(account, machine, ebs("new", "/new"))
    (device,) = bootstrap.attach()
    bootstrap.succeed()
    assert machine.calls("resize2fs") == [device]


def test_data_that_are_no_file_system_are_left_alone_and_the_reason_is_told(account: Account, machine: Machine) -> None:
    existing = existing_volume(account)
    device = machine.volume(existing)
    machine.run(f"printf 'raw database' | dd of={device} conv=notrunc status=none")
    bootstrap = Bootstrap(account, machine, ebs("raw", "/raw", VolumeId=existing))
    assert bootstrap.run().returncode == 1
    assert machine.run(f"head -c 12 {device}") == "raw database"
    reason = bootstrap.node.tags()["shoal:bootstrap"]
    assert reason.startswith("FAILURE volumes: ")
    assert "holds data, but no file system" in reason
    assert "holds data, but no file system" in bootstrap.node.log()[-1]
    bootstrap.node.stack.ends("ROLLBACK_COMPLETE")


def test_the_homes_move_to_a_volume_mounted_over_them(account: Account, machine: Machine) -> None:
    bootstrap = Bootstrap(account, machine, ebs("home", "home"))
    bootstrap.attach()
    bootstrap.succeed()
    assert machine.run("findmnt -no FSTYPE /home").strip() == "ext4"
    assert machine.read("/home/admin/authorized_keys") == "ssh-ed25519 AAAA\n"
    assert machine.read("/etc/exports.d/shoal.exports").split()[0] == "/home"
    bootstrap.succeed()
    assert machine.run("ls /home").split() == ["admin", "lost+found"]


def test_a_copy_of_the_homes_that_was_interrupted_is_made_again(account: Account, machine: Machine) -> None:
    bootstrap = Bootstrap(account, machine, ebs("home", "home"))
    (device,) = bootstrap.attach()
    subprocess.run(["mkfs.ext4", "-q", "-F", device], check=True)
    machine.run(
        f"mkdir /m && mount {device} /m && mkdir /m/.admin.partial && echo half > /m/.admin.partial/x && umount /m"
    )
    bootstrap.succeed()
    assert machine.run("ls -A /home").split() == ["admin", "lost+found"]
    assert machine.run("ls /home/admin").split() == ["authorized_keys"]


def test_a_directory_may_have_characters_that_mean_something_to_a_shell(account: Account, machine: Machine) -> None:
    directory = '/it\'s "$HOME" `id` #1'
    bootstrap = Bootstrap(account, machine, ebs("odd", directory))
    bootstrap.attach()
    bootstrap.succeed()
    bootstrap.machine.write("/tmp/name", directory)
    assert machine.run('findmnt -no FSTYPE "$(cat /tmp/name)"').strip() == "ext4"


def test_an_array_is_made_of_empty_disks_once(account: Account, machine: Machine) -> None:
    machine.write("/usr/sbin/mdadm", MDADM, mode="755")
    bootstrap = Bootstrap(account, machine, ebs("fast@one", "/fast", Raid={"Type": 0, "NumberOfVolumes": 2}))
    bootstrap.attach()
    bootstrap.succeed()
    bootstrap.succeed()
    created, detail = machine.calls("mdadm")
    assert created.startswith(
        "--create /dev/md/fast-one --level=0 --raid-devices=2 --metadata=1.2 --homehost=any --run /dev/"
    )
    assert detail == "--detail --brief /dev/md/fast-one"
    assert "ARRAY /dev/md/fast-one metadata=1.2 UUID=0:0:0:0" in machine.run(
        "cat /etc/mdadm/mdadm.conf || cat /etc/mdadm.conf"
    )


def test_an_array_of_some_empty_disks_is_not_made(account: Account, machine: Machine) -> None:
    machine.write("/usr/sbin/mdadm", MDADM, mode="755")
    bootstrap = Bootstrap(account, machine, ebs("half", "/half", Raid={"Type": 1, "NumberOfVolumes": 2}))
    first, _ = bootstrap.attach()
    subprocess.run(["mkfs.ext4", "-q", "-F", first], check=True)
    assert bootstrap.run().returncode == 1
    assert "only some" in bootstrap.node.tags()["shoal:bootstrap"]
    assert machine.calls("mdadm") == []


def test_the_instances_own_disks_become_one_scratch_volume(account: Account, machine: Machine) -> None:
    for program in ("vgcreate", "lvcreate"):
        machine.write(f"/usr/sbin/{program}", LVM, mode="755")
    for number in ("1", "2"):
        machine.disk(f"nvme-Amazon_EC2_NVMe_Instance_Storage_AWS{number}")
    bootstrap = Bootstrap(account, machine)
    bootstrap.succeed()
    bootstrap.succeed()
    assert machine.run("stat --format %a /scratch").strip() == "1777"
    assert machine.run("findmnt -no FSTYPE /scratch").strip() == "ext4"
    stripes = "--yes --extents 100%FREE --stripes 2 --stripesize 64 --name scratch shoal-scratch"
    assert machine.calls("lvcreate") == [stripes]


def test_the_default_users_batch_client_knows_the_cluster(account: Account, machine: Machine) -> None:
    Bootstrap(account, machine).succeed()
    settings = machine.read("/home/admin/.parallelcluster/awsbatch-cli.cfg")
    assert settings == "[main]\ncluster_name = shoal-cluster-genomics\nregion = us-east-1\n"
    assert machine.run("stat --format %u /home/admin/.parallelcluster").strip() == "1000"


def test_a_batch_client_that_cannot_be_installed_does_not_fail_the_node(account: Account, machine: Machine) -> None:
    bootstrap = Bootstrap(account, machine)
    machine.run("rm /usr/local/bin/awsbsub")
    bootstrap.succeed()
    assert any("batch client:" in line and "the node works without it" in line for line in bootstrap.node.log())
