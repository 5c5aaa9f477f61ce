"""`shoal ssh` as a process of its own: the program that it runs has its place, its arguments and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from embedded_aws.ec2.images import IMAGES
from embedded_aws.process import REGION, SECRET_ACCESS_KEY
from tests.support.embedded import Account
from tests.support.stacks import Stack, resource

PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*"
echo "process $$"
exit 7
"""
START = [sys.executable, "-c", "from shoal_cli.main import app; app()"]


@pytest.fixture
def node(account: Account) -> str:
    """The head node of a cluster `genomics`."""
    stack = Stack(account, "shoal-cluster-genomics")
    facts = {"ImageId": IMAGES[0][0], "InstanceType": "c5.large", "SubnetId": "subnet-00000001"}
    outputs = {"HeadNodeInstanceID": {"Value": {"Ref": "HeadNode"}}, "HeadNodeUser": {"Value": "admin"}}
    stack.create({"HeadNode": resource("AWS::EC2::Instance", facts)}, sections={"Outputs": outputs})
    return stack.physical_id("HeadNode")


@pytest.fixture
def environment(account: Account, tmp_path: Path) -> dict[str, str]:
    """The account's, with programs on the PATH that tell how they were called."""
    for name in ("aws", "ssh", "session-manager-plugin"):
        (tmp_path / name).write_text(PROGRAM)
        (tmp_path / name).chmod(0o755)
    return {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": account.server.url,
        "AWS_ACCESS_KEY_ID": account.id,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
    }


def ran(arguments: list[str], environment: dict[str, str]) -> list[str]:
    """What the program told; it must have run in the command's own process, and ended it."""
    with subprocess.Popen(
        [*START, "ssh", "genomics", *arguments], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        told, _ = process.communicate(timeout=60)
    first, last = told.splitlines()
    assert (last, process.returncode) == (f"process {process.pid}", 7)
    return first.split(" ", 8)


def test_session_manager_is_run_with_the_head_node(node: str, environment: dict[str, str]) -> None:
    assert ran([], environment) == ["aws", "ssm", "start-session", "--region", REGION, "--target", node]


def test_session_manager_is_run_with_a_command(node: str, environment: dict[str, str]) -> None:
    *_, rest = ran(["--", "echo", "a b"], environment)
    document, _, parameters = rest.partition(" --parameters ")
    assert document == "AWS-StartInteractiveCommand"
    assert json.loads(parameters) == {"command": ["echo 'a b'"]}


def test_ssh_is_run_with_key_and_address(account: Account, node: str, environment: dict[str, str]) -> None:
    instances = account.client("ec2").describe_instances(InstanceIds=[node])["Reservations"][0]["Instances"]
    address = instances[0]["PublicIpAddress"]
    assert ran(["-i", "key.pem", "--", "hostname"], environment) == [
        "ssh",
        "-i",
        "key.pem",
        f"admin@{address}",
        "hostname",
    ]
