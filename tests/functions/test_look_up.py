"""Is everything that a configuration names looked up, and is what is missing left out instead of failing the rest?"""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from shoal.aws import efs, iam, kms, s3, ssm
from shoal.aws.surroundings import look_up
from shoal.cluster.configuration import load
from shoal.cluster.materials import Materials
from tests.functions.conftest import ACCOUNT_ID
from tests.support.clusters import configuration, storage
from tests.support.slurm_clusters import slurm_configuration, slurm_queue, slurm_resource

TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture
def there() -> dict[str, Any]:
    """One of each thing that a configuration can name."""
    ec2 = boto3.client("ec2")
    ec2.create_key_pair(KeyName="key", KeyType="ed25519")
    subnet = ec2.describe_subnets()["Subnets"][0]
    volume = ec2.create_volume(Size=8, AvailabilityZone=subnet["AvailabilityZone"])["VolumeId"]
    boto3.client("s3").create_bucket(Bucket="mine")
    role = boto3.client("iam").create_role(RoleName="mine", Path="/team/", AssumeRolePolicyDocument=TRUST)["Role"]
    boto3.client("iam").create_instance_profile(InstanceProfileName="mine")
    system = boto3.client("efs").create_file_system(CreationToken="home")["FileSystemId"]
    boto3.client("efs").create_mount_target(FileSystemId=system, SubnetId=subnet["SubnetId"])
    return {
        "subnet": subnet,
        "volume": volume,
        "snapshot": ec2.create_snapshot(VolumeId=volume)["SnapshotId"],
        "group": ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        "address": ec2.allocate_address(Domain="vpc"),
        "image": ec2.describe_images()["Images"][0]["ImageId"],
        "role": role["Arn"],
        "system": system,
        "key": boto3.client("kms").create_key()["KeyMetadata"]["KeyId"],
    }


def naming(there: dict[str, Any], **head: Any) -> dict[str, Any]:
    networking = {
        "SubnetId": there["subnet"]["SubnetId"],
        "AdditionalSecurityGroups": [there["group"], "sg-00000001"],
        "ElasticIp": there["address"]["PublicIp"],
    }
    volume, snapshot = {"VolumeId": there["volume"]}, {"SnapshotId": there["snapshot"], "KmsKeyId": there["key"]}
    return configuration(
        HeadNode={
            "InstanceType": "t3.micro",
            "Networking": networking,
            "Ssh": {"KeyName": "key"},
            "Image": {"CustomAmi": there["image"]},
            **head,
        },
        CustomS3Bucket="mine",
        SharedStorage=[
            storage("old", EbsSettings=volume),
            storage("copy", EbsSettings=snapshot),
            storage("home", StorageType="Efs", EfsSettings={"FileSystemId": there["system"]}),
        ],
    )


def test_what_is_there_is_found_and_what_is_not_is_left_out(there: dict[str, Any]) -> None:
    around = look_up(load(naming(there)), Materials())
    assert set(around.subnets) == {there["subnet"]["SubnetId"]}
    assert around.vpc_cidrs == {there["subnet"]["VpcId"]: "172.31.0.0/16"}
    assert set(around.security_groups) == {there["group"]}
    assert (set(around.volumes), set(around.snapshots)) == ({there["volume"]}, {there["snapshot"]})
    assert around.file_systems[there["system"]].zones == {there["subnet"]["AvailabilityZone"]}
    assert around.kms_keys == {there["key"]: "Enabled"}
    assert around.elastic_ip == there["address"]["AllocationId"]
    assert around.key_pair_type == "ed25519"
    assert around.image is not None
    assert (around.bucket_region, around.bucket_versioning) == ("us-east-1", "")
    assert ("t3.micro", there["subnet"]["AvailabilityZone"]) in around.offered


def test_tables_and_endpoints_are_those_of_the_subnets_networks(there: dict[str, Any]) -> None:
    ec2, vpc = boto3.client("ec2"), there["subnet"]["VpcId"]
    foreign = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    made = [
        ec2.create_vpc_endpoint(VpcId=network, ServiceName="com.amazonaws.us-east-1.s3")["VpcEndpoint"]["VpcEndpointId"]
        for network in (vpc, foreign)
    ]
    around = look_up(load(naming(there)), Materials())
    assert {table["VpcId"] for table in around.route_tables} == {vpc}
    assert [endpoint["VpcEndpointId"] for endpoint in around.endpoints] == made[:1]


