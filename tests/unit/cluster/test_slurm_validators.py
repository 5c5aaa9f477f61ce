"""Is everything that the queues of a Slurm cluster cannot have found at once, each at its key?"""

from __future__ import annotations

from typing import Any

import pytest

from shoal.cluster.configuration import load
from shoal.cluster.findings import Level
from shoal.cluster.validators import validate
from tests.support.clusters import COMPUTE_SUBNETS, HEAD_SUBNET, REGION
from tests.support.slurm_clusters import slurm_configuration, slurm_queue, slurm_resource
from tests.unit.cluster.test_validators import GROUP, POLICY, VPC, complete, instance_type

QUEUE = "Scheduling.SlurmQueues[0]"
RESOURCE = f"{QUEUE}.ComputeResources[0]"
TYPE = f"{RESOURCE}.InstanceType"
AMI = {"CustomAmi": "ami-00000001"}
EFA = {"Efa": {"Enabled": True}}
GROUPED = {"PlacementGroup": {"Enabled": True}}
FABRIC = {"NetworkInfo": {"EfaSupported": True, "MaximumNetworkCards": 1}}
TWO_ZONES = {
    name: {"AvailabilityZone": f"{REGION}{zone}", "VpcId": VPC}
    for name, zone in zip((HEAD_SUBNET, *COMPUTE_SUBNETS), "aab", strict=True)
}


def types(**facts: Any) -> dict[str, Any]:
    return {"instance_types": {"t3.micro": instance_type(), "c6i.large": instance_type(**facts)}}


def cluster(*resources: dict[str, Any], **keys: Any) -> dict[str, Any]:
    networking = {"SubnetIds": [COMPUTE_SUBNETS[0]]} | keys.pop("Networking", {})
    document = slurm_configuration(slurm_queue("main", *resources, Networking=networking, **keys))
    return document | {"HeadNode": document["HeadNode"] | {"Ssh": {"KeyName": "key"}}}


def found(sections: dict[str, Any], **facts: Any) -> list[tuple[str, str]]:
    loaded = load(sections)
    return [(finding.validator, finding.path) for finding in validate(loaded, complete(loaded, **facts))]


