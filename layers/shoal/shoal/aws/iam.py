"""IAM: whether what a configuration names exists, and the service-linked roles that a Batch cluster needs."""

from __future__ import annotations

from shoal.aws.session import client


def role_exists(name: str) -> bool:
    """Whether there is a role of this name (no path, no ARN)."""
    iam = client("iam")
    try:
        iam.get_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


def instance_profile_exists(name: str) -> bool:
    """Whether there is an instance profile of this name (no path, no ARN)."""
    iam = client("iam")
    try:
        iam.get_instance_profile(InstanceProfileName=name)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True


def policy_exists(arn: str) -> bool:
    """Whether there is a managed policy with this ARN."""
    iam = client("iam")
    try:
        iam.get_policy(PolicyArn=arn)
    except (iam.exceptions.NoSuchEntityException, iam.exceptions.InvalidInputException):
        return False
    return True


def make_service_linked_role(service: str) -> None:
    """Make the service-linked role of a service, once per account.

    Batch makes its own only for callers that may; a stack whose environment cannot have it fails without a word
    (https://docs.aws.amazon.com/batch/latest/userguide/using-service-linked-roles.html).

    Args:
        service: the service's principal, `batch.` and the partition's DNS suffix for example.
    """
    iam = client("iam")
    try:
        iam.create_service_linked_role(AWSServiceName=service)
    except (iam.exceptions.InvalidInputException, iam.exceptions.EntityAlreadyExistsException):
        return  # "Service role name ... has been taken in this account"


def strip_role(name: str) -> list[str]:
    """Detach every policy of a role and delete its inline ones; their ARNs and names. Nothing if the role is absent."""
    iam = client("iam")
    try:
        attached = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name).build_full_result()
        inline = iam.get_paginator("list_role_policies").paginate(RoleName=name).build_full_result()
    except iam.exceptions.NoSuchEntityException:
        return []
    arns = [policy["PolicyArn"] for policy in attached["AttachedPolicies"]]
    for arn in arns:
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    for policy in inline["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    return [*arns, *inline["PolicyNames"]]
