"""Is a subnet from which nodes cannot reach what they call refused, and one from which they can taken?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import shoal_node
from shoal.cluster.configuration import load
from shoal.cluster.findings import Finding, Level
from shoal.cluster.routes import (
    COMPUTE_NODE_SERVICES,
    HEAD_NODE_SERVICES,
    HOST_SERVICES,
    REPORT_SERVICES,
    SLURM_HEAD_NODE_SERVICES,
    routes,
)
from shoal.cluster.surroundings import Surroundings
from shoal.cluster.validators import VALIDATORS
from tests.support.clusters import COMPUTE_SUBNETS, HEAD_SUBNET, REGION, configuration, queue
from tests.support.slurm_clusters import slurm_configuration, slurm_queue

VPC = "vpc-0ccccccccccccccc1"
MAIN, OWN = "rtb-0aaaaaaaaaaaaaaa1", "rtb-0aaaaaaaaaaaaaaa2"
HEAD, HOSTS = "HeadNode.Networking.SubnetId", "Scheduling.AwsBatchQueues[0].Networking.SubnetIds[0]"
LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
EVERY_SERVICE = sorted({*HEAD_NODE_SERVICES, *REPORT_SERVICES, *HOST_SERVICES})


def route(destination: str = "0.0.0.0/0", state: str = "active", **target: str) -> dict[str, str]:
    return {"DestinationCidrBlock": destination, "State": state, **target}


def table(identifier: str, *entries: dict[str, str], subnet: str | None = None) -> dict[str, Any]:
    association = {"Main": False, "SubnetId": subnet} if subnet else {"Main": True}
    return {"RouteTableId": identifier, "VpcId": VPC, "Routes": [LOCAL, *entries], "Associations": [association]}


def endpoint(service: str, **facts: Any) -> dict[str, Any]:
    interface = {"VpcEndpointType": "Interface", "PrivateDnsEnabled": True, "State": "available", "RouteTableIds": []}
    return {"ServiceName": f"com.amazonaws.{REGION}.{service}", "VpcId": VPC} | interface | facts


def found(
    *tables: dict[str, Any], endpoints: tuple[dict[str, Any], ...] = (), public: bool = False, **sections: Any
) -> list[Finding]:
    subnets = {
        name: {"VpcId": VPC, "MapPublicIpOnLaunch": public, "AvailabilityZone": f"{REGION}a"}
        for name in (HEAD_SUBNET, *COMPUTE_SUBNETS)
    }
    around = Surroundings(region=REGION, subnets=subnets, route_tables=tables, endpoints=endpoints)
    return list(routes(load(configuration(**sections)), around))


NODE_PACKAGE = Path(shoal_node.__file__).parent
AMAZON: dict[str, Any] = {"Image": {"Os": "alinux2023"}}
"""A cluster that needs nothing from the internet but AWS's services."""
GATEWAY = route(GatewayId="igw-00000001")


@pytest.mark.parametrize(
    "way",
    [
        {"NatGatewayId": "nat-00000001"},
        {"InstanceId": "i-00000001", "NetworkInterfaceId": "eni-00000001"},
        {"NetworkInterfaceId": "eni-00000001"},
        {"TransitGatewayId": "tgw-00000001"},
        {"GatewayId": "vgw-00000001"},
        {"GatewayId": "vpce-00000001"},
        {"CoreNetworkArn": "arn:aws:networkmanager::111111111111:core-network/core-network-1"},
    ],
    ids=lambda way: next(iter(way)),
)
def test_a_way_out_is_enough(way: dict[str, str]) -> None:
    assert found(table(MAIN, route(**way))) == []


def test_an_internet_gateway_is_a_way_out_for_public_addresses() -> None:
    assert found(table(MAIN, GATEWAY), public=True) == []


