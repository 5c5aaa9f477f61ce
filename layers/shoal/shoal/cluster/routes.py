"""Whether nodes reach what they call: by a way out of their subnet, or by endpoints of its VPC.

A subnet leads to AWS's services by a route to the internet, for which an internet gateway needs a public address of
the node's own and a NAT gateway does not (https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html),
or by an endpoint of each (https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.cluster.findings import Finding, Level
from shoal.cluster.image import ready_image
from shoal.cluster.kinds import SLURM
from shoal.cluster.surroundings import Surroundings, custom_ami, queue_ami

if TYPE_CHECKING:
    from shoal.cluster.batch import Queue
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.network import QueueNetworking

VALIDATOR = "SubnetRoutesValidator"
ANYWHERE = "0.0.0.0/0"
HEAD_NODE_SERVICES = ("batch", "cloudformation", "ec2", "s3", "ssm", "ssmmessages")
"""What the head node of a Batch cluster calls, by the names of the endpoints: to fetch the node package, signal its
stack and tag itself, to be logged in to, and to submit jobs."""
SLURM_HEAD_NODE_SERVICES = (
    "autoscaling", "cloudformation", "dynamodb", "ec2", "s3", "sqs", "ssm", "ssmmessages",
)  # fmt: skip
"""What that of a Slurm cluster calls: the same, and what its fleet is made of."""
COMPUTE_NODE_SERVICES = ("autoscaling", "dynamodb", "s3", "sqs")
"""What a compute node of a Slurm cluster calls: to fetch the node package and the munge key, to tell that it is ready,
and to end itself."""
REPORT_SERVICES = ("logs", "monitoring")
"""What it calls besides when it sends logs and metrics."""
HOST_SERVICES = ("ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "logs", "s3")
"""What a host of jobs calls, https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html; images
lie in S3, https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html."""
_PACKAGES_FROM_THE_INTERNET = ("debian12", "ubuntu2404")
"""Systems whose packages have no mirror in S3, as Amazon Linux's have."""
_PRIVATE_REPOSITORY = re.compile(r"\d{12}\.dkr[.-]ecr\.")
"""What the name of an image in ECR begins with; of ECR Public there is no endpoint."""
_TARGETS = (
    "NatGatewayId", "InstanceId", "TransitGatewayId", "VpcPeeringConnectionId", "LocalGatewayId", "CarrierGatewayId",
    "NetworkInterfaceId", "CoreNetworkArn", "GatewayId",
)  # fmt: skip
"""Where a route may lead, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html; a route through a NAT
instance names instance and interface. `GatewayId` is an internet or virtual private gateway, an endpoint, or `local`.
"""
_ELSEWHERE = ("tgw-", "vgw-", "pcx-", "arn:")
"""What leads to other networks, which may hold endpoints for many."""


@dataclass(frozen=True)
class _Nodes:
    """Nodes that stand in one subnet, and what they call."""

    path: str
    subnet_id: str
    who: str
    public: bool
    """Whether they get a public address."""
    publishing: str
    """What would give them one."""
    services: tuple[str, ...]
    beyond: tuple[str, ...]
    """What they fetch from the internet, to which no endpoint leads."""


