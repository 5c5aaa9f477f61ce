"""Whether a configuration fits what is there: every problem at once, each by the validator that found it.

Validators are named as ParallelCluster names its own, because `suppressValidators` names them (`type:KeyPairValidator`,
or `ALL`), https://docs.aws.amazon.com/parallelcluster/latest/ug/pcluster.create-cluster-v3.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from shoal.cluster.findings import Finding, Level
from shoal.cluster.image_validators import of_images
from shoal.cluster.queue_validators import QUEUE_VALIDATORS
from shoal.cluster.routes import routes
from shoal.cluster.slurm_validators import SLURM_VALIDATORS
from shoal.cluster.storage_validators import STORAGE_VALIDATORS
from shoal.cluster.surroundings import Surroundings, custom_ami

if TYPE_CHECKING:
    from shoal.cluster.configuration import Cluster
    from shoal.cluster.iam import HeadNodeIam
    from shoal.cluster.network import HeadNodeNetworking, QueueNetworking

type Validator = Callable[["Cluster", Surroundings], Iterable[Finding]]

HEAD = "HeadNode"
SUBNET = f"{HEAD}.Networking.SubnetId"


def validate(cluster: Cluster, around: Surroundings) -> tuple[Finding, ...]:
    """What every validator finds, in the order of the document."""
    return tuple(finding for validator in VALIDATORS for finding in validator(cluster, around))


def head_node_type(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """The head node's instance type exists, is HVM, and is offered where the head node stands."""
    name, path = cluster.head_node.instance_type, f"{HEAD}.InstanceType"
    known, zone = around.instance_types.get(name), around.zone(cluster.head_node.networking.subnet_id)
    if known is None:
        message = f"is {name}, which is no instance type of this Region"
        yield Finding("InstanceTypeValidator", path, message, "write one like c7i.large", always=True)
    elif "hvm" not in known.get("SupportedVirtualizationTypes", ["hvm"]):
        message = f"is {name}, which has no hardware virtualization"
        yield Finding("InstanceTypeValidator", path, message, "write an instance type that supports HVM")
    elif zone and (name, zone) not in around.offered:
        message = f"is {name}, which EC2 does not offer in {zone}, where {SUBNET} is"
        yield Finding("InstanceTypeZoneValidator", path, message, "choose another type or a subnet in another zone")


