"""EFS: the settings of a shared file system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from shoal.cluster.grammar import Change, Integer, Matching, Section, Violation, key_of
from shoal.cluster.volume import KmsKeyId

WITH_EXISTING = frozenset({"FileSystemId", "AccessPointId", "EncryptionInTransit", "IamAuthorization"})
"""Keys that say how to reach a file system, not how to make one."""


class EfsSettings(Section):
    """An EFS file system, mounted by every node."""

    encrypted: Annotated[bool, Change.REPLACES] = False
    """Whether the file system is encrypted."""
    kms_key_id: Annotated[KmsKeyId | None, Change.REPLACES] = None
    """KMS key that encrypts the file system, instead of the account's default key."""
    performance_mode: Annotated[Literal["generalPurpose", "maxIO"], Change.REPLACES] = "generalPurpose"
    """Performance mode."""
    throughput_mode: Annotated[Literal["bursting", "provisioned"], Change.LIVE] = "bursting"
    """Throughput mode."""
    provisioned_throughput: Annotated[Integer | None, Change.LIVE, Field(ge=1, le=1024)] = None
    """MiB/s in throughput mode `provisioned`."""
    file_system_id: Annotated[
        str | None,
        Change.REPLACES,
        Matching(r"fs-([0-9a-z]{8}|[0-9a-z]{17})", "a file system id like `fs-0123456789abcdef0`"),
    ] = None
    """Existing file system to mount instead of a new one; it is never deleted with the cluster."""
    deletion_policy: Annotated[Literal["Delete", "Retain"] | None, Change.LIVE] = Field(
        default_factory=lambda section: None if section["file_system_id"] else "Delete"
    )
    """What happens to a new file system when the cluster is deleted; Delete unless given."""
    access_point_id: Annotated[
        str | None, Change.FIXED, Matching(r"fsap-[0-9a-z]{17}", "an access point id like `fsap-0123456789abcdef0`")
    ] = None
    """Access point of an existing file system to mount through."""
    encryption_in_transit: Annotated[bool, Change.FIXED] = False
    """Whether nodes mount the file system over TLS."""
    iam_authorization: Annotated[bool, Change.FIXED] = False
    """Whether nodes mount the file system with their role's identity."""

    def rules(self) -> Iterator[Violation]:
        """What goes with an existing file system, with a mode, with encryption."""
        if self.file_system_id:
            given = {key_of(name) for name in self.model_fields_set}
            for key in sorted(given - WITH_EXISTING):
                yield Violation(key, "does not apply to an existing file system", f"remove {key} or FileSystemId")
        yield from self._throughput_violations()
        yield from self._mount_violations()
        if self.kms_key_id and not self.encrypted:
            yield Violation("KmsKeyId", "needs Encrypted", "write Encrypted: true, or remove KmsKeyId")

    def _throughput_violations(self) -> Iterator[Violation]:
        if self.throughput_mode == "provisioned" and not self.provisioned_throughput:
            suggestion = "write a number of MiB/s, or remove ThroughputMode"
            yield Violation("ProvisionedThroughput", "is missing with ThroughputMode: provisioned", suggestion)
        if self.provisioned_throughput and self.throughput_mode != "provisioned":
            suggestion = "write ThroughputMode: provisioned, or remove ProvisionedThroughput"
            yield Violation("ThroughputMode", "must be provisioned where ProvisionedThroughput is given", suggestion)

    def _mount_violations(self) -> Iterator[Violation]:
        if self.access_point_id and not self.file_system_id:
            yield Violation("AccessPointId", "needs FileSystemId", "name the file system of the access point")
        for key, used in (("AccessPointId", self.access_point_id), ("IamAuthorization", self.iam_authorization)):
            if used and not self.encryption_in_transit:
                yield Violation(key, "needs EncryptionInTransit", f"write EncryptionInTransit: true, or remove {key}")
