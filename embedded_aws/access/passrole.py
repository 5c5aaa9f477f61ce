"""Whoever hands a role to a service needs `iam:PassRole` on it.

AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html - the right is checked when the role
is handed over, with `iam:PassedToService` naming the service. MiniStack checks it nowhere, so a policy that forgets
it, or that names another service, looks fine. `further_rights` checks what this module finds.
"""

from __future__ import annotations

from collections.abc import Iterator

from embedded_aws.access.resources import Parameters, Right
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.iam", "_roles"), ("services.iam", "_instance_profiles"))

_MEMBERS = {
    ("states", "roleArn"): "states.amazonaws.com",
    ("codebuild", "serviceRole"): "codebuild.amazonaws.com",
    ("cloudformation", "RoleARN"): "cloudformation.amazonaws.com",
    ("lambda", "Role"): "lambda.amazonaws.com",
    ("batch", "serviceRole"): "batch.amazonaws.com",
}
"""Service and member of a request that hands a role over, and who receives it."""

_JOB_ROLES = ("jobRoleArn", "executionRoleArn")


def rights(service: str, action: str, asked: Parameters) -> Iterator[Right]:
    """The rights to pass roles that a request needs."""
    for role, receiver in _passed(service, action, asked):
        yield Right("iam:PassRole", role, {"iam:PassedToService": receiver})


def _passed(service: str, action: str, asked: Parameters) -> Iterator[tuple[str, str]]:
    """The roles that a request hands over, each with the service that receives it."""
    for (owner, member), receiver in _MEMBERS.items():
        if owner == service and asked.get(member):
            yield str(asked[member]), receiver
    if service in ("scheduler", "events"):
        targets = [asked.get("Target"), *(asked.get("Targets") or [])]
        roles = [target.get("RoleArn") for target in targets if isinstance(target, dict)]
        yield from ((role, f"{service}.amazonaws.com") for role in roles if role)
    if service == "batch":
        container = asked.get("containerProperties") or {}
        yield from ((container[key], "ecs-tasks.amazonaws.com") for key in _JOB_ROLES if container.get(key))
    yield from ((role, "ec2.amazonaws.com") for role in _instance_roles(service, action, asked))


def _instance_roles(service: str, action: str, asked: Parameters) -> list[str]:
    """ARNs of roles that instances get: of the profile they are launched with, or put into one."""
    from ministack.services import iam

    if action == "iam:AddRoleToInstanceProfile":
        names = [asked.get("RoleName")]
    elif service == "ec2":
        profile = str(asked.get("IamInstanceProfile.Arn") or asked.get("IamInstanceProfile.Name") or "")
        names = (iam._instance_profiles.get(profile.split("/")[-1]) or {}).get("Roles", [])
    else:
        return []
    return [str(iam._roles[name]["Arn"]) for name in names if name in iam._roles]
