"""`shoal network` on the embedded AWS: made, shown, used and deleted, with nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from embedded_aws.collector import State, difference
from embedded_aws.ec2.images import IMAGES
from embedded_aws.process import REGION, SECRET_ACCESS_KEY
from shoal.cluster.configuration import load
from shoal.cluster.routes import routes
from shoal.cluster.surroundings import Surroundings
from shoal_cli.network import commands, stack
from shoal_cli.network.layout import Layout
from shoal_cli.network.template import template
from tests.support import clusters
from tests.support.command_line import Ended, Shoal, command
from tests.support.embedded import Account
from tests.support.polling import until

STACK = "shoal-network-lab"


@pytest.fixture
def shoal(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Shoal:
    """The command with the credentials of the test's account, which looks five times a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(stack, "PAUSE_SECONDS", stack.LOCAL_PAUSE_SECONDS)
    return command(monkeypatch, capsys)


def state(account: Account) -> State:
    found: Any = account.server.call("POST", "/_shoal/state", {"account": account.id})
    return dict(found)


def made(shoal: Shoal, *options: str) -> dict[str, Any]:
    """A new network `lab`, as a program is told of it."""
    ended = shoal("network", "create", "lab", *options, "--wait", "--output", "json")
    assert ended.code == 0, ended.err
    return dict(json.loads(ended.out))


def stack_of(account: Account) -> dict[str, Any]:
    found: dict[str, Any] = account.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return found


def findings(account: Account, sections: Mapping[str, Any]) -> list[str]:
    """Where a cluster that is put into a network does not reach what it calls."""
    ec2 = account.client("ec2")
    small = clusters.configuration()
    small["HeadNode"] |= sections["HeadNode"]
    small["Scheduling"]["AwsBatchQueues"][0] |= sections["Scheduling"]["AwsBatchQueues"][0]
    around = Surroundings(
        region=REGION,
        subnets={subnet["SubnetId"]: subnet for subnet in ec2.describe_subnets()["Subnets"]},
        route_tables=tuple(ec2.describe_route_tables()["RouteTables"]),
        endpoints=tuple(ec2.describe_vpc_endpoints()["VpcEndpoints"]),
    )
    return [f"{finding.path} {finding.message}" for finding in routes(load(small), around)]


def in_one_line(ended: Ended, code: int) -> str:
    """The one line that a failed command has told last."""
    assert (ended.code, ended.out) == (code, "")
    return ended.err.splitlines()[-1]


def test_a_network_is_made_shown_and_deleted_and_nothing_is_left(account: Account, shoal: Shoal) -> None:
    before = state(account)
    facts = made(shoal, "--availability-zone", "us-east-1b", "--availability-zone", "us-east-1a")
    assert (facts["status"], facts["cidr"]) == ("CREATE_COMPLETE", "10.0.0.0/16")
    assert facts["availabilityZones"] == ["us-east-1b", "us-east-1a"]
    ec2 = account.client("ec2")
    for key, public in (("publicSubnetIds", True), ("privateSubnetIds", False)):
        found = {item["SubnetId"]: item for item in ec2.describe_subnets(SubnetIds=facts[key])["Subnets"]}
        subnets = [found[identifier] for identifier in facts[key]]
        assert [subnet["AvailabilityZone"] for subnet in subnets] == facts["availabilityZones"]
        assert {subnet["MapPublicIpOnLaunch"] for subnet in subnets} == {public}
    shown = shoal("network", "show", "lab", "--output", "json")
    assert json.loads(shown.out) == facts
    ended = shoal("network", "delete", "lab", "--wait")
    assert (ended.code, ended.out) == (0, "deleted network lab; nothing of it is left\n")
    assert difference(before, state(account)) == {}
    assert shoal("network", "show", "lab").code == 2


@pytest.mark.parametrize("options", [(), ("--without-nat",)], ids=["with NAT", "without NAT"])
def test_a_cluster_in_the_network_reaches_what_its_nodes_call(
    account: Account, shoal: Shoal, options: tuple[str, ...]
) -> None:
    facts = made(shoal, *options)
    assert findings(account, facts["configuration"]) == []
    text = shoal("network", "show", "lab").out
    assert yaml.safe_load(text.partition("needs of it:")[2]) == facts["configuration"]


def test_queues_in_the_private_subnets_of_a_network_without_nat_reach_nothing(account: Account, shoal: Shoal) -> None:
    facts = made(shoal, "--without-nat")
    private = {"SubnetIds": facts["privateSubnetIds"]}
    wrong = facts["configuration"] | {"Scheduling": {"AwsBatchQueues": [{"Networking": private}]}}
    (told,) = findings(account, wrong)
    assert "cannot reach ecr.api, ecr.dkr, ecs, ecs-agent, ecs-telemetry, logs: " in told  # S3 has its endpoint


