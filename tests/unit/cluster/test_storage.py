"""Do storages become the volumes and file systems that they ask for, kept or deleted as they say?"""

from __future__ import annotations

from typing import Any

import pytest

from shoal.cluster import file_systems, storage
from shoal.cluster.configuration import Cluster, load
from shoal.cluster.host_mounts import mount_user_data
from shoal.cluster.jobs import resources as jobs
from tests.support.clusters import COMPUTE_SUBNETS, configuration, largest_configuration, queue, site

EXISTING = "vol-0123456789abcdef0"
SYSTEM = "fs-0123456789abcdef0"


def ebs(name: str = "data", /, **settings: Any) -> dict[str, Any]:
    return {"Name": name, "MountDir": f"/{name}", "StorageType": "Ebs", "EbsSettings": settings}


def efs(name: str = "files", **settings: Any) -> dict[str, Any]:
    return {"Name": name, "MountDir": f"/{name}", "StorageType": "Efs", "EfsSettings": settings}


def cluster(*storages: dict[str, Any], **sections: Any) -> Cluster:
    return load(configuration(SharedStorage=list(storages), **sections))


def of_type(found: Cluster, kind: str) -> list[dict[str, Any]]:
    parts = (storage, file_systems)
    resources = [resource for part in parts for _, resource in part.resources(found, site())]
    return [resource for resource in resources if resource["Type"] == kind]


def volumes(*storages: dict[str, Any]) -> list[dict[str, Any]]:
    return of_type(cluster(*storages), "AWS::EC2::Volume")


def test_a_volume_is_what_its_settings_say() -> None:
    settings: dict[str, Any] = {
        "VolumeType": "io2",
        "Iops": 200,
        "Size": 50,
        "KmsKeyId": "alias/data",
        "SnapshotId": "snap-12345678",
    }
    (volume,) = volumes(ebs(**settings))
    expected = settings | {"Encrypted": True, "AvailabilityZone": "us-east-1a"}
    assert {key: volume["Properties"][key] for key in expected} == expected


def test_a_volume_without_settings_is_parallelclusters() -> None:
    (volume,) = volumes({"Name": "data", "MountDir": "/data", "StorageType": "Ebs"})
    properties = volume["Properties"]
    found = {key: properties[key] for key in ("VolumeType", "Size", "Iops", "Throughput", "Encrypted")}
    assert found == {"VolumeType": "gp3", "Size": 40, "Iops": 3000, "Throughput": 125, "Encrypted": True}


def test_an_array_is_as_many_volumes_as_it_says() -> None:
    found = cluster(ebs(Raid={"Type": 1, "NumberOfVolumes": 4}))
    assert len(of_type(found, "AWS::EC2::Volume")) == 4
    (array,) = storage.volumes(found)
    assert (array.raid_level, len(array.disks)) == (1, 4)


def test_an_existing_volume_is_attached_and_not_made() -> None:
    found = cluster(ebs(VolumeId=EXISTING))
    assert of_type(found, "AWS::EC2::Volume") == []
    assert storage.volumes(found)[0].disks[0].volume_id == EXISTING


@pytest.mark.parametrize("policy", ["Delete", "Retain", "Snapshot"])
def test_a_volume_is_deleted_kept_or_snapshotted_with_its_cluster(policy: str) -> None:
    (volume,) = volumes(ebs(DeletionPolicy=policy))
    assert volume["DeletionPolicy"] == policy


@pytest.mark.parametrize("policy", ["Delete", "Retain", "Snapshot"])
def test_a_volume_that_is_replaced_by_force_leaves_its_data(policy: str) -> None:
    (volume,) = volumes(ebs(DeletionPolicy=policy))
    assert volume["UpdateReplacePolicy"] in ("Retain", "Snapshot")


def test_every_disk_of_the_largest_cluster_has_a_device_name_of_its_own() -> None:
    devices = [disk.device for volume in storage.volumes(load(largest_configuration())) for disk in volume.disks]
    assert len(devices) == len(set(devices)) >= 20


