"""The template of a network, by cfn-lint, and what it must have to lead nodes to AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from shoal_cli.network.layout import Layout
from shoal_cli.network.template import NETWORK_TAG, template

IGNORED = {
    "I1022": "Fn::Join, as in every template of Shoal's",
    "W3010": "the user chooses the zone, and it was looked up in the account",
}
"""Rules of cfn-lint that do not fit, and why."""
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
TAGGED = {"VPC", "Subnet", "InternetGateway", "RouteTable", "NatGateway", "EIP", "VPCEndpoint"}


def rendered(zones: tuple[str, ...] = ZONES, *, nat: bool = True) -> dict[str, Any]:
    return template(Layout("lab", "10.0.0.0/16", zones, nat))


def of_type(whole: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: item for name, item in whole["Resources"].items() if item["Type"] == f"AWS::EC2::{kind}"}


@pytest.mark.parametrize("nat", [True, False])
@pytest.mark.parametrize("zones", [ZONES[:1], ZONES])
def test_cfn_lint_finds_nothing(zones: tuple[str, ...], nat: bool) -> None:
    config = ManualArgs(include_checks=["I"], ignore_checks=list(IGNORED), regions=["us-east-1"])
    found = lint(json.dumps(rendered(zones, nat=nat)), config=config)
    assert [f"{match.rule.id} {match.path}: {match.message}" for match in found] == []


def test_cfn_lint_would_find_a_mistake() -> None:
    broken = rendered()
    broken["Resources"]["Vpc"]["Properties"]["EnableDnsSupports"] = True
    assert lint(json.dumps(broken), config=ManualArgs(regions=["us-east-1"]))


@pytest.mark.parametrize("nat", [True, False])
def test_everything_that_can_have_tags_says_whose_it_is(nat: bool) -> None:
    for kind in TAGGED - (set() if nat else {"NatGateway", "EIP"}):
        found = of_type(rendered(nat=nat), kind)
        assert found
        assert all({"Key": NETWORK_TAG, "Value": "lab"} in item["Properties"]["Tags"] for item in found.values())


def test_only_public_subnets_give_public_addresses_and_only_they_lead_to_the_internet_gateway() -> None:
    whole = rendered()
    subnets = of_type(whole, "Subnet")
    tables = {
        item["Properties"]["SubnetId"]["Ref"]: item["Properties"]["RouteTableId"]["Ref"]
        for item in of_type(whole, "SubnetRouteTableAssociation").values()
    }
    ways = {item["Properties"]["RouteTableId"]["Ref"]: item["Properties"] for item in of_type(whole, "Route").values()}
    assert len(subnets) == len(tables) == 2 * len(ZONES)
    for name, subnet in subnets.items():
        public = subnet["Properties"]["MapPublicIpOnLaunch"]
        assert public is name.startswith("Public")
        assert ("GatewayId" in ways[tables[name]]) is public
        assert ("NatGatewayId" in ways[tables[name]]) is not public


def test_without_a_nat_gateway_there_is_no_elastic_ip_and_no_way_out_of_private_subnets() -> None:
    whole = rendered(nat=False)
    assert (of_type(whole, "NatGateway"), of_type(whole, "EIP")) == ({}, {})
    assert list(of_type(whole, "Route")) == ["PublicWayOut"]
    assert "NatGatewayId" not in whole["Outputs"]


def test_what_needs_the_internet_gateway_waits_until_it_is_attached() -> None:
    whole = rendered()
    assert whole["Resources"]["PublicWayOut"]["DependsOn"] == "InternetGatewayAttachment"
    assert whole["Resources"]["NatAddress"]["DependsOn"] == "InternetGatewayAttachment"
    assert "PublicWayOut" in whole["Resources"]["NatGateway"]["DependsOn"]


def test_s3_and_dynamodb_are_reached_from_every_subnet_without_the_nat_gateway() -> None:
    endpoints = [item["Properties"] for item in of_type(rendered(), "VPCEndpoint").values()]
    assert {endpoint["ServiceName"]["Fn::Join"][1][-1] for endpoint in endpoints} == {".s3", ".dynamodb"}
    for endpoint in endpoints:
        assert endpoint["RouteTableIds"] == [{"Ref": "PublicRoutes"}, {"Ref": "PrivateRoutes"}]


def test_a_network_of_every_zone_fits_into_a_request() -> None:
    zones = tuple(f"us-east-1{letter}" for letter in "abcdefghijklmno")
    assert len(json.dumps(rendered(zones))) < 51_200
    assert len(of_type(rendered(zones), "Subnet")) == 30
