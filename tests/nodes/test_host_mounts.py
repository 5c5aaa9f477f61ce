"""Do Batch's hosts, by their user data as rendered, mount the shared storage, once, or else take no jobs?"""

from __future__ import annotations

import email
import email.message
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shoal.cluster.configuration import load
from shoal.cluster.host_mounts import mount_user_data
from tests.nodes.machine import Machine
from tests.support.clusters import configuration, site

HEAD_NODE = "10.0.0.5"
SYSTEM = "fs-0123456789abcdef0"
STATE = "cat /etc/fstab; findmnt --list --noheadings --output TARGET,SOURCE,OPTIONS"
STORAGE: list[dict[str, Any]] = [
    {"MountDir": "/shared data", "Name": "shared", "StorageType": "Ebs"},
    {"MountDir": "efs", "Name": "efs", "StorageType": "Efs", "EfsSettings": {"FileSystemId": SYSTEM}},
    {
        "MountDir": "/secret",
        "Name": "secret",
        "StorageType": "Efs",
        "EfsSettings": {
            "FileSystemId": "fs-0123456789abcdef1",
            "EncryptionInTransit": True,
            "IamAuthorization": True,
            "AccessPointId": "fsap-0123456789abcdef0",
        },
    },
]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Machine]:
    with Machine(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def script() -> str:
    """The script in the MIME message, CloudFormation's references resolved."""
    value = mount_user_data(load(configuration(SharedStorage=STORAGE)), site())
    message = email.message_from_string("".join(_resolved(part) for part in value["Fn::Join"][1]))
    parts = message.get_payload()
    assert isinstance(parts, list)
    part = parts[0]
    assert isinstance(part, email.message.Message)
    assert (message.get_content_type(), part.get_content_type()) == ("multipart/mixed", "text/x-shellscript")
    return str(part.get_payload())


def _resolved(part: Any) -> str:
    return part if isinstance(part, str) else {"HeadNode": HEAD_NODE}[part["Fn::GetAtt"][0]]


def test_a_host_mounts_what_the_head_node_exports_and_every_file_system(host: Machine, script: str) -> None:
    done = host.script(script)
    assert done.returncode == 0, done.stderr
    mounted = [call.split(" -o")[0] for call in host.calls("mount.nfs4")]
    assert mounted == [
        f"{HEAD_NODE}:/home /mnt/shoal/home",
        f"{HEAD_NODE}:/shared data /mnt/shoal/shared data",
        f"{SYSTEM}.efs.us-east-1.amazonaws.com:/ /mnt/shoal/efs",
    ]
    (encrypted,) = host.calls("mount.efs")
    assert encrypted.startswith("fs-0123456789abcdef1:/ /mnt/shoal/secret")
    assert "tls,iam,accesspoint=fsap-0123456789abcdef0" in encrypted


def test_the_agent_needs_every_mount_at_later_starts(host: Machine, script: str) -> None:
    host.script(script)
    entries = host.read("/etc/fstab").splitlines()
    assert len(entries) == 4
    assert all("x-systemd.required-by=ecs.service" in entry for entry in entries)


def test_running_it_again_changes_nothing(host: Machine, script: str) -> None:
    host.script(script)
    before, calls = host.run(STATE), host.calls("mount.nfs4")
    done = host.script(script)
    assert done.returncode == 0, done.stderr
    assert (host.run(STATE), host.calls("mount.nfs4")) == (before, calls)


def test_a_host_that_cannot_mount_ends_itself(host: Machine, script: str) -> None:
    host.write("/usr/sbin/mount.nfs4", "#!/bin/sh\nexit 32\n", mode="755")
    done = host.script(script)
    assert done.returncode == 1
    assert "/mnt/shoal/home; this instance takes no jobs" in done.stdout
    assert host.calls("shutdown") == ["-h now"]
