"""`shoal ssh`: which program is run with which arguments, and what is said when nobody can log in."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shoal.cluster.blueprint import blueprint
from shoal.cluster.configuration import load
from shoal_cli import login
from tests.support.clusters import configuration, site_for
from tests.support.command_line import Shoal, command

REGION = "us-east-1"
ADDRESS = "192.0.2.7"
Cluster = Callable[..., str]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts programs of these names on the PATH, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(*names: str) -> None:
        for name in names:
            (folder / name).write_text("#!/bin/sh\n")
            (folder / name).chmod(0o755)

    return install


@pytest.fixture
def shoal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shoal]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "SHOAL_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield command(monkeypatch, capsys)


@pytest.fixture
def cluster(shoal: Shoal) -> Cluster:
    """Makes a cluster `genomics` with a head node that runs; its id."""

    def make(*, key: bool = True, public: bool = True, outputs: dict[str, str] | None = None) -> str:
        ec2 = boto3.client("ec2")
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": public})
        options: dict[str, Any] = {"KeyName": ec2.create_key_pair(KeyName="key")["KeyName"]} if key else {}
        image = ec2.register_image(Name="head-node")["ImageId"]
        asked: dict[str, Any] = {
            "ImageId": image,
            "InstanceType": "t3.micro",
            "SubnetId": subnet,
            "MinCount": 1,
            "MaxCount": 1,
        }
        instance = str(ec2.run_instances(**asked, **options)["Instances"][0]["InstanceId"])
        told = {"HeadNodeInstanceID": instance, "HeadNodeUser": "admin"} if outputs is None else outputs
        stack_with(told)
        return instance

    return make


def stack_with(outputs: dict[str, str], name: str = "shoal-cluster-genomics") -> None:
    body = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(body))


def instance(identifier: str) -> dict[str, Any]:
    found = boto3.client("ec2").describe_instances(InstanceIds=[identifier])
    return dict(found["Reservations"][0]["Instances"][0])


def test_session_manager_is_the_way_when_its_programs_are_there(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None]
) -> None:
    programs("aws", "session-manager-plugin", "ssh")
    identifier = cluster()
    ended = shoal("ssh", "genomics", "--dryrun")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"aws ssm start-session --region {REGION} --target {identifier}\n"


def test_a_command_goes_to_session_manager_as_one_line_of_the_shell(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None]
) -> None:
    programs("aws", "session-manager-plugin")
    cluster(key=False, public=False)
    printed = shlex.split(shoal("ssh", "genomics", "--dryrun", "--", "ls", "-l", "a file").out)
    assert printed[-4:-1] == ["--document-name", "AWS-StartInteractiveCommand", "--parameters"]
    assert json.loads(printed[-1]) == {"command": ["ls -l 'a file'"]}


def test_an_option_of_ssh_is_refused_where_there_is_no_ssh(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None]
) -> None:
    programs("aws", "session-manager-plugin")
    cluster()
    ended = shoal("ssh", "genomics", "-L", "8080:localhost:80")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "-L is an option of ssh, and Session Manager has none; add -i KEY or --private to log in with SSH\n"
    )


def test_a_key_means_ssh_with_arguments_where_parallelcluster_has_them(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None]
) -> None:
    programs("aws", "session-manager-plugin", "ssh")
    address = instance(cluster())["PublicIpAddress"]
    ended = shoal("ssh", "genomics", "-i", "my key", "--dryrun", "-L", "8080:localhost:80", "--", "ls", "-l")
    assert ended.out == f"ssh -i 'my key' admin@{address} -L 8080:localhost:80 ls -l\n"
    assert ended.err == ""


def test_inside_the_network_ssh_goes_to_the_private_address(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None]
) -> None:
    programs("aws", "session-manager-plugin", "ssh")
    address = instance(cluster(public=False))["PrivateIpAddress"]
    assert shoal("ssh", "genomics", "--private", "--dryrun").out == f"ssh admin@{address}\n"


def test_ssh_is_the_way_where_session_managers_programs_are_missing_and_a_key_is_configured(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None]
) -> None:
    programs("aws", "ssh")
    address = instance(cluster())["PublicIpAddress"]
    assert shoal("ssh", "genomics", "--dryrun").out == f"ssh admin@{address}\n"


@pytest.mark.parametrize(
    ("there", "key", "public"),
    [((), False, True), (("aws",), True, False), (("session-manager-plugin",), False, False)],
)
def test_what_is_missing_is_named_with_where_to_get_it(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None], there: tuple[str, ...], key: bool, public: bool
) -> None:
    programs("ssh", *there)
    cluster(key=key, public=public)
    ended = shoal("ssh", "genomics")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (3, "", 1)
    for program, page in login.HOW_TO_GET.items():
        assert (f"{program} ({page})" in ended.err) is (program not in there)


def test_a_head_node_without_a_public_address_is_told_with_the_ways_that_are_left(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None]
) -> None:
    programs("ssh")
    cluster(public=False)
    ended = shoal("ssh", "genomics", "-i", "key.pem")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "the head node of cluster genomics has no public address; "
        "add --private inside its network, or log in with Session Manager, without -i\n"
    )


def test_who_uses_ssh_without_a_key_pair_is_told_and_not_stopped(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None]
) -> None:
    programs("ssh")
    address = instance(cluster(key=False))["PublicIpAddress"]
    ended = shoal("ssh", "genomics", "-i", "key.pem", "--dryrun")
    assert ended.out == f"ssh -i key.pem admin@{address}\n"
    assert ended.err == "cluster genomics has no HeadNode.Ssh.KeyName: SSH lets in only whom the AMI lets in\n"


def test_a_machine_without_ssh_is_told(shoal: Shoal, cluster: Cluster, programs: Callable[..., None]) -> None:
    programs("aws", "session-manager-plugin")
    cluster()
    ended = shoal("ssh", "genomics", "-i", "key.pem")
    assert (ended.code, ended.err) == (3, "ssh is not on the PATH; install it\n")


def test_the_program_takes_the_place_of_the_command(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs("ssh")
    address, calls = instance(cluster())["PublicIpAddress"], []
    monkeypatch.setattr(os, "execvp", lambda *arguments: calls.append(arguments))
    shoal("ssh", "genomics", "-i", "key.pem", "--", "hostname")
    assert calls == [("ssh", ["ssh", "-i", "key.pem", f"admin@{address}", "hostname"])]


def test_the_stack_of_an_older_shoal_leaves_the_user_to_ssh(
    shoal: Shoal, cluster: Cluster, programs: Callable[..., None]
) -> None:
    programs("ssh")
    identifier = cluster()
    boto3.client("cloudformation").delete_stack(StackName="shoal-cluster-genomics")
    stack_with({"HeadNodeInstanceID": identifier})
    address = instance(identifier)["PublicIpAddress"]
    assert shoal("ssh", "genomics", "-i", "key.pem", "--dryrun").out == f"ssh -i key.pem {address}\n"


def test_a_cluster_that_is_not_there_is_told(shoal: Shoal) -> None:
    ended = shoal("ssh", "genomics")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"there is no cluster genomics in {REGION}; see `shoal list`\n"


def test_a_cluster_of_another_prefix_is_found_by_it(shoal: Shoal) -> None:
    stack_with({}, "dev-cluster-genomics")
    assert "has no head node to log in to" in shoal("ssh", "genomics", "--prefix", "dev").err
    assert "there is no cluster genomics" in shoal("ssh", "genomics").err


def test_a_cluster_without_a_head_node_is_told_with_its_status(shoal: Shoal) -> None:
    stack_with({})
    ended = shoal("ssh", "genomics")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "cluster genomics has no head node to log in to, its stack is CREATE_COMPLETE; see `shoal describe genomics`\n"
    )


@pytest.mark.parametrize("state", ["stopped", "terminated"])
def test_a_head_node_that_does_not_run_is_told_with_its_state(shoal: Shoal, cluster: Cluster, state: str) -> None:
    identifier, ec2 = cluster(), boto3.client("ec2")
    (ec2.stop_instances if state == "stopped" else ec2.terminate_instances)(InstanceIds=[identifier])
    ended = shoal("ssh", "genomics")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"the head node {identifier} of cluster genomics is {state}; see ")


def test_a_head_node_of_which_nothing_is_known_is_gone(shoal: Shoal) -> None:
    stack_with({"HeadNodeInstanceID": "i-0123456789abcdef0", "HeadNodeUser": "admin"})
    assert "is gone; see `shoal describe genomics`" in shoal("ssh", "genomics").err


@pytest.mark.parametrize(
    ("system", "user"), [("alinux2023", "ec2-user"), ("debian12", "admin"), ("ubuntu2404", "ubuntu")]
)
def test_a_clusters_stack_says_as_whom_to_log_in(system: str, user: str) -> None:
    cluster = load(configuration(Image={"Os": system}))
    assert blueprint(cluster, site_for(cluster)).template["Outputs"]["HeadNodeUser"]["Value"] == user
