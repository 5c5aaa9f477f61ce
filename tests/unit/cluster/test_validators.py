"""Is everything that a configuration names and AWS does not have found at once, each at its key?"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from shoal.aws.efs import FileSystem
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.findings import Finding, Level, stopping, unsuppressed
from shoal.cluster.materials import Materials
from shoal.cluster.surroundings import Surroundings, named
from shoal.cluster.validators import validate
from shoal.image.context_faults import Fault
from shoal.image.user_context import ContextError
from tests.support.clusters import HEAD_SUBNET, REGION, compute_resource, configuration, queue, storage

VPC = "vpc-0ccccccccccccccc1"
GROUP = "sg-0ddddddddddddddd1"
SNAPSHOT = "snap-0eeeeeeeeeeeeeee1"
VOLUME = "vol-0fffffffffffffff1"
SYSTEM = "fs-0aaaaaaaaaaaaaaa1"
GONE = "s3://mine/gone.zip"
POLICY = "arn:aws:iam::111111111111:policy/mine"


def instance_type(architecture: str = "x86_64", vcpus: int = 2, **facts: Any) -> dict[str, Any]:
    return {
        "ProcessorInfo": {"SupportedArchitectures": [architecture]},
        "VCpuInfo": {"DefaultVCpus": vcpus},
        "SupportedVirtualizationTypes": ["hvm"],
        "SupportedUsageClasses": ["on-demand", "spot"],
    } | facts


def complete(cluster: Cluster, **facts: Any) -> Surroundings:
    """Surroundings in which everything that a configuration names is there and right."""
    ids = named(cluster)
    zone = f"{REGION}a"
    types = {name: instance_type("arm64" if "g." in name else "x86_64") for name in ids.instance_types}
    around = Surroundings(
        region=REGION,
        subnets={name: {"AvailabilityZone": zone, "VpcId": VPC} for name in ids.subnets},
        vpc_cidrs={VPC: "10.0.0.0/16"},
        instance_types=types,
        offered=frozenset((name, zone) for name in types),
        security_groups={name: {"VpcId": VPC} for name in ids.security_groups},
        snapshots={name: {"State": "completed", "VolumeSize": 30} for name in ids.snapshots},
        volumes={name: {"AvailabilityZone": zone, "State": "available"} for name in ids.volumes},
        file_systems={name: FileSystem("available", frozenset({zone})) for name in ids.file_systems},
        kms_keys=dict.fromkeys(ids.kms_keys, "Enabled"),
        policies=frozenset(ids.policies),
        roles=frozenset(ids.roles),
        instance_profiles=frozenset(ids.instance_profiles),
        placement_groups=frozenset(ids.placement_groups),
        official_images={"x86_64": "ami-0123456789abcdef0", "arm64": "ami-0123456789abcdef1"},
        images={
            "ami-0123456789abcdef0": {"Architecture": "x86_64"},
            "ami-0123456789abcdef1": {"Architecture": "arm64"},
            **{name: {"Architecture": "x86_64"} for name in ids.images},
        },
        elastic_ip="eipalloc-00000001",
        key_pair_type="ed25519",
        image_id="ami-0123456789abcdef0",
        image={"Architecture": "x86_64", "BlockDeviceMappings": [{"Ebs": {"VolumeSize": 8}}]},
        bucket_region=REGION,
        bucket_versioning="Enabled",
    )
    return dataclasses.replace(around, **facts)


def head(**keys: Any) -> dict[str, Any]:
    networking = {"SubnetId": HEAD_SUBNET} | keys.pop("Networking", {})
    return configuration(
        HeadNode={"InstanceType": "t3.micro", "Networking": networking, "Ssh": {"KeyName": "key"}} | keys
    )


def queues(*items: dict[str, Any]) -> dict[str, Any]:
    return head() | {"Scheduling": {"Scheduler": "awsbatch", "AwsBatchQueues": list(items)}}


def found(sections: dict[str, Any], **facts: Any) -> list[tuple[str, str]]:
    cluster = load(sections)
    return [(finding.validator, finding.path) for finding in validate(cluster, complete(cluster, **facts))]


QUEUE = "Scheduling.AwsBatchQueues[0]"
AMI = {"Architecture": "x86_64"}
CASES: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (head(), {"instance_types": {"c6i.large": instance_type()}}, "InstanceTypeValidator", "HeadNode.InstanceType"),
    (
        head(),
        {
            "instance_types": {
                "t3.micro": instance_type(SupportedVirtualizationTypes=["paravirtual"]),
                "c6i.large": instance_type(),
            }
        },
        "InstanceTypeValidator",
        "HeadNode.InstanceType",
    ),
    (
        head(),
        {"offered": frozenset({("c6i.large", f"{REGION}a")})},
        "InstanceTypeZoneValidator",
        "HeadNode.InstanceType",
    ),
    (head(), {"image": None, "image_id": None}, "InstanceTypeBaseAMICompatibleValidator", "Image.Os"),
    (
        head() | {"Image": {"Os": "debian12", "CustomAmi": "ami-00000001"}},
        {"image": None},
        "InstanceTypeBaseAMICompatibleValidator",
        "Image.CustomAmi",
    ),
    (
        head(Image={"CustomAmi": "ami-00000001"}),
        {"image": {"Architecture": "arm64"}},
        "InstanceTypeBaseAMICompatibleValidator",
        "HeadNode.Image.CustomAmi",
    ),
    (
        head(LocalStorage={"RootVolume": {"Size": 40}}),
        {"image": AMI | {"BlockDeviceMappings": [{"Ebs": {"VolumeSize": 50}}, {"VirtualName": "ephemeral0"}]}},
        "RootVolumeSizeValidator",
        "HeadNode.LocalStorage.RootVolume.Size",
    ),
    (
        head(),
        {"subnets": {HEAD_SUBNET: {"AvailabilityZone": f"{REGION}a", "VpcId": VPC}}},
        "SubnetsValidator",
        f"{QUEUE}.Networking.SubnetIds[0]",
    ),
    (
        queues(queue("main", Networking={"SubnetIds": [HEAD_SUBNET, "subnet-00000002"]})),
        {
            "subnets": {
                HEAD_SUBNET: {"AvailabilityZone": f"{REGION}a", "VpcId": VPC},
                "subnet-00000002": {"AvailabilityZone": f"{REGION}b", "VpcId": "vpc-00000002"},
            }
        },
        "SubnetsValidator",
        f"{QUEUE}.Networking.SubnetIds[1]",
    ),
    (
        head(),
        {"instance_types": {"c6i.large": instance_type()}, "image": None, "image_id": None},
        "InstanceTypeValidator",
        "HeadNode.InstanceType",
    ),
    (
        head(Networking={"SecurityGroups": [GROUP]}),
        {"security_groups": {}},
        "SecurityGroupsValidator",
        "HeadNode.Networking.SecurityGroups[0]",
    ),
    (
        queues(queue("main", Networking={"SubnetIds": [HEAD_SUBNET], "AdditionalSecurityGroups": [GROUP]})),
        {"security_groups": {GROUP: {"VpcId": "vpc-00000002"}}},
        "SecurityGroupsValidator",
        f"{QUEUE}.Networking.AdditionalSecurityGroups[0]",
    ),
    (head(), {"key_pair_type": None}, "KeyPairValidator", "HeadNode.Ssh.KeyName"),
    (
        head() | {"Image": {"Os": "ubuntu2404"}},
        {"key_pair_type": "rsa"},
        "KeyPairValidator",
        "HeadNode.Ssh.KeyName",
    ),
    (head(Ssh={}), {}, "KeyPairValidator", "HeadNode.Ssh.KeyName"),
    (
        head(Networking={"ElasticIp": "eipalloc-00000009"}),
        {"elastic_ip": None},
        "ElasticIpValidator",
        "HeadNode.Networking.ElasticIp",
    ),
    (
        head(Iam={"InstanceRole": "arn:aws:iam::111111111111:role/gone"}),
        {"roles": frozenset()},
        "RoleValidator",
        "HeadNode.Iam.InstanceRole",
    ),
    (
        head(Iam={"InstanceProfile": "arn:aws:iam::111111111111:instance-profile/gone"}),
        {"instance_profiles": frozenset()},
        "InstanceProfileValidator",
        "HeadNode.Iam.InstanceProfile",
    ),
    (
        head(Iam={"AdditionalIamPolicies": [{"Policy": POLICY}]}),
        {"policies": frozenset()},
        "AdditionalIamPolicyValidator",
        "HeadNode.Iam.AdditionalIamPolicies[0].Policy",
    ),
    (
        head(),
        {"instance_types": {"t3.micro": instance_type()}},
        "AwsBatchComputeInstanceTypeValidator",
        f"{QUEUE}.ComputeResources[0].InstanceTypes[0]",
    ),
    (
        queues(queue("main", CapacityType="SPOT")),
        {
            "instance_types": {
                "t3.micro": instance_type(),
                "c6i.large": instance_type(SupportedUsageClasses=["on-demand"]),
            }
        },
        "CapacityTypeValidator",
        f"{QUEUE}.ComputeResources[0].InstanceTypes[0]",
    ),
    (
        head(),
        {"offered": frozenset({("t3.micro", f"{REGION}a")})},
        "InstanceTypeZoneValidator",
        f"{QUEUE}.ComputeResources[0].InstanceTypes[0]",
    ),
    (
        head(),
        {"instance_types": {"t3.micro": instance_type(), "c6i.large": instance_type(vcpus=64)}},
        "AwsBatchComputeInstanceTypeValidator",
        f"{QUEUE}.ComputeResources[0].MaxvCpus",
    ),
    (
        queues(queue("main", compute_resource("a"), compute_resource("b", InstanceTypes=["c6g.large"]))),
        {},
        "AwsBatchInstancesArchitectureCompatibilityValidator",
        f"{QUEUE}.ComputeResources",
    ),
    (
        queues(queue("main", compute_resource("a", InstanceTypes=["optimal", "c7g"]))),
        {},
        "AwsBatchInstancesArchitectureCompatibilityValidator",
        f"{QUEUE}.ComputeResources",
    ),
    (
        queues(queue("main", ContainerImage={"Platform": "linux/arm64"})),
        {},
        "AwsBatchInstancesArchitectureCompatibilityValidator",
        f"{QUEUE}.ContainerImage.Platform",
    ),
    (
        queues(queue("main"), queue("arm", compute_resource("a", InstanceTypes=["c6g.large"])))
        | {"ContainerImage": {"Platform": "linux/amd64"}},
        {},
        "AwsBatchInstancesArchitectureCompatibilityValidator",
        "ContainerImage.Platform",
    ),
    (
        queues(queue("main", ContainerImage={"Context": GONE})),
        {"materials": Materials(refused={(GONE, "Dockerfile"): ContextError(GONE, [Fault("is gone", "bring it")])})},
        "ContainerImageContextValidator",
        f"{QUEUE}.ContainerImage.Context",
    ),
    (
        head() | {"ContainerImage": {"BuildArgs": {"BASE_IMAGE": "debian:12"}}},
        {"materials": Materials(unpinned={"debian:12": "cannot be reached"})},
        "ContainerImageBaseValidator",
        "ContainerImage.BuildArgs.BASE_IMAGE",
    ),
    (
        head(),
        {"materials": Materials(base_image="registry.test/debian:12", unpinned={"registry.test/debian:12": "is shut"})},
        "ContainerImageBaseValidator",
        "Image.Os",
    ),
    (
        head() | {"SharedStorage": [storage("old", EbsSettings={"VolumeId": VOLUME})]},
        {"volumes": {}},
        "SharedEbsVolumeIdValidator",
        "SharedStorage[0].EbsSettings.VolumeId",
    ),
    (
        head() | {"SharedStorage": [storage("old", EbsSettings={"VolumeId": VOLUME})]},
        {"volumes": {VOLUME: {"AvailabilityZone": f"{REGION}b", "State": "available"}}},
        "SharedEbsVolumeIdValidator",
        "SharedStorage[0].EbsSettings.VolumeId",
    ),
    (
        head() | {"SharedStorage": [storage("copy", EbsSettings={"SnapshotId": SNAPSHOT})]},
        {"snapshots": {}},
        "EbsVolumeSizeSnapshotValidator",
        "SharedStorage[0].EbsSettings.SnapshotId",
    ),
    (
        head() | {"SharedStorage": [storage("copy", EbsSettings={"SnapshotId": SNAPSHOT})]},
        {"snapshots": {SNAPSHOT: {"State": "pending", "VolumeSize": 30}}},
        "EbsVolumeSizeSnapshotValidator",
        "SharedStorage[0].EbsSettings.SnapshotId",
    ),
    (
        head() | {"SharedStorage": [storage("copy", EbsSettings={"SnapshotId": SNAPSHOT, "Size": 20})]},
        {},
        "EbsVolumeSizeSnapshotValidator",
        "SharedStorage[0].EbsSettings.Size",
    ),
    (
        head() | {"SharedStorage": [storage("keyed", EbsSettings={"KmsKeyId": "alias/mine"})]},
        {"kms_keys": {"alias/mine": "PendingDeletion"}},
        "KmsKeyValidator",
        "SharedStorage[0].EbsSettings.KmsKeyId",
    ),
    (
        head() | {"SharedStorage": [storage("home", StorageType="Efs", EfsSettings={"FileSystemId": SYSTEM})]},
        {"file_systems": {}},
        "EfsIdValidator",
        "SharedStorage[0].EfsSettings.FileSystemId",
    ),
    (
        head() | {"SharedStorage": [storage("home", StorageType="Efs", EfsSettings={"FileSystemId": SYSTEM})]},
        {"file_systems": {SYSTEM: FileSystem("available", frozenset())}},
        "EfsIdValidator",
        "SharedStorage[0].EfsSettings.FileSystemId",
    ),
    (head() | {"CustomS3Bucket": "mine"}, {"bucket_region": None}, "S3BucketValidator", "CustomS3Bucket"),
    (head() | {"CustomS3Bucket": "mine"}, {"bucket_versioning": "Suspended"}, "S3BucketValidator", "CustomS3Bucket"),
    (head() | {"CustomS3Bucket": "mine"}, {"bucket_region": "eu-west-1"}, "S3BucketRegionValidator", "CustomS3Bucket"),
]


@pytest.mark.parametrize(("sections", "facts", "validator", "path"), CASES)
def test_what_is_wrong_is_found_at_its_key_and_nothing_else_is(
    sections: dict[str, Any], facts: dict[str, Any], validator: str, path: str
) -> None:
    assert found(sections, **facts) == [(validator, path)]


def test_queues_of_two_architectures_are_served_an_image_each() -> None:
    assert found(queues(queue("main"), queue("arm", compute_resource("a", InstanceTypes=["c6g.large"])))) == []


def test_a_base_image_without_a_digest_is_a_warning_that_says_why() -> None:
    materials = Materials(base_image="registry.test/debian:12", unpinned={"registry.test/debian:12": "is shut"})
    cluster = load(head())
    (finding,) = validate(cluster, complete(cluster, materials=materials))
    assert finding.level is Level.WARNING
    assert "Image.Os means registry.test/debian:12, and its digest is not known: registry.test is shut" in (
        finding.problem.message
    )


def test_a_context_that_cannot_be_built_stops_whatever_is_suppressed_and_tells_every_reason() -> None:
    faults = [Fault("has no Dockerfile", "add it"), Fault("is too large", "make it smaller")]
    materials = Materials(refused={(GONE, "Dockerfile"): ContextError(GONE, faults)})
    cluster = load(head() | {"ContainerImage": {"Context": GONE}})
    findings = unsuppressed(validate(cluster, complete(cluster, materials=materials)), ["ALL"])
    assert [finding.message for finding in stopping(findings, "ERROR")] == [
        f"names {GONE}, which has no Dockerfile",
        f"names {GONE}, which is too large",
    ]


def test_a_configuration_that_fits_has_no_findings() -> None:
    everything = head(
        Networking={"ElasticIp": "eipalloc-00000001", "SecurityGroups": [GROUP]},
        Iam={"AdditionalIamPolicies": [{"Policy": POLICY}]},
    ) | {
        "CustomS3Bucket": "mine",
        "SharedStorage": [
            storage("old", EbsSettings={"VolumeId": VOLUME}),
            storage("copy", EbsSettings={"SnapshotId": SNAPSHOT, "KmsKeyId": "alias/mine"}),
            storage("home", StorageType="Efs", EfsSettings={"FileSystemId": SYSTEM}),
        ],
    }
    assert found(everything) == []


def test_a_missing_key_pair_is_told_and_stops_nothing() -> None:
    (finding,) = validate(load(head(Ssh={})), complete(load(head(Ssh={}))))
    assert finding.level is Level.WARNING
    assert stopping([finding], "ERROR") == ()
    assert stopping([finding], "WARNING") == (finding,)


def test_all_problems_are_told_at_once() -> None:
    assert {validator for validator, _ in found(head(), instance_types={}, subnets={}, key_pair_type=None)} == {
        "InstanceTypeValidator",
        "SubnetsValidator",
        "KeyPairValidator",
        "AwsBatchComputeInstanceTypeValidator",
    }


@pytest.mark.parametrize("suppress", [["ALL"], ["type:KeyPairValidator"]])
def test_a_suppressed_validator_says_nothing(suppress: list[str]) -> None:
    finding = Finding("KeyPairValidator", "HeadNode.Ssh.KeyName", "is gone", "name another")
    assert unsuppressed([finding], suppress) == ()
    assert unsuppressed([finding], ["type:SubnetsValidator"]) == (finding,)


def test_what_cannot_be_rendered_stops_even_when_suppressed() -> None:
    finding = Finding("SubnetsValidator", "HeadNode.Networking.SubnetId", "is gone", "name one", always=True)
    assert stopping(unsuppressed([finding], ["ALL"]), "ERROR") == (finding,)


def test_a_finding_reads_like_every_other_problem() -> None:
    finding = Finding("KeyPairValidator", "HeadNode.Ssh.KeyName", "is gone", "name another")
    assert finding.problem.message == "HeadNode.Ssh.KeyName is gone"
    assert finding.to_message() == {
        "id": "KeyPairValidator",
        "type": "KeyPairValidator",
        "level": "ERROR",
        "message": "HeadNode.Ssh.KeyName is gone; name another",
    }
