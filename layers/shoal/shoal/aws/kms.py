"""KMS: whether a key that a configuration names can be used."""

from __future__ import annotations

from shoal.aws.session import client


def key_state(key: str) -> str | None:
    """The state of a key (`Enabled`, `Disabled`, `PendingDeletion`, ...), or none if there is no such key.

    Args:
        key: an id, an ARN, an alias (`alias/...`) or an alias's ARN.
    """
    kms = client("kms")
    try:
        return str(kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"])
    except (kms.exceptions.NotFoundException, kms.exceptions.InvalidArnException):
        return None