def test_the_device_names_are_enough_for_the_most_volumes_and_an_array() -> None:
    assert len(set(storage.DEVICES)) == len(storage.DEVICES) >= 25


def test_the_order_of_storages_means_nothing() -> None:
    """An update may change it, and must not move a device under a head node that has it mounted."""
    storages = [ebs("a"), efs("b", FileSystemId=SYSTEM), ebs("c")]
    one, other = cluster(*storages), cluster(*reversed(storages))
    assert storage.volumes(one) == storage.volumes(other)
    assert mount_user_data(one, site()) == mount_user_data(other, site())


def test_a_file_system_has_one_mount_target_in_each_zone_of_the_cluster() -> None:
    queues = [queue("main", Networking={"SubnetIds": list(COMPUTE_SUBNETS)})]
    found = cluster(efs(), Scheduling={"Scheduler": "awsbatch", "AwsBatchQueues": queues})
    subnets = [target["Properties"]["SubnetId"] for target in of_type(found, "AWS::EFS::MountTarget")]
    zones = [site().subnets[subnet].availability_zone for subnet in subnets]
    assert sorted(zones) == ["us-east-1a", "us-east-1b"]


def test_an_existing_file_system_is_mounted_and_not_made() -> None:
    found = cluster(efs(FileSystemId=SYSTEM))
    assert list(file_systems.resources(found, site())) == []
    assert file_systems.file_systems(found)[0].file_system_id == SYSTEM


def test_a_file_system_to_be_kept_keeps_its_mount_targets_and_their_group() -> None:
    found = cluster(efs(DeletionPolicy="Retain"))
    kinds = ("AWS::EFS::FileSystem", "AWS::EFS::MountTarget", "AWS::EC2::SecurityGroup")
    assert {resource["DeletionPolicy"] for kind in kinds for resource in of_type(found, kind)} == {"Retain"}


def test_a_group_to_be_kept_names_no_group_that_goes() -> None:
    """A security group that a rule names cannot be deleted."""
    found = cluster(efs(DeletionPolicy="Retain"))
    rules = of_type(found, "AWS::EC2::SecurityGroupIngress")
    kept = [rule["Properties"] for rule in rules if rule.get("DeletionPolicy") == "Retain"]
    assert [rule["SourceSecurityGroupId"] for rule in kept] == [rule["GroupId"] for rule in kept]


def test_only_nfs_reaches_a_file_system() -> None:
    rules = [rule["Properties"] for rule in of_type(cluster(efs()), "AWS::EC2::SecurityGroupIngress")]
    assert {(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules} == {("tcp", 2049, 2049)}


def test_a_role_mounts_a_file_system_only_where_that_asks_for_its_identity() -> None:
    assert list(file_systems.statements(cluster(efs()), site())) == []
    asked = cluster(efs(FileSystemId=SYSTEM, EncryptionInTransit=True, IamAuthorization=True))
    (statement,) = file_systems.statements(asked, site())
    assert statement["Resource"].endswith(f":file-system/{SYSTEM}")


def test_jobs_see_home_and_every_shared_directory_where_the_head_node_has_them() -> None:
    found = cluster(ebs("data"), efs("files"))
    definition = next(r for _, r in jobs(found, site()) if r["Type"] == "AWS::Batch::JobDefinition")
    container = definition["Properties"]["ContainerProperties"]
    assert [mount["ContainerPath"] for mount in container["MountPoints"]] == ["/data", "/files", "/home"]


def test_what_jobs_bind_in_is_what_hosts_mount() -> None:
    found = cluster(ebs("data"), efs("files"))
    definition = next(r for _, r in jobs(found, site()) if r["Type"] == "AWS::Batch::JobDefinition")
    sources = {volume["Host"]["SourcePath"] for volume in definition["Properties"]["ContainerProperties"]["Volumes"]}
    script = "".join(part for part in mount_user_data(found, site())["Fn::Join"][1] if isinstance(part, str))
    mounted = {line.split()[1] for line in script.splitlines() if line.startswith("share /")}
    assert mounted == sources
