"""What a group's creation needs besides: the right to launch what its template says, and to tag.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-launch-template-permissions.html -
`ec2:RunInstances` on everything that an instance gets, `ec2:CreateTags` for the template's tags and `iam:PassRole` on
its profile's role are checked when a group is created or updated with a launch template.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-service-linked-role.html - the first group of an
account makes the service-linked role, for which its maker needs the right. `further_rights` checks what this module
finds.
"""

from __future__ import annotations

from collections.abc import Iterator

from embedded_aws.access import creation_rights, passrole
from embedded_aws.access.resources import Parameters, Right, autoscaling
from embedded_aws.ec2 import launch_templates
from embedded_aws.ec2.request import RefusedError
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.iam", "_roles"), ("services.iam", "_IAM_HANDLERS"))

PRINCIPAL = "autoscaling.amazonaws.com"
SERVICE_ROLE = "AWSServiceRoleForAutoScaling"
_ACTIONS = ("autoscaling:CreateAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup")


def rights(action: str, asked: Parameters, where: str) -> Iterator[Right]:
    """The rights that a request about a group needs.

    Args:
        action: the request's own action.
        asked: its parameters.
        where: `<region>:<account>`.
    """
    if action not in _ACTIONS:
        return
    if action == _ACTIONS[0] and not service_role_exists():
        role = f"arn:aws:iam::{where.split(':')[1]}:role/aws-service-role/{PRINCIPAL}/{SERVICE_ROLE}"
        yield Right("iam:CreateServiceLinkedRole", role, {"iam:AWSServiceName": PRINCIPAL})
    if any(name.startswith("Tags.member.") for name in asked):
        yield Right("autoscaling:CreateOrUpdateTags", autoscaling(action, asked, where) or "*", {})
    launched = _launch(asked)
    if launched:
        yield from creation_rights.rights("ec2:RunInstances", launched, where, {})
        yield from passrole.rights("ec2", "ec2:RunInstances", launched)


def service_role_exists() -> bool:
    """Whether the account has Auto Scaling's service-linked role."""
    from ministack.services import iam

    return SERVICE_ROLE in iam._roles


def make_service_role() -> None:
    """Make Auto Scaling's service-linked role, unless it is there."""
    from ministack.services import iam

    if not service_role_exists():
        iam._IAM_HANDLERS["CreateServiceLinkedRole"]({"AWSServiceName": [PRINCIPAL]})


def _launch(asked: Parameters) -> dict[str, str]:
    """The launch that a group's template stands for; nothing where it does not exist, which is refused for itself."""
    template = {name: [str(found)] for name, found in asked.items() if name.startswith("LaunchTemplate.")}
    if not template:
        return {}
    try:
        merged = launch_templates.merged(template)
    except RefusedError:
        return {}
    subnet = str(asked.get("VPCZoneIdentifier") or "").split(",")[0]
    return {name: found[0] for name, found in merged.items()} | ({"SubnetId": subnet} if subnet else {})
