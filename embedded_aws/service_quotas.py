"""Service Quotas, which MiniStack does not have: the quotas that a cluster runs into.

https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html; the values are like those of
an account that is in use, and nothing enforces them here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("app", "SERVICE_HANDLERS"),
    ("core.router", "SERVICE_PATTERNS"),
    ("core.iam_actions", "SERVICE_TO_IAM_NAMESPACE"),
    ("core.responses", "json_response"),
    ("core.responses", "error_response_json"),
)

SERVICE = "servicequotas"

Response = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Quota:
    """One quota of a service."""

    service: str
    code: str
    name: str
    value: float
    adjustable: bool = True


QUOTAS = (
    Quota("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 256),
    Quota("ec2", "L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 256),
    Quota("ec2", "L-DB2E81BA", "Running On-Demand G and VT instances", 0),
    Quota("ec2", "L-417A185B", "Running On-Demand P instances", 0),
    Quota("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs", 5),
    Quota("ebs", "L-7A658B76", "Storage for General Purpose SSD (gp3) volumes, in TiB", 50),
    Quota("batch", "L-144F0CA5", "Compute environment limit", 50),
    Quota("batch", "L-48F6DFA8", "Job queue limit", 50, adjustable=False),
    Quota("cloudformation", "L-0485CB21", "Stack count", 2000),
    Quota("s3", "L-DC2B2D3D", "General purpose buckets", 10000),
)


def install() -> None:
    """Add the service to MiniStack's tables."""
    from ministack import app
    from ministack.core import iam_actions, router

    app.SERVICE_HANDLERS[SERVICE] = _handle
    router.SERVICE_PATTERNS[SERVICE] = {"target_prefixes": ["ServiceQuotasV20190624"], "credential_scope": SERVICE}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE


async def _handle(method: str, path: str, headers: Mapping[str, str], body: bytes, query: Any) -> Response:
    from ministack.core.responses import error_response_json

    request = json.loads(body or b"{}")
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    found = [quota for quota in QUOTAS if quota.service == request.get("ServiceCode")]
    if operation in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas") and found:
        return _answer({"Quotas": [_shown(quota) for quota in found]})
    if operation in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
        for quota in found:
            if quota.code == request["QuotaCode"]:
                return _answer({"Quota": _shown(quota)})
    refusal: Response = error_response_json(
        "NoSuchResourceException", "The request failed because the resource doesn't exist."
    )
    return refusal


def _answer(body: dict[str, Any]) -> Response:
    from ministack.core.responses import json_response

    response: Response = json_response(body)
    return response


def _shown(quota: Quota) -> dict[str, Any]:
    return {
        "ServiceCode": quota.service,
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": quota.value,
        "Adjustable": quota.adjustable,
        "GlobalQuota": False,
    }
