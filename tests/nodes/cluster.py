"""A cluster's head node on the embedded AWS, as far as its bootstrap needs one: a stack that waits for its signal."""

from __future__ import annotations

import base64
import json
from typing import Any

from embedded_aws.ec2.images import IMAGES
from shoal.cluster import (
    compute_role,
    file_systems,
    fleet_queue,
    head_node,
    head_node_role,
    monitoring,
    network,
    node_table,
    storage,
)
from shoal.cluster.bucket import BUCKET_PARAMETER, ROOT_PARAMETER
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.node_package import node_package
from shoal.cluster.site import Site, Subnet
from tests.support.clusters import configuration, queue, site
from tests.support.embedded import Account
from tests.support.polling import until
from tests.support.stacks import Stack

SUBNET = "subnet-00000001"
NODE_PARTS = (network, monitoring, storage, file_systems, head_node_role, head_node)
PARTS = {"awsbatch": NODE_PARTS, "slurm": (node_table, fleet_queue, *NODE_PARTS, compute_role)}
SMALL = {"Name": "small", "InstanceType": "c6i.large", "MaxCount": 4}
BOUNDARY = "boundary"


class HeadNode:
    """The instance of a stack in CREATE_IN_PROGRESS, whose bootstrap the test runs."""

    def __init__(
        self, account: Account, shared_storage: list[dict[str, Any]], kind: str = "awsbatch", **head: Any
    ) -> None:
        self.account = account
        self._storage, self._kind, self._head = shared_storage, kind, head
        account.server.call("POST", "/_shoal/head-node-signal", {"account": account.id, "send": None})
        self.site = _site(account)
        self.stack = Stack(account, "shoal-cluster-genomics")
        self.stack.start(self.resources(), **_parameters(self.site))
        self.instance_id: str = until(self._instance, 30, "the head node")

    def cluster(self, *queues: str) -> Cluster:
        """The cluster as it is configured; with these queues beside the first."""
        head = {"InstanceType": "t3.micro", "Networking": {"SubnetId": SUBNET}, **self._head}
        made = scheduling(self._kind, "main", *queues)
        return load(configuration(HeadNode=head, Scheduling=made, SharedStorage=self._storage))

    def resources(self, *queues: str) -> dict[str, Any]:
        """What of the cluster's stack the bootstrap needs; with these queues beside the first."""
        cluster = self.cluster(*queues)
        found = dict(entry for part in PARTS[self._kind] for entry in part.resources(cluster, self.site))
        for resource in found.values():
            if "DependsOn" in resource:
                resource["DependsOn"] = [name for name in resource["DependsOn"] if name in found]
        return found

    def _instance(self) -> str:
        assert self.stack.status() == "CREATE_IN_PROGRESS", self.stack.reasons()
        found = self.account.client("ec2").describe_instances()["Reservations"]
        return str(found[0]["Instances"][0]["InstanceId"]) if found else ""

    def user_data(self) -> str:
        """The script as EC2 has it, every reference resolved."""
        ec2 = self.account.client("ec2")
        found = ec2.describe_instance_attribute(InstanceId=self.instance_id, Attribute="userData")
        return base64.b64decode(found["UserData"]["Value"]).decode()

    def role(self, node: str = "head") -> tuple[str, dict[str, str]]:
        """Name and a session of the role that the instance has; or that a `compute` node has."""
        roles = self.account.client("iam").list_roles(PathPrefix=self.site.iam_path)["Roles"]
        role = next(role for role in roles if ("head-node" in role["RoleName"]) == (node == "head"))
        session = self.account.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName=self.instance_id)
        return role["RoleName"], session["Credentials"]

    def tags(self) -> dict[str, str]:
        """The instance's tags."""
        filters = [{"Name": "resource-id", "Values": [self.instance_id]}]
        return {tag["Key"]: tag["Value"] for tag in self.account.client("ec2").describe_tags(Filters=filters)["Tags"]}

    def log(self, stream: str = "bootstrap") -> list[str]:
        """The messages of one of its streams."""
        group = f"/shoal/genomics-{self.site.generation}/head-node"
        events = self.account.client("logs").get_log_events(
            logGroupName=group, logStreamName=f"{self.instance_id}/{stream}"
        )
        return [event["message"] for event in events["events"]]


def _site(account: Account) -> Site:
    bucket, s3 = f"shoal-control-{account.id}", account.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    key, content = node_package()
    version = s3.put_object(Bucket=bucket, Key=key, Body=content)["VersionId"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    boundary = account.client("iam").create_policy(PolicyName=BOUNDARY, PolicyDocument=json.dumps(everything))
    where = Subnet(vpc_id="vpc-00000001", vpc_cidr="172.31.0.0/16", availability_zone="us-east-1a")
    return site(
        account_id=account.id,
        bucket=bucket,
        node_package=f"{key}?versionId={version}",
        head_node_ami=next(image[0] for image in IMAGES if image[1].startswith("debian-12-amd64")),
        permissions_boundary=boundary["Policy"]["Arn"],
        subnets={SUBNET: where},
    )


def scheduling(kind: str, *queues: str) -> dict[str, Any]:
    """The section of a cluster of this kind with queues of these names."""
    networking = {"SubnetIds": [SUBNET]}
    if kind == "awsbatch":
        return {"Scheduler": kind, "AwsBatchQueues": [queue(name, Networking=networking) for name in queues]}
    made = [{"Name": name, "Networking": networking, "ComputeResources": [SMALL]} for name in queues]
    return {"Scheduler": kind, "SlurmQueues": made}


def _parameters(where: Site) -> dict[str, Any]:
    values = {BUCKET_PARAMETER: where.bucket, ROOT_PARAMETER: "jobs"}
    return {
        "sections": {"Parameters": {name: {"Type": "String"} for name in values}},
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    }
