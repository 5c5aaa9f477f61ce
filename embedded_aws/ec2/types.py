"""Instance types: what EC2 says of a realistic set of them, and in which zones it offers them.

MiniStack answers for any name, with figures from its size. The figures here are those of
https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html.
"""

from __future__ import annotations

from dataclasses import dataclass

from embedded_aws.ec2 import request as ec2_request
from embedded_aws.ec2.request import Query, Response, listed, value
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (*ec2_request.HOOKS, ("services.ec2", "_ACTION_MAP"), ("core.responses", "get_region"))


@dataclass(frozen=True)
class InstanceType:
    """What a cluster asks about a type."""

    vcpus: int
    cores: int
    memory_mib: int
    architecture: str = "x86_64"
    virtualization: str = "hvm"
    store_gb: int = 0
    """Size of its local disks, 0 without any."""
    gpus: int = 0
    efa: bool = False
    zones: str = "abcdef"
    """Letters of the zones in which it is offered."""


_SIZES = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32}
"""vCPUs by size, of the families without odd ones."""


def _family(name: str, gib_per_vcpu: float, threads: int = 2, store_per_vcpu: int = 0, arm: bool = False) -> Types:
    return {
        f"{name}.{size}": InstanceType(
            vcpus,
            vcpus // threads,
            int(vcpus * gib_per_vcpu * 1024),
            architecture="arm64" if arm else "x86_64",
            store_gb=vcpus * store_per_vcpu,
        )
        for size, vcpus in _SIZES.items()
    }


Types = dict[str, InstanceType]

TYPES: Types = {
    "m1.small": InstanceType(1, 1, 1740, virtualization="paravirtual"),
    "t2.micro": InstanceType(1, 1, 1024),
    "t2.small": InstanceType(1, 1, 2048),
    "t2.medium": InstanceType(2, 2, 4096),
    "t2.large": InstanceType(2, 2, 8192),
    "t3.nano": InstanceType(2, 1, 512),
    "t3.micro": InstanceType(2, 1, 1024),
    "t3.small": InstanceType(2, 1, 2048),
    "t3.medium": InstanceType(2, 1, 4096),
    "t3.large": InstanceType(2, 1, 8192),
    "t3.xlarge": InstanceType(4, 2, 16384),
    "t4g.micro": InstanceType(2, 2, 1024, "arm64"),
    "t4g.small": InstanceType(2, 2, 2048, "arm64"),
    "t4g.medium": InstanceType(2, 2, 4096, "arm64"),
    **_family("c4", 2),
    **_family("c5", 2),
    **_family("c5d", 2, store_per_vcpu=25),
    **_family("c6i", 2),
    **_family("c6g", 2, threads=1, arm=True),
    **_family("c7g", 2, threads=1, arm=True),
    **_family("m5", 4),
    **_family("m5d", 4, store_per_vcpu=37),
    **_family("m6i", 4),
    **_family("m6g", 4, threads=1, arm=True),
    **_family("m7g", 4, threads=1, arm=True),
    **_family("r5", 8),
    **_family("r6g", 8, threads=1, arm=True),
    "c5n.18xlarge": InstanceType(72, 36, 196608, efa=True, zones="abcd"),
    "c5.9xlarge": InstanceType(36, 18, 73728),
    "g4dn.xlarge": InstanceType(4, 2, 16384, store_gb=125, gpus=1),
    "p3.2xlarge": InstanceType(8, 4, 62464, gpus=1, zones="abd"),
    "hpc6a.48xlarge": InstanceType(96, 96, 393216, efa=True, zones=""),
}
"""By name. `m1.small` stands for what is not HVM, `hpc6a.48xlarge` for what this Region does not offer anywhere."""


def install() -> None:
    """Put the operations into EC2's table."""
    from ministack.services import ec2

    ec2._ACTION_MAP.update(DescribeInstanceTypes=_describe, DescribeInstanceTypeOfferings=_offerings)