def itself(direction: str) -> dict[str, Any]:
    return {direction: [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": GROUP}]}]}


SELF = {"GroupId": GROUP, "VpcId": VPC} | itself("IpPermissions") | itself("IpPermissionsEgress")
CASES: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (cluster(), {"instance_types": {"t3.micro": instance_type()}}, "InstanceTypeValidator", TYPE),
    (cluster(), types(SupportedVirtualizationTypes=["paravirtual"]), "InstanceTypeValidator", TYPE),
    (cluster(CapacityType="SPOT"), types(SupportedUsageClasses=["on-demand"]), "CapacityTypeValidator", TYPE),
    (cluster(), {"offered": frozenset({("t3.micro", f"{REGION}a")})}, "InstanceTypeZoneValidator", TYPE),
    (
        cluster(slurm_resource("a", SchedulableMemory=9000)),
        types(MemoryInfo={"SizeInMiB": 8192}),
        "SchedulableMemoryValidator",
        f"{RESOURCE}.SchedulableMemory",
    ),
    (
        cluster(Image=AMI),
        {"images": {"ami-0123456789abcdef0": {"Architecture": "x86_64"}}},
        "InstanceTypeBaseAMICompatibleValidator",
        f"{QUEUE}.Image.CustomAmi",
    ),
    (
        cluster(slurm_resource("a"), slurm_resource("b")),
        {"images": {}},
        "InstanceTypeBaseAMICompatibleValidator",
        "Image.Os",
    ),
    (
        cluster(slurm_resource("a", InstanceType="c6g.large"), Image=AMI),
        {},
        "InstanceTypeBaseAMICompatibleValidator",
        TYPE,
    ),
    (
        cluster(slurm_resource("a"), slurm_resource("b", InstanceType="c6g.large")),
        {},
        "InstanceTypeBaseAMICompatibleValidator",
        f"{QUEUE}.ComputeResources[1].InstanceType",
    ),
    (
        cluster(ComputeSettings={"LocalStorage": {"RootVolume": {"Size": 8}}}),
        {
            "images": {
                "ami-0123456789abcdef0": {
                    "Architecture": "x86_64",
                    "BlockDeviceMappings": [{"Ebs": {"VolumeSize": 30}}, {"VirtualName": "ephemeral0"}],
                }
            }
        },
        "RootVolumeSizeValidator",
        f"{QUEUE}.ComputeSettings.LocalStorage.RootVolume.Size",
    ),
    (cluster(), types(GpuInfo={"Gpus": [{"Manufacturer": "NVIDIA", "Count": 8}]}), "GpuDriverValidator", TYPE),
    (
        cluster(Networking={"SubnetIds": list(COMPUTE_SUBNETS)} | GROUPED),
        {"subnets": TWO_ZONES},
        "MultiAzPlacementGroupValidator",
        f"{QUEUE}.Networking.PlacementGroup",
    ),
    (
        cluster(slurm_resource("a", Networking={"PlacementGroup": {"Name": "gone"}})),
        {"placement_groups": frozenset()},
        "PlacementGroupNamingValidator",
        f"{RESOURCE}.Networking.PlacementGroup",
    ),
    (cluster(slurm_resource("a", **EFA), Networking=GROUPED), {}, "EfaValidator", f"{RESOURCE}.Efa.Enabled"),
    (
        cluster(slurm_resource("a", **EFA)),
        types(**FABRIC),
        "EfaPlacementGroupValidator",
        f"{RESOURCE}.Efa.Enabled",
    ),
    (
        cluster(slurm_resource("a", **EFA), Networking={"SubnetIds": list(COMPUTE_SUBNETS)}),
        {"subnets": TWO_ZONES} | types(**FABRIC),
        "EfaMultiAzValidator",
        f"{RESOURCE}.Efa.Enabled",
    ),
    *(
        (
            cluster(slurm_resource("a", **EFA), Networking={"SecurityGroups": [GROUP]} | GROUPED),
            {"security_groups": {GROUP: {key: value for key, value in SELF.items() if key != missing}}}
            | types(**FABRIC),
            "EfaSecurityGroupValidator",
            f"{RESOURCE}.Efa.Enabled",
        )
        for missing in ("IpPermissions", "IpPermissionsEgress")
    ),
    (
        cluster(Networking={"AssignPublicIp": True}),
        types(NetworkInfo={"MaximumNetworkCards": 4}),
        "MultiNetworkInterfacesInstancesValidator",
        f"{QUEUE}.Networking.AssignPublicIp",
    ),
    (
        cluster(Networking={"AdditionalSecurityGroups": [GROUP]}),
        {"security_groups": {}},
        "SecurityGroupsValidator",
        f"{QUEUE}.Networking.AdditionalSecurityGroups[0]",
    ),
    (
        cluster(),
        {"subnets": {HEAD_SUBNET: TWO_ZONES[HEAD_SUBNET]}},
        "SubnetsValidator",
        f"{QUEUE}.Networking.SubnetIds[0]",
    ),
    (
        cluster(Iam={"InstanceRole": "arn:aws:iam::111111111111:role/gone"}),
        {"roles": frozenset()},
        "RoleValidator",
        f"{QUEUE}.Iam.InstanceRole",
    ),
    (
        cluster(Iam={"AdditionalIamPolicies": [{"Policy": POLICY}]}),
        {"policies": frozenset()},
        "AdditionalIamPolicyValidator",
        f"{QUEUE}.Iam.AdditionalIamPolicies[0].Policy",
    ),
]


@pytest.mark.parametrize(("sections", "facts", "validator", "path"), CASES)
def test_what_is_wrong_is_found_at_its_key_and_nothing_else_is(
    sections: dict[str, Any], facts: dict[str, Any], validator: str, path: str
) -> None:
    assert found(sections, **facts) == [(validator, path)]


def test_a_cluster_that_can_be_had_is_found_right() -> None:
    fast = cluster(slurm_resource("a", **EFA), Networking={"SecurityGroups": [GROUP]} | GROUPED)
    assert found(fast, security_groups={GROUP: SELF}, **types(**FABRIC)) == []


def test_the_head_node_and_the_nodes_may_have_different_architectures() -> None:
    assert found(cluster(slurm_resource("a", InstanceType="c6g.large"))) == []


def test_several_subnets_of_one_zone_may_have_a_placement_group() -> None:
    assert found(cluster(Networking={"SubnetIds": list(COMPUTE_SUBNETS)} | GROUPED)) == []


def test_a_placement_group_over_zones_cannot_be_suppressed() -> None:
    loaded = load(cluster(Networking={"SubnetIds": list(COMPUTE_SUBNETS)} | GROUPED))
    (finding,) = validate(loaded, complete(loaded, subnets=TWO_ZONES))
    assert (finding.level, finding.always) == (Level.ERROR, True)


def test_a_compute_resource_may_leave_the_placement_group_of_its_queue() -> None:
    alone = slurm_resource("a", Networking={"PlacementGroup": {"Enabled": False}})
    wide = cluster(alone, Networking={"SubnetIds": list(COMPUTE_SUBNETS)} | GROUPED)
    assert found(wide, subnets=TWO_ZONES) == []


def test_gpus_with_an_ami_of_the_users_are_the_users_matter() -> None:
    gpus = types(GpuInfo={"Gpus": [{"Manufacturer": "NVIDIA", "Count": 8}]})
    assert found(cluster(Image=AMI), **gpus) == []
