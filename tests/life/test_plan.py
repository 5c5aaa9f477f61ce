"""What `plan` looks up in the account, and that it makes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from embedded_aws.process import ACCOUNT_ID, REGION
from tests.support.ecr import MANIFEST
from tests.support.front_door import FrontDoor

Configure = Callable[..., dict[str, Any]]
ZONE = f"{REGION}a"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}


@pytest.fixture
def existing(shoal: FrontDoor, name: str) -> Iterator[dict[str, str]]:
    """One of everything that a configuration can name, by the key that names it; gone at the end."""
    ec2, iam, efs, s3 = (shoal.client(service) for service in ("ec2", "iam", "efs", "s3"))
    vpc = ec2.describe_subnets(SubnetIds=[shoal.subnet])["Subnets"][0]["VpcId"]
    volume = ec2.create_volume(AvailabilityZone=ZONE, Size=10)["VolumeId"]
    made = {
        "SecurityGroup": ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"],
        "KeyName": ec2.create_key_pair(KeyName=name)["KeyName"],
        "VolumeId": volume,
        "SnapshotId": ec2.create_snapshot(VolumeId=volume)["SnapshotId"],
        "ElasticIp": ec2.allocate_address(Domain="vpc")["AllocationId"],
        "FileSystemId": efs.create_file_system(CreationToken=name, Encrypted=True)["FileSystemId"],
        "KmsKeyId": shoal.client("kms").create_key(Description=name)["KeyMetadata"]["KeyId"],
        "Policy": iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"],
        "InstanceRole": iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"],
        "InstanceProfile": iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"],
        "CustomS3Bucket": f"{name}-bucket",
        "BaseImage": f"{ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/{name}:1",
    }
    made["BaseImageDigest"] = push(shoal, name)
    made["MountTargetId"] = efs.create_mount_target(
        FileSystemId=made["FileSystemId"], SubnetId=shoal.subnet, SecurityGroups=[made["SecurityGroup"]]
    )["MountTargetId"]
    s3.create_bucket(Bucket=made["CustomS3Bucket"])
    s3.put_bucket_versioning(Bucket=made["CustomS3Bucket"], VersioningConfiguration={"Status": "Enabled"})
    yield made
    shoal.client("ecr").delete_repository(repositoryName=name, force=True)
    s3.delete_bucket(Bucket=made["CustomS3Bucket"])
    efs.delete_mount_target(MountTargetId=made["MountTargetId"])
    efs.delete_file_system(FileSystemId=made["FileSystemId"])
    iam.delete_instance_profile(InstanceProfileName=name)
    iam.delete_role(RoleName=name)
    iam.delete_policy(PolicyArn=made["Policy"])
    shoal.client("kms").schedule_key_deletion(KeyId=made["KmsKeyId"], PendingWindowInDays=7)
    ec2.release_address(AllocationId=made["ElasticIp"])
    ec2.delete_snapshot(SnapshotId=made["SnapshotId"])
    ec2.delete_volume(VolumeId=made["VolumeId"])
    ec2.delete_key_pair(KeyName=name)
    ec2.delete_security_group(GroupId=made["SecurityGroup"])


def push(shoal: FrontDoor, repository: str) -> str:
    """A repository with an image; its digest."""
    ecr = shoal.client("ecr")
    ecr.create_repository(repositoryName=repository)
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": f"sha256:{'1' * 64}"}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
    put = ecr.put_image(
        repositoryName=repository,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=MANIFEST,
        imageTag="1",
    )
    return str(put["image"]["imageId"]["imageDigest"])


def test_a_plan_looks_up_everything_that_a_configuration_names_and_makes_nothing(
    shoal: FrontDoor, name: str, configure: Configure, existing: dict[str, str]
) -> None:
    before = shoal.state()
    encrypted = {"SnapshotId": existing["SnapshotId"], "Encrypted": True, "KmsKeyId": existing["KmsKeyId"]}
    storages: list[dict[str, Any]] = [
        {"Name": f"e{number}", "MountDir": f"/e{number}", "StorageType": "Ebs", "EbsSettings": settings}
        for number, settings in enumerate([{"VolumeId": existing["VolumeId"]}, encrypted])
    ]
    efs = {"FileSystemId": existing["FileSystemId"]}
    storages.append({"Name": "files", "MountDir": "/files", "StorageType": "Efs", "EfsSettings": efs})
    networking = {
        "SubnetId": shoal.subnet,
        "ElasticIp": existing["ElasticIp"],
        "AdditionalSecurityGroups": [existing["SecurityGroup"]],
    }
    head_node = {"InstanceType": "t3.small", "Networking": networking, "Ssh": {"KeyName": existing["KeyName"]}}
    ways: list[dict[str, Any]] = [{key: existing[key]} for key in ("InstanceRole", "InstanceProfile")]
    ways.append({"AdditionalIamPolicies": [{"Policy": existing["Policy"]}]})
    for way in ways:
        configuration = configure(
            HeadNode=head_node | {"Iam": way},
            SharedStorage=storages,
            CustomS3Bucket=existing["CustomS3Bucket"],
            ContainerImage={"BuildArgs": {"BASE_IMAGE": existing["BaseImage"]}},
        )
        answer = shoal.succeed("plan", name, configuration)
        assert "nothing has been made" in answer["summary"]
        base_images = [image["baseImage"] for image in answer["images"]]
        assert base_images == [f"{existing['BaseImage'].removesuffix(':1')}@{existing['BaseImageDigest']}"]
        types = {resource["type"] for resource in answer["resources"]}
        assert "AWS::EC2::EIPAssociation" in types
        assert "AWS::S3::Bucket" not in types
    assert shoal.left_since(before) == []
    assert shoal.item("CLUSTER", name) is None
