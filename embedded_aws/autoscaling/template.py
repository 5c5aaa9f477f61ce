"""What a group is made of, checked: its launch template and its subnets, and by name what is not there.

https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
"""

from __future__ import annotations

from embedded_aws.autoscaling import launching
from embedded_aws.autoscaling.protocol import RefusedError, strings
from embedded_aws.ec2 import images as ec2_images
from embedded_aws.ec2 import request as ec2_request
from embedded_aws.ec2 import types as ec2_types
from embedded_aws.ec2.request import Query, Record, is_true, value, without_prefix
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (*launching.HOOKS, ("services.ec2", "_ensure_defaults_initialized"))

_ABSENT = (
    "CapacityReservationSpecification", "InstanceId", "InstanceMaintenancePolicy", "LaunchConfigurationName",
    "LifecycleHookSpecificationList", "LoadBalancerNames", "MixedInstancesPolicy", "PlacementGroup", "TargetGroupARNs",
    "TrafficSources",
)  # fmt: skip
_INVALID = "You must use a valid fully-formed launch template."


def refuse_absent(query: Query) -> None:
    """Refuse what the groups here do not have.

    Raises:
        RefusedError: the request asks for it; named.
    """
    if found := sorted({key.split(".")[0] for key in query} & set(_ABSENT)):
        raise RefusedError(f"{', '.join(found)}: the embedded AWS does not have this; use LaunchTemplate")


def asked_template(query: Query) -> Record:
    """The launch template of a request: id, name, version as it was asked for.

    Raises:
        RefusedError: none is named, or it does not exist, or no instance can be launched from it.
    """
    named = without_prefix(query, "LaunchTemplate")
    if not named:
        raise RefusedError(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
            "MixedInstancesPolicy parameter."
        )
    version = named.get("Version", "$Default")
    found = launching.template_data({**named, "Version": version})
    if found is None:
        name = named.get("LaunchTemplateId") or named.get("LaunchTemplateName")
        raise RefusedError(f"{_INVALID} The specified launch template, '{name}', does not exist.")
    data, template = found
    versions = [str(one["VersionNumber"]) for one in template["Versions"]]
    if version not in ("$Latest", "$Default", *versions):
        raise RefusedError(f"{_INVALID} Could not find the specified version {version} for the launch template.")
    _check_data(data)
    names = {key: template[key] for key in ("LaunchTemplateId", "LaunchTemplateName")}
    return {**names, "Version": version}


def _check_data(data: Record) -> None:
    try:
        ec2_images.image(data.get("ImageId", ""))
    except ec2_request.RefusedError as refusal:
        raise RefusedError(f"{_INVALID} {refusal}") from refusal
    kind = data.get("InstanceType", "m1.small")
    if kind not in ec2_types.TYPES:
        raise RefusedError(f"{_INVALID} Invalid value '{kind}' for InstanceType.")


def asked_subnets(query: Query) -> list[str]:
    """The subnets of a request: those it names, or the default ones of the zones that it names.

    Raises:
        RefusedError: it names none, or one that does not exist.
    """
    from ministack.services import ec2

    ec2._ensure_defaults_initialized()
    named = [one.strip() for one in value(query, "VPCZoneIdentifier").split(",") if one.strip()]
    if missing := [one for one in named if one not in ec2._subnets]:
        raise RefusedError(f"The subnet ID '{missing[0]}' does not exist")
    zones = strings(query, "AvailabilityZones")
    found = named or [
        identifier
        for identifier, subnet in ec2._subnets.items()
        if subnet["AvailabilityZone"] in zones and is_true(str(subnet.get("DefaultForAz")))
    ]
    if not found:
        raise RefusedError("At least one Availability Zone or VPC Subnet is required.")
    return found


def zones(subnets: list[str]) -> list[str]:
    """The zones of subnets, each once."""
    from ministack.services import ec2

    return sorted({str(ec2._subnets[subnet]["AvailabilityZone"]) for subnet in subnets})
