"""`shoal network` before it asks AWS: how a network is divided, what is refused, and what is said of one."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from shoal_cli.network.description import configuration, described, readable
from shoal_cli.network.layout import Layout, problems, unknown_zones
from shoal_cli.network.stack import Network
from tests.support.command_line import Shoal, command

OUTPUTS = {
    "VpcId": "vpc-0ccccccccccccccc1",
    "Cidr": "10.0.0.0/16",
    "AvailabilityZones": "us-east-1a,us-east-1b",
    "PublicSubnetIds": "subnet-0aaaaaaaaaaaaaaa1,subnet-0aaaaaaaaaaaaaaa2",
    "PrivateSubnetIds": "subnet-0bbbbbbbbbbbbbbb1,subnet-0bbbbbbbbbbbbbbb2",
}
NAT = {"NatGatewayId": "nat-0ddddddddddddddd1", "NatAddress": "192.0.2.7"}


@pytest.fixture
def shoal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Shoal]:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "SHOAL_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield command(monkeypatch, capsys)


def network(outputs: dict[str, str], status: str = "CREATE_COMPLETE") -> Network:
    return Network("default", "shoal-network-default", "arn:stack", status, protected=True, outputs=outputs)


def test_a_network_is_divided_as_parallelcluster_divides_it() -> None:
    first, second = Layout("default", "10.0.0.0/16", ("us-east-1a", "us-east-1b"), nat=True).subnets()
    assert (first.zone, first.public, first.private) == ("us-east-1a", "10.0.0.0/24", "10.0.16.0/20")
    assert (second.zone, second.public, second.private) == ("us-east-1b", "10.0.1.0/24", "10.0.32.0/20")


@given(st.integers(16, 20), st.integers(0, 15), st.integers(1, 15))
def test_subnets_never_overlap_and_are_never_smaller_than_aws_takes_them(prefix: int, part: int, zones: int) -> None:
    whole = list(IPv4Network("10.0.0.0/12").subnets(new_prefix=prefix))[part]
    assert list(problems("default", str(whole), [])) == []
    layout = Layout("default", str(whole), tuple(f"zone-{number}" for number in range(zones)), nat=True)
    blocks = [IPv4Network(block) for subnets in layout.subnets() for block in (subnets.public, subnets.private)]
    assert len(blocks) == 2 * zones
    assert all(block.subnet_of(whole) and block.prefixlen <= 28 for block in blocks)
    assert not any(one.overlaps(other) for one in blocks for other in blocks if one is not other)


@pytest.mark.parametrize(
    ("name", "cidr", "zones", "told"),
    [
        ("Default", None, [], "NAME Default must be 1 to 31 characters of a-z, 0-9 and -"),
        ("n" * 32, None, [], "must be 1 to 31 characters"),
        ("default", "10.0.0.0", [], "--cidr 10.0.0.0 is too small; write a /16 to a /20"),
        ("default", "10.0.0.1/16", [], "--cidr 10.0.0.1/16 is no range of IPv4 addresses; write one like 10.0.0.0/16"),
        ("default", "fd00::/16", [], "is no range of IPv4 addresses"),
        ("default", "everything", [], "is no range of IPv4 addresses"),
        ("default", "10.0.0.0/8", [], "--cidr 10.0.0.0/8 is too large; write a /16 to a /20"),
        ("default", "10.0.0.0/21", [], "--cidr 10.0.0.0/21 is too small; write a /16 to a /20"),
        ("default", "10.0.0.0/255.255.0.0", [], "is not written as AWS writes it; write 10.0.0.0/16"),
        ("default", "192.0.0.0/16", [], "is not private; write a range in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"),
        ("default", "172.17.0.0/20", [], "overlaps 172.17.0.0/16, which Docker uses on every host of jobs"),
        ("default", None, ["a"], "--availability-zone a is no zone; write one like us-east-1a"),
        ("default", None, ["us-east-1a"] * 2, "--availability-zone us-east-1a is given twice"),
        ("default", None, [f"us-east-1{letter}" for letter in "abcdefghijklmnop"], "16 zones are too many"),
    ],
)
def test_what_no_network_can_be_is_refused_with_what_would_be_right(
    name: str, cidr: str | None, zones: list[str], told: str
) -> None:
    (problem,) = problems(name, cidr, zones)
    assert told in problem


def test_a_zone_of_another_region_is_told_with_those_that_are_there() -> None:
    (problem,) = unknown_zones(["us-east-1a", "eu-west-1a"], ["us-east-1b", "us-east-1a"])
    assert problem == "--availability-zone eu-west-1a is not open to this account; write one of us-east-1a, us-east-1b"


def test_every_problem_is_told_at_once_and_nothing_is_asked_of_aws(shoal: Shoal) -> None:
    ended = shoal("network", "create", "Default", "--cidr", "10.0.0.0/8", "--availability-zone", "a", "--local")
    assert (ended.code, ended.out) == (2, "")
    assert [line.split()[0] for line in ended.err.splitlines()] == ["NAME", "--cidr", "--availability-zone"]


def test_a_zone_that_is_not_there_makes_nothing(shoal: Shoal) -> None:
    ended = shoal("network", "create", "--availability-zone", "us-east-1z")
    assert (ended.code, ended.out) == (2, "")
    assert "--availability-zone us-east-1z is not open to this account; write one of us-east-1a, " in ended.err
    assert shoal("network", "show").code == 2


def test_showing_what_is_not_there_tells_how_to_make_it(shoal: Shoal) -> None:
    ended = shoal("network", "show", "lab")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "there is no network lab; make it with: shoal network create lab --wait\n"


def test_deleting_what_is_not_there_succeeds(shoal: Shoal) -> None:
    ended = shoal("network", "delete", "lab", "--wait")
    assert (ended.code, ended.out, ended.err) == (0, "there is no network lab\n", "")


@pytest.mark.parametrize("name", ["create", "show", "delete"])
def test_an_embedded_aws_that_does_not_run_is_told(shoal: Shoal, name: str) -> None:
    ended = shoal("network", name, "--local")
    assert (ended.code, ended.err) == (3, "no embedded AWS runs here; start one with `shoal local up`\n")


def test_head_nodes_stand_in_the_public_and_queues_in_the_private_subnets() -> None:
    assert configuration(network(OUTPUTS | NAT)) == {
        "HeadNode": {"Networking": {"SubnetId": "subnet-0aaaaaaaaaaaaaaa1"}},
        "Scheduling": {
            "AwsBatchQueues": [
                {"Networking": {"SubnetIds": ["subnet-0bbbbbbbbbbbbbbb1", "subnet-0bbbbbbbbbbbbbbb2"]}},
            ]
        },
    }


def test_without_a_nat_gateway_queues_stand_in_the_public_subnets_too() -> None:
    queue = configuration(network(OUTPUTS))["Scheduling"]["AwsBatchQueues"][0]
    assert queue["Networking"]["SubnetIds"] == ["subnet-0aaaaaaaaaaaaaaa1", "subnet-0aaaaaaaaaaaaaaa2"]


@pytest.mark.parametrize("outputs", [OUTPUTS, OUTPUTS | NAT], ids=["without NAT", "with NAT"])
def test_what_is_shown_ends_with_what_can_be_pasted_into_a_configuration(outputs: dict[str, str]) -> None:
    text = readable(network(outputs))
    head, _, pasted = text.partition("what a cluster's configuration needs of it:")
    assert yaml.safe_load(pasted) == configuration(network(outputs))
    assert yaml.safe_load(pasted.replace("AwsBatchQueues", "SlurmQueues"))["Scheduling"]["SlurmQueues"]
    assert "AwsBatchQueues: # of a Slurm cluster the key is SlurmQueues" in pasted
    assert "vpc-0ccccccccccccccc1 (10.0.0.0/16, in us-east-1a, us-east-1b)" in head
    assert ("nat-0ddddddddddddddd1 (192.0.2.7)" in head) is ("NatGatewayId" in outputs)


def test_a_network_that_is_being_made_has_a_status_and_no_ids() -> None:
    early = network({}, "CREATE_IN_PROGRESS")
    assert readable(early) == "network default is CREATE_IN_PROGRESS"
    assert described(early) == {
        "name": "default",
        "status": "CREATE_IN_PROGRESS",
        "stackName": "shoal-network-default",
    }