def head_node_image(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """The head node's AMI exists, runs on its instance type, and fits on its root volume."""
    own = custom_ami(cluster)
    path = ("Image.Os" if not own else f"{HEAD}.Image.CustomAmi" if cluster.head_node.image.custom_ami
            else "Image.CustomAmi")  # fmt: skip
    architecture = around.architecture(cluster.head_node.instance_type)
    if around.image is None:
        if own or architecture:
            what = f"is {own}, which is no AMI that this account can use" if own else _no_ami(cluster, architecture)
            name = "InstanceTypeBaseAMICompatibleValidator"
            yield Finding(name, path, what, "name an AMI of this Region as Image.CustomAmi", always=True)
        return
    if architecture and around.image["Architecture"] != architecture:
        message = f"gives an AMI for {around.image['Architecture']}, and {HEAD}.InstanceType is {architecture}"
        name = "InstanceTypeBaseAMICompatibleValidator"
        yield Finding(name, path, message, f"name an AMI for {architecture}")
    size = cluster.head_node.local_storage.root_volume.size
    least = max((m["Ebs"].get("VolumeSize", 0) for m in around.image.get("BlockDeviceMappings", []) if "Ebs" in m),
                default=0)  # fmt: skip
    if size and size < least:
        path = f"{HEAD}.LocalStorage.RootVolume.Size"
        yield Finding("RootVolumeSizeValidator", path, f"is {size}, and the AMI needs {least} GiB", f"write {least}")


def _no_ami(cluster: Cluster, architecture: str | None) -> str:
    return f"is {cluster.image.os}, for which no official AMI for {architecture} is published in this Region"


def subnets(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Every subnet exists, and all are in one VPC."""
    vpc = around.subnets.get(cluster.head_node.networking.subnet_id, {}).get("VpcId")
    for path, subnet_id in _subnets(cluster):
        subnet = around.subnets.get(subnet_id)
        if subnet is None:
            message = f"is {subnet_id}, which is no subnet of this account and Region"
            yield Finding("SubnetsValidator", path, message, "write the id of one", always=True)
        elif vpc and subnet["VpcId"] != vpc:
            message = f"is in {subnet['VpcId']}, and {SUBNET} is in {vpc}"
            yield Finding("SubnetsValidator", path, message, f"choose a subnet of {vpc}")


def _subnets(cluster: Cluster) -> Iterator[tuple[str, str]]:
    yield SUBNET, cluster.head_node.networking.subnet_id
    for number, queue in enumerate(cluster.scheduling.queues):
        for index, subnet_id in enumerate(queue.networking.subnet_ids):
            yield f"Scheduling.{cluster.scheduling.queues_key}[{number}].Networking.SubnetIds[{index}]", subnet_id


def security_groups(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Every security group exists, in the cluster's VPC."""
    vpc = around.subnets.get(cluster.head_node.networking.subnet_id, {}).get("VpcId")
    for path, group_id in _security_groups(cluster):
        group = around.security_groups.get(group_id)
        if group is None:
            message = f"is {group_id}, which is no security group of this account and Region"
            yield Finding("SecurityGroupsValidator", path, message, "write the id of one")
        elif vpc and group["VpcId"] != vpc:
            message = f"is {group_id} of {group['VpcId']}, and {SUBNET} is in {vpc}"
            yield Finding("SecurityGroupsValidator", path, message, f"choose a group of {vpc}")


def _security_groups(cluster: Cluster) -> Iterator[tuple[str, str]]:
    networks: list[tuple[str, HeadNodeNetworking | QueueNetworking]] = [(HEAD, cluster.head_node.networking)]
    for number, queue in enumerate(cluster.scheduling.queues):
        networks.append((f"Scheduling.{cluster.scheduling.queues_key}[{number}]", queue.networking))
    for place, network in networks:
        for index, group_id in enumerate(network.security_groups):
            yield f"{place}.Networking.SecurityGroups[{index}]", group_id
        for index, group_id in enumerate(network.additional_security_groups):
            yield f"{place}.Networking.AdditionalSecurityGroups[{index}]", group_id


def access(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Key pair and Elastic IP exist."""
    key_name, path = cluster.head_node.ssh.key_name, f"{HEAD}.Ssh.KeyName"
    if key_name is None:
        message = "is absent, so nobody can log in with SSH unless the AMI allows another way"
        yield Finding("KeyPairValidator", path, message, "use Session Manager, or name a key pair", Level.WARNING)
    elif around.key_pair_type is None:
        message = f"is {key_name}, which is no key pair of this Region"
        yield Finding("KeyPairValidator", path, message, "name one of this Region, or remove the key")
    elif around.key_pair_type == "rsa" and cluster.image.os.startswith("ubuntu"):
        message = f"is {key_name}, an RSA key, which the SSH server of {cluster.image.os} refuses"
        yield Finding("KeyPairValidator", path, message, "name an ed25519 key pair")
    if isinstance(cluster.head_node.networking.elastic_ip, str) and around.elastic_ip is None:
        message = "names an Elastic IP that this account does not have in this Region"
        path = f"{HEAD}.Networking.ElasticIp"
        yield Finding("ElasticIpValidator", path, message, "write true, or the allocation id of one")


def identity(cluster: Cluster, around: Surroundings) -> Iterator[Finding]:
    """Roles, profiles and policies exist."""
    yield from _identity(cluster.head_node.iam, f"{HEAD}.Iam", around)
    for number, queue in enumerate(cluster.scheduling.slurm_queues):
        yield from _identity(queue.iam, f"Scheduling.SlurmQueues[{number}].Iam", around)


def _identity(iam: HeadNodeIam, path: str, around: Surroundings) -> Iterator[Finding]:
    if iam.instance_role and iam.instance_role not in around.roles:
        message = f"is {iam.instance_role}, which does not exist"
        yield Finding("RoleValidator", f"{path}.InstanceRole", message, "name a role of this account")
    if iam.instance_profile and iam.instance_profile not in around.instance_profiles:
        message = f"is {iam.instance_profile}, which does not exist"
        yield Finding("InstanceProfileValidator", f"{path}.InstanceProfile", message, "name one of this account")
    for index, item in enumerate(iam.additional_iam_policies):
        if item.policy not in around.policies:
            place = f"{path}.AdditionalIamPolicies[{index}].Policy"
            message = f"is {item.policy}, which does not exist"
            yield Finding("AdditionalIamPolicyValidator", place, message, "name a managed policy of this account")


VALIDATORS: tuple[Validator, ...] = (
    head_node_type,
    head_node_image,
    subnets,
    routes,
    security_groups,
    access,
    identity,
    *QUEUE_VALIDATORS,
    *SLURM_VALIDATORS,
    of_images,
    *STORAGE_VALIDATORS,
)
