"""Does the account answer what a preflight asks: service-linked roles, quotas, keys, file systems?"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.embedded import Account


def code(call: Any, **arguments: Any) -> str:
    """The error code that a call is refused with."""
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    return str(refusal.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("service", "name"),
    [("batch.amazonaws.com", "AWSServiceRoleForBatch"), ("spot.amazonaws.com", "AWSServiceRoleForEC2Spot")],
)
def test_a_service_linked_role_has_the_name_of_aws_and_is_made_once(account: Account, service: str, name: str) -> None:
    iam = account.client("iam")
    assert code(iam.get_role, RoleName=name) == "NoSuchEntity"
    assert iam.create_service_linked_role(AWSServiceName=service)["Role"]["RoleName"] == name
    role = iam.get_role(RoleName=name)["Role"]
    assert role["Arn"].endswith(f":role/aws-service-role/{service}/{name}")
    assert code(iam.create_service_linked_role, AWSServiceName=service) == "InvalidInput"


def test_a_service_without_a_linked_role_is_refused(account: Account) -> None:
    assert code(account.client("iam").create_service_linked_role, AWSServiceName="x.amazonaws.com") == "InvalidInput"


def test_quotas_are_answered_one_by_one_and_listed(account: Account) -> None:
    quotas = account.client("service-quotas")
    one = quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]
    assert one["Value"] > 0
    assert one["QuotaCode"] in {quota["QuotaCode"] for quota in quotas.list_service_quotas(ServiceCode="ec2")["Quotas"]}
    assert code(quotas.get_service_quota, ServiceCode="ec2", QuotaCode="L-0") == "NoSuchResourceException"


def test_quotas_need_the_right_to_read_them(account: Account) -> None:
    quotas = account.assume(account.role("nobody"), "service-quotas")
    assert code(quotas.list_service_quotas, ServiceCode="ec2") == "AccessDeniedException"


def test_a_key_that_does_not_exist_is_not_found(account: Account) -> None:
    kms = account.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    assert code(kms.describe_key, KeyId="12345678-1234-1234-1234-123456789012") == "NotFoundException"


def test_a_file_system_that_does_not_exist_is_not_found(account: Account) -> None:
    efs = account.client("efs")
    system = efs.create_file_system()["FileSystemId"]
    efs.create_mount_target(FileSystemId=system, SubnetId="subnet-00000001")
    zones = [
        target["AvailabilityZoneName"] for target in efs.describe_mount_targets(FileSystemId=system)["MountTargets"]
    ]
    assert zones == ["us-east-1a"]
    assert code(efs.describe_file_systems, FileSystemId="fs-0123456789abcdeff") == "FileSystemNotFound"
