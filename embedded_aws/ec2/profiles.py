"""The role of an instance profile: whose session an instance has."""

from __future__ import annotations

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.iam", "_instance_profiles"), ("services.iam", "_roles"))


def role_arn(profile_arn: str) -> str:
    """The ARN of a profile's role; nothing where there is no profile, or no role in it."""
    from ministack.services import iam

    profiles = [profile for profile in iam._instance_profiles.values() if profile["Arn"] == profile_arn]
    roles = [role for profile in profiles for role in profile["Roles"]]
    return str(iam._roles[roles[0]]["Arn"]) if roles else ""