def test_a_nat_gateway_that_is_gone_is_found(account: Account, shoal: Shoal) -> None:
    facts = made(shoal)
    account.client("ec2").delete_nat_gateway(NatGatewayId=facts["natGatewayId"])
    (told,) = findings(account, facts["configuration"])
    assert f"sends 0.0.0.0/0 to {facts['natGatewayId']}, which is gone" in told


def test_a_network_is_protected_tagged_and_closed_by_default(account: Account, shoal: Shoal) -> None:
    facts, ec2 = made(shoal), account.client("ec2")
    assert stack_of(account)["EnableTerminationProtection"] is True
    inside = [{"Name": "vpc-id", "Values": [facts["vpcId"]]}]
    (group,) = ec2.describe_security_groups(Filters=inside)["SecurityGroups"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])
    for subnet in ec2.describe_subnets(Filters=inside)["Subnets"]:
        assert {"Key": "shoal:network", "Value": "lab"} in subnet["Tags"]
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        answer = ec2.describe_vpc_attribute(VpcId=facts["vpcId"], Attribute=attribute)
        assert answer[attribute[0].upper() + attribute[1:]]["Value"] is True


def test_the_cost_is_told_when_it_begins_and_not_again(shoal: Shoal) -> None:
    first = shoal("network", "create", "lab", "--wait")
    assert "the NAT gateway and its address cost from now on" in first.err
    assert "cost" not in shoal("network", "create", "lab", "--wait").err


def test_without_a_nat_gateway_no_cost_is_told(shoal: Shoal) -> None:
    assert "cost" not in shoal("network", "create", "lab", "--without-nat", "--wait").err


def test_making_it_again_shows_the_one_that_is_there(account: Account, shoal: Shoal) -> None:
    facts, before = made(shoal, "--cidr", "10.8.0.0/16"), state(account)
    assert made(shoal) == facts
    assert made(shoal, "--cidr", "10.8.0.0/16", "--availability-zone", "us-east-1a") == facts
    assert difference(before, state(account)) == {}


def test_what_cannot_be_changed_is_refused_all_at_once(account: Account, shoal: Shoal) -> None:
    made(shoal)
    asked = ("--cidr", "10.8.0.0/16", "--availability-zone", "us-east-1c", "--without-nat")
    ended = shoal("network", "create", "lab", *asked)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        "--cidr 10.8.0.0/16: network lab has 10.0.0.0/16, and that cannot be changed; use another name",
        "--availability-zone: network lab has subnets in us-east-1a, and that cannot be changed; use another name",
        "--without-nat: network lab has a NAT gateway, and that cannot be changed; use another name",
    ]


def test_who_does_not_wait_is_told_how_to_come_back_and_comes_back(account: Account, shoal: Shoal) -> None:
    begun = shoal("network", "create", "lab")
    assert begun.code == 0
    assert begun.out == "network lab is being made; come back with: shoal network create lab --wait\n"
    assert made(shoal)["status"] == "CREATE_COMPLETE"
    assert stack_of(account)["EnableTerminationProtection"] is True
    begun = shoal("network", "delete", "lab")
    assert begun.out == "network lab is being deleted; come back with: shoal network delete lab --wait\n"
    assert shoal("network", "delete", "lab", "--wait").code == 0
    assert shoal("network", "show", "lab").code == 2


def test_who_comes_second_is_told_so(shoal: Shoal, monkeypatch: pytest.MonkeyPatch) -> None:
    made(shoal, "--without-nat")
    monkeypatch.setattr(stack, "find", lambda *_: None)
    assert in_one_line(shoal("network", "create", "lab", "--wait"), 1) == (
        "network lab has just been made by somebody else; look with: shoal network show lab"
    )