def test_an_internet_gateway_is_none_for_nodes_without_a_public_address() -> None:
    head, hosts = found(table(MAIN, GATEWAY))
    assert (head.path, hosts.path) == (HEAD, HOSTS)
    assert (head.level, hosts.level) == (Level.ERROR, Level.ERROR)
    assert "sends 0.0.0.0/0 to the internet gateway igw-00000001" in head.message
    assert head.suggestion.startswith("write HeadNode.Networking.ElasticIp: true, or choose")
    assert hosts.suggestion.startswith("write Scheduling.AwsBatchQueues[0].Networking.AssignPublicIp: true, or choose")


def test_a_configuration_gives_public_addresses_where_the_subnet_does_not() -> None:
    head = {"InstanceType": "t3.micro", "Networking": {"SubnetId": HEAD_SUBNET, "ElasticIp": True}}
    hosts = queue("main", Networking={"SubnetIds": [COMPUTE_SUBNETS[0]], "AssignPublicIp": True})
    scheduling = {"Scheduler": "awsbatch", "AwsBatchQueues": [hosts]}
    assert found(table(MAIN, GATEWAY), HeadNode=head, Scheduling=scheduling) == []


def test_a_configuration_takes_public_addresses_where_the_subnet_gives_them() -> None:
    hosts = queue("main", Networking={"SubnetIds": [COMPUTE_SUBNETS[0]], "AssignPublicIp": False})
    scheduling = {"Scheduler": "awsbatch", "AwsBatchQueues": [hosts]}
    assert [one.path for one in found(table(MAIN, GATEWAY), public=True, Scheduling=scheduling)] == [HOSTS]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (route("10.9.0.0/16", NatGatewayId="nat-00000001"), "has no route to 0.0.0.0/0"),
        (
            route(state="blackhole", NatGatewayId="nat-00000001"),
            "sends 0.0.0.0/0 to nat-00000001, which is gone or does not work",
        ),
        (
            route(VpcPeeringConnectionId="pcx-00000001"),
            "sends 0.0.0.0/0 to the peering connection pcx-00000001, which carries nothing to the internet",
        ),
    ],
)
def test_what_is_no_way_out_is_told(entry: dict[str, str], told: str) -> None:
    head, hosts = found(table(MAIN, entry))
    assert head.message == (
        f"is {HEAD_SUBNET}, from which the head node cannot reach batch, cloudformation, ec2, s3, ssm, ssmmessages,"
        f" logs, monitoring, the packages of debian12: its route table {MAIN} {told}"
    )
    assert hosts.message == (
        f"is {COMPUTE_SUBNETS[0]}, from which the queue's instances cannot reach ecr.api, ecr.dkr, ecs, ecs-agent,"
        f" ecs-telemetry, logs, s3: its route table {MAIN} {told}"
    )


def test_a_subnets_own_table_goes_before_the_main_one() -> None:
    closed = table(OWN, subnet=COMPUTE_SUBNETS[0])
    for tables in ((table(MAIN, GATEWAY), closed), (closed, table(MAIN, GATEWAY))):
        (hosts,) = found(*tables, public=True)
        assert (hosts.path, OWN in hosts.message) == (HOSTS, True)


def test_the_main_table_of_another_network_says_nothing() -> None:
    foreign = table(OWN) | {"VpcId": "vpc-0ccccccccccccccc2"}
    assert found(table(MAIN, route(NatGatewayId="nat-00000001")), foreign) == []


def test_endpoints_for_every_service_are_enough() -> None:
    endpoints = tuple(endpoint(service) for service in EVERY_SERVICE)
    assert found(table(MAIN), endpoints=endpoints, **AMAZON) == []


@pytest.mark.parametrize("service", EVERY_SERVICE)
def test_every_service_needs_its_endpoint(service: str) -> None:
    endpoints = tuple(endpoint(other) for other in EVERY_SERVICE if other != service)
    findings = found(table(MAIN), endpoints=endpoints, **AMAZON)
    assert findings
    assert {finding.message.split(" cannot reach ")[1].split(":")[0] for finding in findings} == {service}
    assert {finding.suggestion.rpartition(", or ")[2] for finding in findings} == {
        "give the VPC endpoints for these services"
    }


