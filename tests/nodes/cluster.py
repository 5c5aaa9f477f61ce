"""A cluster's head node on the embedded AWS, as far as its bootstrap needs one: a stack that waits for its signal."""

from __future__ import annotations

import base64
import json
from typing import Any

from embedded_aws.ec2.images import IMAGES
from shoal.cluster import file_systems, head_node, head_node_role, monitoring, network, storage
from shoal.cluster.bucket import BUCKET_PARAMETER, ROOT_PARAMETER
from shoal.cluster.configuration import load
from shoal.cluster.node_package import node_package
from shoal.cluster.site import Site, Subnet
from tests.support.clusters import configuration, queue, site
from tests.support.embedded import Account
from tests.support.polling import until
from tests.support.stacks import Stack

SUBNET = "subnet-00000001"
PARTS = (network, monitoring, storage, file_systems, head_node_role, head_node)
BOUNDARY = "boundary"


class HeadNode:
    """The instance of a stack in CREATE_IN_PROGRESS, whose bootstrap the test runs."""

    def __init__(self, account: Account, shared_storage: list[dict[str, Any]]) -> None:
        self.account = account
        account.server.call("POST", "/_shoal/head-node-signal", {"account": account.id, "send": None})
        self.site = _site(account)
        self.stack = Stack(account, "shoal-cluster-genomics")
        self.stack.start(_resources(self.site, shared_storage), **_parameters(self.site))
        self.instance_id: str = until(self._instance, 30, "the head node")

    def _instance(self) -> str:
        assert self.stack.status() == "CREATE_IN_PROGRESS", self.stack.reasons()
        found = self.account.client("ec2").describe_instances()["Reservations"]
        return str(found[0]["Instances"][0]["InstanceId"]) if found else ""

    def user_data(self) -> str:
        """The script as EC2 has it, every reference resolved."""
        ec2 = self.account.client("ec2")
        found = ec2.describe_instance_attribute(InstanceId=self.instance_id, Attribute="userData")
        return base64.b64decode(found["UserData"]["Value"]).decode()

    def role(self) -> tuple[str, dict[str, str]]:
        """Name and a session of the role that the instance has."""
        role = self.account.client("iam").list_roles(PathPrefix=self.site.iam_path)["Roles"][0]
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


def _resources(where: Site, shared_storage: list[dict[str, Any]]) -> dict[str, Any]:
    cluster = load(
        configuration(
            HeadNode={"InstanceType": "t3.micro", "Networking": {"SubnetId": SUBNET}},
            Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": [queue("main", Networking={"SubnetIds": [SUBNET]})]},
            SharedStorage=shared_storage,
        )
    )
    resources = dict(entry for part in PARTS for entry in part.resources(cluster, where))
    for resource in resources.values():
        if "DependsOn" in resource:
            resource["DependsOn"] = [name for name in resource["DependsOn"] if name in resources]
    return resources


def _parameters(where: Site) -> dict[str, Any]:
    values = {BUCKET_PARAMETER: where.bucket, ROOT_PARAMETER: "jobs"}
    return {
        "sections": {"Parameters": {name: {"Type": "String"} for name in values}},
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    }
