"""What EBS allows: sizes, IOPS and throughput by type of volume.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html; the bounds are ParallelCluster's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from shoal.cluster.grammar import Code, Matching, Violation

KmsKeyId = Annotated[str, Matching(r"[A-Za-z0-9:/_-]+", "the id, alias or ARN of a KMS key")]
VolumeType = Literal["standard", "io1", "io2", "gp2", "st1", "sc1", "gp3"]
SIZES = MappingProxyType(
    {
        "standard": (1, 1024),
        "io1": (4, 16384),
        "io2": (4, 65536),
        "gp2": (1, 16384),
        "gp3": (1, 16384),
        "st1": (500, 16384),
        "sc1": (500, 16384),
    }
)
"""GiB."""
IOPS = MappingProxyType({"io1": (100, 64000, 50), "io2": (100, 256000, 1000), "gp3": (3000, 16000, 500)})
"""Least, most, and most for each GiB."""
DEFAULT_IOPS = MappingProxyType({"io1": 100, "io2": 100, "gp3": 3000})
THROUGHPUT = (125, 1000)
"""MiB/s of a gp3 volume."""


def default_iops(section: Mapping[str, Any]) -> int | None:
    """ParallelCluster's default for the volume type."""
    return DEFAULT_IOPS.get(section["volume_type"])


def default_throughput(section: Mapping[str, Any]) -> int | None:
    """ParallelCluster's default for the volume type."""
    return THROUGHPUT[0] if section["volume_type"] == "gp3" else None


def volume_violations(
    volume_type: str, size: int | None, iops: int | None, throughput: int | None
) -> Iterator[Violation]:
    """EBS's rules for a volume; an unknown size (the AMI's) is not checked."""
    least, most = SIZES[volume_type]
    if size is not None and not least <= size <= most:
        suggestion = f"write {least} to {most} for {volume_type}"
        yield Violation("Size", f"is out of range for {volume_type}", suggestion, Code.OUT_OF_RANGE)
        size = None
    yield from _iops_violations(volume_type, size, iops)
    if throughput is None:
        return
    if volume_type != "gp3":
        yield Violation("Throughput", f"does not apply to {volume_type} volumes", "remove it, or write VolumeType: gp3")
    elif not THROUGHPUT[0] <= throughput <= THROUGHPUT[1]:
        suggestion = f"write {THROUGHPUT[0]} to {THROUGHPUT[1]} MiB/s"
        yield Violation("Throughput", "is out of range for gp3", suggestion, Code.OUT_OF_RANGE)
    elif iops and IOPS["gp3"][0] <= iops < throughput * 4:
        yield Violation("Throughput", "is more than a quarter of Iops", f"write at most {iops // 4}, or raise Iops")


def _iops_violations(volume_type: str, size: int | None, iops: int | None) -> Iterator[Violation]:
    if not iops:
        return
    if volume_type not in IOPS:
        yield Violation("Iops", f"does not apply to {volume_type} volumes", "remove Iops, or write VolumeType: gp3")
        return
    least, most, ratio = IOPS[volume_type]
    if not least <= iops <= most:
        suggestion = f"write {least} to {most} for {volume_type}"
        yield Violation("Iops", f"is out of range for {volume_type}", suggestion, Code.OUT_OF_RANGE)
    elif size is not None and iops > size * ratio:
        yield Violation("Iops", f"is more than {ratio} for each GiB", f"write at most {size * ratio}, or raise Size")