def _describe(query: Query) -> Response:
    from ministack.services import ec2

    wanted = listed(query, "InstanceType")
    offered = {name: kind for name, kind in TYPES.items() if kind.zones}
    if missing := [name for name in wanted if name not in offered]:
        message = f"The following supplied instance types do not exist: [{', '.join(missing)}]"
        refusal: Response = ec2._error("InvalidInstanceType", message, 400)
        return refusal
    chosen = ec2._parse_filters(query).get("instance-type")
    items = "".join(_item(name, offered[name]) for name in wanted or offered if _chosen(name, chosen))
    answer: Response = ec2._xml(200, "DescribeInstanceTypesResponse", f"<instanceTypeSet>{items}</instanceTypeSet>")
    return answer


def _offerings(query: Query) -> Response:
    from ministack.core.responses import get_region
    from ministack.services import ec2

    location, filters = value(query, "LocationType") or "region", ec2._parse_filters(query)
    region = get_region()
    found = []
    for name, kind in TYPES.items():
        places = [region] if location == "region" and kind.zones else [f"{region}{letter}" for letter in kind.zones]
        found += [
            f"<item><instanceType>{name}</instanceType><locationType>{location}</locationType>"
            f"<location>{place}</location></item>"
            for place in places
            if place in filters.get("location", [place]) and _chosen(name, filters.get("instance-type"))
        ]
    body = f"<instanceTypeOfferingSet>{''.join(found)}</instanceTypeOfferingSet>"
    answer: Response = ec2._xml(200, "DescribeInstanceTypeOfferingsResponse", body)
    return answer


def _chosen(name: str, wanted: list[str] | None) -> bool:
    return wanted is None or any(name == one or (one.endswith("*") and name.startswith(one[:-1])) for one in wanted)


def _item(name: str, kind: InstanceType) -> str:
    store = f"<instanceStorageInfo><totalSizeInGB>{kind.store_gb}</totalSizeInGB></instanceStorageInfo>"
    gpus = f"<gpuInfo><gpus><item><count>{kind.gpus}</count></item></gpus></gpuInfo>"
    return f"""<item>
        <instanceType>{name}</instanceType>
        <currentGeneration>{_yes(kind.virtualization == "hvm")}</currentGeneration>
        <supportedUsageClasses><item>on-demand</item><item>spot</item></supportedUsageClasses>
        <supportedRootDeviceTypes><item>ebs</item></supportedRootDeviceTypes>
        <supportedVirtualizationTypes><item>{kind.virtualization}</item></supportedVirtualizationTypes>
        <bareMetal>false</bareMetal>
        <hypervisor>nitro</hypervisor>
        <processorInfo><supportedArchitectures><item>{kind.architecture}</item></supportedArchitectures></processorInfo>
        <vCpuInfo>
            <defaultVCpus>{kind.vcpus}</defaultVCpus><defaultCores>{kind.cores}</defaultCores>
            <defaultThreadsPerCore>{kind.vcpus // kind.cores}</defaultThreadsPerCore>
        </vCpuInfo>
        <memoryInfo><sizeInMiB>{kind.memory_mib}</sizeInMiB></memoryInfo>
        <instanceStorageSupported>{_yes(kind.store_gb > 0)}</instanceStorageSupported>
        {store if kind.store_gb else ""}{gpus if kind.gpus else ""}
        <ebsInfo><ebsOptimizedSupport>default</ebsOptimizedSupport><encryptionSupport>supported</encryptionSupport>
            <nvmeSupport>required</nvmeSupport></ebsInfo>
        <networkInfo><maximumNetworkInterfaces>4</maximumNetworkInterfaces><maximumNetworkCards>1</maximumNetworkCards>
            <enaSupport>required</enaSupport><efaSupported>{_yes(kind.efa)}</efaSupported></networkInfo>
        <placementGroupInfo><supportedStrategies>
            <item>cluster</item><item>partition</item><item>spread</item></supportedStrategies></placementGroupInfo>
        <burstablePerformanceSupported>{_yes(name.startswith("t"))}</burstablePerformanceSupported>
    </item>"""


def _yes(condition: bool) -> str:
    return str(condition).lower()