def routes(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Every node reaches what it calls."""
    for nodes in (_head_node(cluster, around), *_hosts(cluster, around), *_compute_nodes(cluster, around)):
        table = _table(nodes.subnet_id, around)
        if table is None or (obstacle := _obstacle(table, nodes)) is None:
            continue
        endpoints = _endpoints(table, around)
        missing = tuple(service for service in nodes.services if service not in endpoints)
        if missing or nodes.beyond:
            # The services may be reached by endpoints of another network, under names that it resolves.
            guess = not nodes.beyond and _leads_elsewhere(table)
            yield _finding(nodes, table, obstacle, missing, Level.WARNING if guess else Level.ERROR)


def _finding(nodes: _Nodes, table: Mapping[str, Any], obstacle: str, missing: tuple[str, ...], level: Level) -> Finding:
    unreached = ", ".join((*missing, *nodes.beyond))
    message = f"is {nodes.subnet_id}, from which {nodes.who} cannot reach {unreached}"
    message += f": its route table {table['RouteTableId']} {obstacle}"
    ways = ["choose a subnet with a route to a NAT gateway, as `shoal network create` makes them"]
    if "igw-" in obstacle and not nodes.public:
        ways.insert(0, f"write {nodes.publishing}")
    elif not nodes.beyond:
        ways.append("give the VPC endpoints for these services")
    return Finding(VALIDATOR, nodes.path, message, ", or ".join(ways), level)


def _head_node(cluster: Cluster, around: Surroundings) -> _Nodes:
    networking = cluster.head_node.networking
    system = cluster.image.os
    fetched = system in _PACKAGES_FROM_THE_INTERNET and custom_ami(cluster) is None
    return _Nodes(
        path="HeadNode.Networking.SubnetId",
        subnet_id=networking.subnet_id,
        who="the head node",
        public=bool(networking.elastic_ip) or _publishes(networking.subnet_id, around),
        publishing="HeadNode.Networking.ElasticIp: true",
        services=(SLURM_HEAD_NODE_SERVICES if cluster.kind == SLURM else HEAD_NODE_SERVICES) + _reporting(cluster),
        beyond=(f"the packages of {system}",) if fetched else (),
    )


def _reporting(cluster: Cluster) -> tuple[str, ...]:
    return REPORT_SERVICES if cluster.monitoring.logs.cloud_watch.enabled else ()


def _compute_nodes(cluster: Cluster, around: Surroundings) -> Iterator[_Nodes]:
    system, services = cluster.image.os, COMPUTE_NODE_SERVICES + _reporting(cluster)
    for number, queue in enumerate(cluster.scheduling.slurm_queues):
        fetched = system in _PACKAGES_FROM_THE_INTERNET and queue_ami(cluster, queue) is None
        calls = (services, (f"the packages of {system}",) if fetched else ())
        yield from _of_queue(f"SlurmQueues[{number}]", queue.networking, around, "the queue's nodes", *calls)


def _hosts(cluster: Cluster, around: Surroundings) -> Iterator[_Nodes]:
    for number, queue in enumerate(cluster.scheduling.aws_batch_queues):
        calls = (HOST_SERVICES, _registry(cluster, queue))
        yield from _of_queue(f"AwsBatchQueues[{number}]", queue.networking, around, "the queue's instances", *calls)


def _of_queue(
    queue: str,
    networking: QueueNetworking,
    around: Surroundings,
    who: str,
    services: tuple[str, ...],
    beyond: tuple[str, ...],
) -> Iterator[_Nodes]:
    """A queue's nodes, in each of its subnets."""
    place, asked = f"Scheduling.{queue}.Networking", networking.assign_public_ip
    for index, subnet_id in enumerate(networking.subnet_ids):
        yield _Nodes(
            path=f"{place}.SubnetIds[{index}]",
            subnet_id=subnet_id,
            who=who,
            public=_publishes(subnet_id, around) if asked is None else asked,
            publishing=f"{place}.AssignPublicIp: true",
            services=services,
            beyond=beyond,
        )


def _registry(cluster: Cluster, queue: Queue) -> tuple[str, ...]:
    """The registry of a queue's image, where it is none that an endpoint leads to."""
    uri = ready_image(cluster, queue)
    if uri is None or _PRIVATE_REPOSITORY.match(uri):
        return ()
    host, slash, _ = uri.partition("/")
    return (f"the registry {host if slash and re.search(r'[.:]', host) else 'docker.io'}",)


def _publishes(subnet_id: str, around: Surroundings) -> bool:
    """Whether a subnet gives instances a public address."""
    return bool(around.subnets.get(subnet_id, {}).get("MapPublicIpOnLaunch"))


def _table(subnet_id: str, around: Surroundings) -> Mapping[str, Any] | None:
    """The table that is associated with a subnet, or its VPC's main one; none of a subnet that does not exist."""
    main = None
    vpc = around.subnets.get(subnet_id, {}).get("VpcId")
    for table in around.route_tables:
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet_id:
                return table
            if association["Main"] and table["VpcId"] == vpc:
                main = table
    return main


def _obstacle(table: Mapping[str, Any], nodes: _Nodes) -> str | None:
    """Why a table leads nodes to no service, or nothing."""
    route = next((item for item in table["Routes"] if item.get("DestinationCidrBlock") == ANYWHERE), None)
    if route is None:
        return f"has no route to {ANYWHERE}"
    target = _target(route)
    if route.get("State") == "blackhole":
        return f"sends {ANYWHERE} to {target}, which is gone or does not work"
    if target.startswith("igw-") and not nodes.public:
        return f"sends {ANYWHERE} to the internet gateway {target}, which needs a public address, and there is none"
    if target.startswith("pcx-"):  # https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
        return f"sends {ANYWHERE} to the peering connection {target}, which carries nothing to the internet"
    return None


def _target(route: Mapping[str, Any]) -> str:
    return next((str(route[name]) for name in _TARGETS if route.get(name)), "")


def _leads_elsewhere(table: Mapping[str, Any]) -> bool:
    return any(_target(route).startswith(_ELSEWHERE) and route.get("State") != "blackhole" for route in table["Routes"])


def _endpoints(table: Mapping[str, Any], around: Surroundings) -> frozenset[str]:
    """The services with an endpoint for a table's subnets, as their endpoints are named: `s3`, `ecr.api`."""
    return frozenset(
        endpoint["ServiceName"].partition(f".{around.region}.")[2]
        for endpoint in around.endpoints
        if endpoint["VpcId"] == table["VpcId"]
        and endpoint.get("State", "").lower() == "available"
        and (table["RouteTableId"] in endpoint.get("RouteTableIds", []) or endpoint.get("PrivateDnsEnabled"))
    )
