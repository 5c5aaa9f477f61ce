"""What a launch template says where a launch says nothing itself.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html; MiniStack's RunInstances does not look.
"""

from __future__ import annotations

from typing import Any

from embedded_aws.ec2.request import Query, RefusedError, without_prefix
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (("services.ec2", "_resolve_launch_template_data"),)

_SINGULAR = {
    "BlockDeviceMappings": "BlockDeviceMapping",
    "Groups": "SecurityGroupId",
    "NetworkInterfaces": "NetworkInterface",
    "SecurityGroupIds": "SecurityGroupId",
    "TagSpecifications": "TagSpecification",
    "Tags": "Tag",
}
"""Names of lists as the query protocol has them."""


def merged(query: Query) -> Query:
    """A launch with what its template says; a list in the launch (tags, say) stands in place of the template's.

    Raises:
        RefusedError: the template does not exist.
    """
    from ministack.services import ec2

    named = without_prefix(query, "LaunchTemplate")
    if not named:
        return query
    data, _, problem = ec2._resolve_launch_template_data(named)
    if problem:
        name = named.get("LaunchTemplateId", named.get("LaunchTemplateName"))
        raise RefusedError("InvalidLaunchTemplateId.NotFound", f"The launch template '{name}' does not exist")
    from_template = {key: [text] for key, text in _flat(data, "")}
    asked = {key.split(".")[0] for key in query}
    kept = {key: text for key, text in from_template.items() if key.split(".")[0] not in asked}
    return {**kept, **query}


def _flat(data: Any, prefix: str) -> list[tuple[str, str]]:
    """Launch template data as the query protocol writes it."""
    parts: list[tuple[str, Any]]
    if isinstance(data, dict):
        parts = [(_SINGULAR.get(str(key), str(key)), item) for key, item in data.items()]
    elif isinstance(data, list):
        parts = [(str(number), item) for number, item in enumerate(data, 1)]
    else:
        return [(prefix, str(data).lower() if isinstance(data, bool) else str(data))]
    return [flat for key, item in parts for flat in _flat(item, f"{prefix}.{key}" if prefix else key)]
