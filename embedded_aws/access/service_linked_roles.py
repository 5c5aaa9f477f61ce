"""Service-linked roles under the names that AWS gives them, and AWS's refusal of a second one.

MiniStack makes a name of the service's first word and answers EntityAlreadyExists
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html).
"""

from __future__ import annotations

from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.iam", "_IAM_HANDLERS"),
    ("services.iam", "_roles"),
    ("services.iam", "_error"),
    ("services.iam", "_xml"),
    ("services.iam", "_role_xml"),
)

NAMES = {
    "autoscaling": "AWSServiceRoleForAutoScaling",
    "batch": "AWSServiceRoleForBatch",
    "ecs": "AWSServiceRoleForECS",
    "elasticfilesystem": "AWSServiceRoleForAmazonElasticFileSystem",
    "spot": "AWSServiceRoleForEC2Spot",
    "spotfleet": "AWSServiceRoleForEC2SpotFleet",
}
"""By the first word of the service's principal."""


def install() -> None:
    """Put the operation around MiniStack's."""
    from ministack.services import iam

    create = iam._IAM_HANDLERS["CreateServiceLinkedRole"]

    def create_service_linked_role(parameters: Any) -> Any:
        principal = (parameters.get("AWSServiceName") or [""])[0]
        word = principal.partition(".")[0]
        name = NAMES.get(word)
        if name is None:
            return iam._error(400, "InvalidInput", f"Service-linked roles are not supported for {principal}", ns="iam")
        if name in iam._roles:
            message = f"Service role name {name} has been taken in this account, please try a different suffix."
            return iam._error(400, "InvalidInput", message, ns="iam")
        known = set(iam._roles)
        answer = create(parameters)
        for made in set(iam._roles) - known:
            record = iam._roles.pop(made)
            iam._roles[name] = {**record, "RoleName": name, "Arn": record["Arn"].rpartition("/")[0] + f"/{name}"}
            shown = f"<CreateServiceLinkedRoleResult><Role>{iam._role_xml(name)}</Role></CreateServiceLinkedRoleResult>"
            answer = iam._xml(200, "CreateServiceLinkedRoleResponse", shown, ns="iam")
        return answer

    iam._IAM_HANDLERS["CreateServiceLinkedRole"] = create_service_linked_role