@pytest.mark.parametrize(
    "useless",
    [
        {"State": "deleting"},
        {"PrivateDnsEnabled": False},
        {"VpcId": "vpc-0ccccccccccccccc2"},
        {"VpcEndpointType": "Gateway", "PrivateDnsEnabled": False, "RouteTableIds": [OWN]},
    ],
)
def test_an_endpoint_that_does_not_serve_the_subnet_does_not_count(useless: dict[str, Any]) -> None:
    endpoints = (*(endpoint(name) for name in EVERY_SERVICE if name != "s3"), endpoint("s3", **useless))
    assert [finding.path for finding in found(table(MAIN), endpoints=endpoints, **AMAZON)] == [HEAD, HOSTS]


def test_a_gateway_endpoint_serves_the_tables_that_name_it() -> None:
    through = endpoint("s3", VpcEndpointType="Gateway", PrivateDnsEnabled=False, RouteTableIds=[MAIN])
    endpoints = (*(endpoint(name) for name in EVERY_SERVICE if name != "s3"), through)
    assert found(table(MAIN), endpoints=endpoints, **AMAZON) == []


def test_a_node_that_reports_nothing_needs_no_endpoint_to_report_to() -> None:
    endpoints = tuple(endpoint(service) for service in EVERY_SERVICE if service != "monitoring")
    silent = {"Logs": {"CloudWatch": {"Enabled": False}}}
    assert found(table(MAIN), endpoints=endpoints, Monitoring=silent, **AMAZON) == []


@pytest.mark.parametrize(
    ("sections", "path", "what"),
    [
        ({"Image": {"Os": "ubuntu2404"}}, HEAD, "the packages of ubuntu2404"),
        (AMAZON | {"ContainerImage": {"Uri": "public.ecr.aws/a/b:1"}}, HOSTS, "the registry public.ecr.aws"),
        (AMAZON | {"ContainerImage": {"Uri": "debian:12"}}, HOSTS, "the registry docker.io"),
        (AMAZON | {"ContainerImage": {"Uri": "library/debian:12"}}, HOSTS, "the registry docker.io"),
    ],
)
def test_what_lies_in_the_internet_is_reached_by_no_endpoint(sections: dict[str, Any], path: str, what: str) -> None:
    endpoints = tuple(endpoint(service) for service in EVERY_SERVICE)
    (finding,) = found(table(MAIN), endpoints=endpoints, **sections)
    assert (finding.path, finding.level) == (path, Level.ERROR)
    assert f" cannot reach {what}: " in finding.message
    assert "endpoint" not in finding.suggestion


@pytest.mark.parametrize(
    "sections",
    [
        AMAZON | {"ContainerImage": {"Uri": "111111111111.dkr.ecr.us-east-1.amazonaws.com/a/b:1"}},
        {"Image": {"Os": "debian12", "CustomAmi": "ami-0123456789abcdef0"}},
    ],
)
def test_a_repository_in_ecr_and_an_own_image_need_no_internet(sections: dict[str, Any]) -> None:
    assert found(table(MAIN), endpoints=tuple(endpoint(service) for service in EVERY_SERVICE), **sections) == []


@pytest.mark.parametrize("target", [{"TransitGatewayId": "tgw-00000001"}, {"VpcPeeringConnectionId": "pcx-00000001"}])
def test_endpoints_may_lie_in_another_network_so_that_is_no_more_than_a_warning(target: dict[str, str]) -> None:
    levels = {finding.level for finding in found(table(MAIN, route("10.0.0.0/8", **target)), **AMAZON)}
    assert levels == {Level.WARNING}


