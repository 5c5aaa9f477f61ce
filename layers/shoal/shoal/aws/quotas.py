"""Service Quotas: how many of a thing an account may have in a Region."""

from __future__ import annotations

from shoal.aws.session import client


def quota(service: str, code: str) -> float | None:
    """The value that applies to the account, AWS's default where none was raised, or none if it is unknown.

    Args:
        service: a service code, `cloudformation` for example.
        code: a quota code, `L-0485CB21` for example.
    """
    quotas = client("service-quotas")
    unknown = quotas.exceptions.NoSuchResourceException
    for read in (quotas.get_service_quota, quotas.get_aws_default_service_quota):
        try:
            return float(read(ServiceCode=service, QuotaCode=code)["Quota"]["Value"])
        except unknown:
            continue
    return None