def test_ctrl_c_leaves_it_running_and_tells_how_to_come_back(shoal: Shoal, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(stack, "created", interrupted)
        ended = shoal("network", "create", "lab", "--wait")
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.splitlines()[-1] == "it goes on; come back with: shoal network create lab --wait"
    assert made(shoal)["status"] == "CREATE_COMPLETE"


def broken(layout: Layout) -> dict[str, Any]:
    """A network whose NAT gateway has an address that does not exist, as when somebody has released it."""
    whole = template(layout)
    whole["Resources"]["NatGateway"]["Properties"]["AllocationId"] = "eipalloc-0123456789abcdeff"
    return whole


def test_what_cannot_be_made_is_told_in_one_line_and_removed(
    account: Account, shoal: Shoal, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(account)
    monkeypatch.setattr(stack, "template", broken)
    told = in_one_line(shoal("network", "create", "lab", "--wait"), 1)
    assert told == (
        "network lab could not be made: NatGateway (AWS::EC2::NatGateway) is CREATE_FAILED: "
        "The allocation ID 'eipalloc-0123456789abcdeff' does not exist; nothing of it is left"
    )
    assert difference(before, state(account)) == {}


def test_what_a_failed_creation_has_left_is_not_taken_for_a_network_and_can_be_deleted(
    account: Account, shoal: Shoal
) -> None:
    before = state(account)
    body = json.dumps(broken(Layout("lab", "10.0.0.0/16", ("us-east-1a",), nat=True)))
    account.client("cloudformation").create_stack(StackName=STACK, TemplateBody=body, OnFailure="DO_NOTHING")
    until(lambda: stack_of(account)["StackStatus"] == "CREATE_FAILED", 30, "a stack that failed")
    assert in_one_line(shoal("network", "create", "lab", "--wait"), 1) == (
        "network lab cannot be used, its stack is CREATE_FAILED; delete it with: shoal network delete lab --wait"
    )
    assert shoal("network", "delete", "lab", "--wait").code == 0
    assert difference(before, state(account)) == {}


@pytest.fixture
def inhabited(account: Account, shoal: Shoal) -> dict[str, str]:
    """A network and what others have put into it, by kind."""
    facts, ec2 = made(shoal), account.client("ec2")
    vpc, subnet = facts["vpcId"], facts["privateSubnetIds"][0]
    tag = [{"Key": "shoal:cluster", "Value": "genomics"}]
    group = ec2.create_security_group(GroupName="work", Description="work", VpcId=vpc)["GroupId"]
    launched = ec2.run_instances(
        ImageId=IMAGES[0][0], InstanceType="c5.large", MinCount=1, MaxCount=1, SubnetId=subnet,
        SecurityGroupIds=[group],
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": tag}],
    )  # fmt: skip
    card = ec2.create_network_interface(SubnetId=subnet, Description="EFS mount target", Groups=[group])
    return {
        "instance": launched["Instances"][0]["InstanceId"],
        "interface": card["NetworkInterface"]["NetworkInterfaceId"],
        "group": group,
        "subnet": ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.240.0/20")["Subnet"]["SubnetId"],
        "endpoint": ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3")["VpcEndpoint"][
            "VpcEndpointId"
        ],
        "table": ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"],
    }


def test_a_network_in_use_is_kept_and_everything_in_it_is_named(
    account: Account, shoal: Shoal, inhabited: dict[str, str]
) -> None:
    before = state(account)
    assert in_one_line(shoal("network", "delete", "lab", "--wait"), 1) == (
        "network lab is in use; remove first what is in it:"
        f" instance {inhabited['instance']} of the cluster genomics,"
        f" network interface {inhabited['interface']} (EFS mount target),"
        f" subnet {inhabited['subnet']}, security group {inhabited['group']},"
        f" VPC endpoint {inhabited['endpoint']}, route table {inhabited['table']}"
    )
    assert state(account) == before
    assert stack_of(account)["EnableTerminationProtection"] is True


def test_an_emptied_network_is_deleted(account: Account, shoal: Shoal, inhabited: dict[str, str]) -> None:
    ec2 = account.client("ec2")
    ec2.terminate_instances(InstanceIds=[inhabited["instance"]])
    ec2.delete_network_interface(NetworkInterfaceId=inhabited["interface"])
    ec2.delete_security_group(GroupId=inhabited["group"])
    ec2.delete_subnet(SubnetId=inhabited["subnet"])
    ec2.delete_vpc_endpoints(VpcEndpointIds=[inhabited["endpoint"]])
    ec2.delete_route_table(RouteTableId=inhabited["table"])
    assert shoal("network", "delete", "lab", "--wait").code == 0


def test_what_comes_in_while_it_is_being_deleted_is_told_and_a_second_try_goes_on(
    account: Account, shoal: Shoal, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(account)
    facts, ec2 = made(shoal), account.client("ec2")
    late = ec2.create_network_interface(SubnetId=facts["privateSubnetIds"][0])["NetworkInterface"]["NetworkInterfaceId"]
    with monkeypatch.context() as patched:
        patched.setattr(commands, "foreign", lambda *_: [])
        told = in_one_line(shoal("network", "delete", "lab", "--wait"), 1)
    assert told.startswith("network lab could not be deleted: PrivateSubnet1 (AWS::EC2::Subnet) is DELETE_FAILED: ")
    assert "has dependencies and cannot be deleted" in told
    assert f"network interface {late}" in in_one_line(shoal("network", "delete", "lab", "--wait"), 1)
    ec2.delete_network_interface(NetworkInterfaceId=late)
    assert shoal("network", "delete", "lab", "--wait").code == 0
    assert difference(before, state(account)) == {}


def test_two_networks_of_one_account_are_two_stacks(account: Account, shoal: Shoal) -> None:
    first = made(shoal, "--without-nat")
    second = json.loads(shoal("network", "create", "--without-nat", "--wait", "--output", "json").out)
    assert (first["stackName"], second["stackName"]) == (STACK, "shoal-network-default")
    assert first["vpcId"] != second["vpcId"]
    third = shoal("network", "create", "lab", "--prefix", "dev", "--without-nat", "--wait", "--output", "json")
    assert json.loads(third.out)["stackName"] == "dev-network-lab"