def test_another_network_that_is_gone_holds_no_endpoints() -> None:
    gone = route("10.0.0.0/8", "blackhole", TransitGatewayId="tgw-00000001")
    assert {finding.level for finding in found(table(MAIN, gone), **AMAZON)} == {Level.ERROR}


def test_a_subnet_that_does_not_exist_is_told_by_another_validator() -> None:
    around = Surroundings(region=REGION, route_tables=(table(MAIN),))
    assert list(routes(load(configuration()), around)) == []


def called() -> set[str]:
    """What the node package calls, by the names of the endpoints."""
    sources = "".join(path.read_text() for path in NODE_PACKAGE.rglob("*.py"))
    named = {"cloudwatch": "monitoring"}
    return {named.get(service, service) for service in re.findall(r'client\("([a-z0-9]+)"', sources)}


def test_what_the_node_package_calls_is_among_what_a_head_node_calls() -> None:
    of_slurm = {"autoscaling", "dynamodb", "sqs"}  # its daemons run on no node of a Batch cluster
    assert called() - of_slurm
    assert called() - of_slurm <= {*HEAD_NODE_SERVICES, *REPORT_SERVICES}


def test_what_the_node_package_calls_is_among_what_the_head_node_of_a_slurm_cluster_calls() -> None:
    assert {"sqs", "dynamodb", "autoscaling"} <= called() <= {*SLURM_HEAD_NODE_SERVICES, *REPORT_SERVICES}


SLURM: dict[str, Any] = {
    "Scheduling": slurm_configuration()["Scheduling"],
    "Image": {"Os": "alinux2023", "CustomAmi": "ami-0123456789abcdef0"},
}
NODES = "Scheduling.SlurmQueues[0].Networking.SubnetIds[0]"


def test_the_nodes_of_a_slurm_cluster_are_held_to_what_they_call() -> None:
    head, nodes = found(table(MAIN), **SLURM)
    assert (head.path, nodes.path) == (HEAD, NODES)
    assert "cannot reach autoscaling, cloudformation, dynamodb, ec2, s3, sqs, ssm, ssmmessages, logs, monitoring:" in (
        head.message
    )
    assert "the queue's nodes cannot reach autoscaling, dynamodb, s3, sqs, logs, monitoring:" in nodes.message


@pytest.mark.parametrize("service", sorted({*SLURM_HEAD_NODE_SERVICES, *COMPUTE_NODE_SERVICES, *REPORT_SERVICES}))
def test_the_nodes_of_a_slurm_cluster_need_the_endpoint_of_every_service(service: str) -> None:
    services = {*SLURM_HEAD_NODE_SERVICES, *COMPUTE_NODE_SERVICES, *REPORT_SERVICES}
    assert found(table(MAIN), endpoints=tuple(map(endpoint, services)), **SLURM) == []
    assert found(table(MAIN), endpoints=tuple(map(endpoint, services - {service})), **SLURM)


def test_the_nodes_of_a_slurm_cluster_fetch_packages_from_the_internet_unless_their_ami_brings_them() -> None:
    services = {*SLURM_HEAD_NODE_SERVICES, *COMPUTE_NODE_SERVICES, *REPORT_SERVICES}
    debian = SLURM | {"Image": {"Os": "debian12"}}
    findings = found(table(MAIN), endpoints=tuple(map(endpoint, services)), **debian)
    assert [finding.path for finding in findings] == [HEAD, NODES]
    assert all("the packages of debian12" in finding.message for finding in findings)


def test_a_queue_may_give_its_nodes_public_addresses() -> None:
    networking = {"SubnetIds": [COMPUTE_SUBNETS[0]], "AssignPublicIp": True}
    queues = slurm_configuration(slurm_queue("main", Networking=networking))["Scheduling"]
    assert [finding.path for finding in found(table(MAIN, GATEWAY), **SLURM | {"Scheduling": queues})] == [HEAD]


def test_a_configuration_is_held_to_it() -> None:
    assert routes in VALIDATORS