def test_a_settled_image_is_not_looked_for_again(there: dict[str, Any]) -> None:
    assert look_up(load(naming(there)), Materials(), there["image"]).image_id == there["image"]


@pytest.mark.parametrize(
    ("key", "arn", "found"),
    [
        ("InstanceRole", f"arn:aws:iam::{ACCOUNT_ID}:role/team/mine", True),
        ("InstanceRole", f"arn:aws:iam::{ACCOUNT_ID}:role/gone", False),
        ("InstanceProfile", f"arn:aws:iam::{ACCOUNT_ID}:instance-profile/mine", True),
        ("InstanceProfile", f"arn:aws:iam::{ACCOUNT_ID}:instance-profile/gone", False),
    ],
)
def test_roles_and_profiles_are_found_by_the_name_in_their_arn(
    key: str, arn: str, found: bool, there: dict[str, Any]
) -> None:
    around = look_up(load(naming(there, Iam={key: arn})), Materials())
    assert (around.roles if key == "InstanceRole" else around.instance_profiles) == ({arn} if found else set())


def slurm(there: dict[str, Any], *queues: dict[str, Any]) -> dict[str, Any]:
    networking = {"SubnetIds": [there["subnet"]["SubnetId"]]}
    head = {"InstanceType": "t3.micro", "Networking": {"SubnetId": there["subnet"]["SubnetId"]}}
    return slurm_configuration(*(queue | {"Networking": networking | queue["Networking"]} for queue in queues)) | {
        "HeadNode": head
    }


def test_the_amis_of_slurm_queues_are_the_named_ones_and_the_newest_official_ones_of_their_architectures(
    there: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    official = {architecture: boto3.client("ec2").describe_images()["Images"][number]["ImageId"]
                for number, architecture in ((1, "amd64"), (2, "arm64"))}  # fmt: skip
    asked: list[str] = []

    def parameters(names: list[str]) -> dict[str, str]:
        asked.extend(names)
        return {name: official[name.rpartition("/")[2]] for name in names}

    monkeypatch.setattr(ssm, "public_parameters", parameters)
    queues = (
        slurm_queue("own", Image={"CustomAmi": there["image"]}, Networking={}),
        slurm_queue("plain", Networking={}),
        slurm_queue("arm", slurm_resource("a", InstanceType="c6g.large"), Networking={}),
    )
    cluster = load(slurm(there, *queues))
    around = look_up(cluster, Materials())
    found = [around.queue_image_id(cluster, queue) for queue in cluster.scheduling.slurm_queues]
    assert found == [there["image"], official["amd64"], official["arm64"]]
    assert (around.image_id, set(around.images)) == (official["amd64"], {*found})
    assert len(asked) == len(set(asked)) == 2


def test_policies_are_found_one_by_one(there: dict[str, Any]) -> None:
    document = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}'
    )
    made = boto3.client("iam").create_policy(PolicyName="mine", PolicyDocument=document)["Policy"]["Arn"]
    gone = f"arn:aws:iam::{ACCOUNT_ID}:policy/gone"
    policies = {"AdditionalIamPolicies": [{"Policy": made}, {"Policy": gone}]}
    assert look_up(load(naming(there, Iam=policies)), Materials()).policies == {made}


def test_what_does_not_exist_is_none_and_no_error() -> None:
    assert kms.key_state("alias/gone") is None
    assert efs.file_system("fs-00000001") is None
    assert s3.bucket_region("gone-bucket") is None
    assert not iam.policy_exists(f"arn:aws:iam::{ACCOUNT_ID}:policy/gone")


def test_a_service_linked_role_is_made_once() -> None:
    for _ in range(2):
        iam.make_service_linked_role("spot.amazonaws.com")
    assert len(boto3.client("iam").list_roles(PathPrefix="/aws-service-role/")["Roles"]) == 1
