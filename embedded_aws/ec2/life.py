"""An instance after its launch: what it shows, what changes it, and what goes with it when it is terminated.

MiniStack forgets a terminated instance after a minute, where EC2 takes about an hour: longer than this server is asked
for. It leaves its volumes and interfaces behind, has no ModifyInstanceAttribute, and knows
three filters of DescribeInstances
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from embedded_aws.ec2 import network as ec2_network
from embedded_aws.ec2 import request as ec2_request
from embedded_aws.ec2 import types as ec2_types
from embedded_aws.ec2.request import (
    Action,
    Query,
    Record,
    RefusedError,
    Response,
    is_true,
    listed,
    selected,
    value,
    wrap,
)
from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    *ec2_request.HOOKS,
    ("services.ec2", "_instances"),
    ("services.ec2", "_instance_xml"),
    ("services.ec2", "_cleanup_terminated"),
    ("services.ec2", "_volumes"),
    ("services.ec2", "_network_interfaces"),
    ("services.ec2", "_addresses"),
)

_ATTACHED: ContextVar[dict[str, list[Record]] | None] = ContextVar("attached", default=None)
"""Interfaces by their instance, while many instances are described: to look for each of them takes most of the time."""
FILTERS = {
    "architecture": "Architecture", "availability-zone": "Placement.AvailabilityZone", "image-id": "ImageId",
    "iam-instance-profile.arn": "IamInstanceProfile.Arn", "instance-id": "InstanceId", "instance-type": "InstanceType",
    "instance-state-name": "State.Name", "instance.group-id": "SecurityGroups.GroupId", "key-name": "KeyName",
    "private-ip-address": "PrivateIpAddress", "subnet-id": "SubnetId", "vpc-id": "VpcId",
    "block-device-mapping.volume-id": "BlockDeviceMappings.Ebs.VolumeId",
}  # fmt: skip


def install() -> None:
    """Put the operations around MiniStack's."""
    from ministack.services import ec2

    instance_xml = ec2._instance_xml
    ec2._cleanup_terminated = lambda: None
    ec2._instance_xml = lambda instance: instance_xml(instance).rsplit("</item>", 1)[0] + _more(instance) + "</item>"
    wrap(
        DescribeInstances=_describe,
        TerminateInstances=_terminate,
        DescribeInstanceAttribute=_describe_attribute,
        ModifyInstanceAttribute=_modify_attribute,
        ModifyInstanceMetadataOptions=_modify_metadata_options,
        MonitorInstances=lambda _, query: _monitor(query, "enabled"),
        UnmonitorInstances=lambda _, query: _monitor(query, "disabled"),
    )


def _describe(describe: Action, query: Query) -> Response:
    from ministack.services import ec2

    if any(identifier not in ec2._instances for identifier in listed(query, "InstanceId")):
        return describe(query)  # MiniStack tells a malformed id from an unknown one
    found = selected(query, ec2._instances, "InstanceId", "InvalidInstanceID.NotFound", FILTERS)
    asked = {f"InstanceId.{number}": [one["InstanceId"]] for number, one in enumerate(found, 1)}
    nothing: Response = ec2._xml(200, "DescribeInstancesResponse", "<reservationSet/>")
    known = _ATTACHED.set(_attached(list(ec2._network_interfaces.values())))
    try:
        return describe(asked) if asked else nothing
    finally:
        _ATTACHED.reset(known)


def _terminate(terminate: Action, query: Query) -> Response:
    from ministack.services import ec2

    instances = [ec2._instances[name] for name in listed(query, "InstanceId") if name in ec2._instances]
    for instance in instances:
        if instance.get("DisableApiTermination"):
            message = (
                f"The instance '{instance['InstanceId']}' may not be terminated. Modify its 'disableApiTermination'"
            )
            raise RefusedError("OperationNotPermitted", message)
    answer = terminate(query)
    if answer[0] == 200:
        for instance in instances:
            _let_volumes_go(instance)
            _let_network_go(instance)
    return answer


def _describe_attribute(describe: Action, query: Query) -> Response:
    from ministack.services import ec2

    name, instance = value(query, "Attribute"), ec2._instances.get(value(query, "InstanceId"))
    if instance is None or name not in ("userData", "disableApiTermination"):
        return describe(query)
    shown = {
        "userData": instance["UserData"],
        "disableApiTermination": str(instance.get("DisableApiTermination", False)).lower(),
    }
    body = f"<instanceId>{instance['InstanceId']}</instanceId><{name}><value>{shown[name]}</value></{name}>"
    answer: Response = ec2._xml(200, "DescribeInstanceAttributeResponse", body)
    return answer


def _let_volumes_go(instance: Record) -> None:
    """Delete the volumes that go with a terminated instance, detach the others."""
    from ministack.services import ec2

    instance["BlockDeviceMappings"] = []
    for volume in ec2._volumes.values():
        held = [one for one in volume["Attachments"] if one["InstanceId"] == instance["InstanceId"]]
        if any(attachment["DeleteOnTermination"] for attachment in held):
            del ec2._volumes[volume["VolumeId"]]
            ec2._tags.pop(volume["VolumeId"], None)
        elif held:
            volume.update(Attachments=[], State="available")


def _let_network_go(instance: Record) -> None:
    """Delete the interface that goes with a terminated instance, detach others and Elastic IPs."""
    from ministack.services import ec2

    for address in ec2._addresses.values():
        if address["InstanceId"] == instance["InstanceId"]:
            address.update(AssociationId=None, InstanceId=None, NetworkInterfaceId=None)
    for interface in _interfaces(instance):
        if interface["Attachment"].get("DeleteOnTermination"):
            del ec2._network_interfaces[interface["NetworkInterfaceId"]]
            ec2._tags.pop(interface["NetworkInterfaceId"], None)
        interface.update(Attachment=None, Status="available")


def _interfaces(instance: Record) -> list[Record]:
    """The interfaces attached to an instance."""
    from ministack.services import ec2

    return (_ATTACHED.get() or _attached(list(ec2._network_interfaces.values()))).get(instance["InstanceId"], [])


def _attached(interfaces: list[Record]) -> dict[str, list[Record]]:
    """Interfaces by the instance to which they are attached."""
    found: dict[str, list[Record]] = {}
    for interface in interfaces:
        found.setdefault((interface.get("Attachment") or {}).get("InstanceId", ""), []).append(interface)
    return found


def _modify_attribute(_: Action, query: Query) -> Response:
    from ministack.services import ec2

    instance, kind = _existing(query), value(query, "InstanceType.Value")
    if (kind or value(query, "UserData.Value")) and instance["State"]["Name"] != "stopped":
        message = f"The instance '{instance['InstanceId']}' is not in the 'stopped' state."
        raise RefusedError("IncorrectInstanceState", message)
    if kind:
        if kind not in ec2_types.TYPES:
            raise RefusedError("InvalidParameterValue", f"Invalid value '{kind}' for InstanceType.")
        instance["InstanceType"] = kind
    if groups := listed(query, "GroupId"):
        _regroup(instance, groups)
    for key in ("DisableApiTermination", "EbsOptimized", "SourceDestCheck"):
        if text := value(query, f"{key}.Value"):
            instance[key] = is_true(text)
    instance["UserData"] = value(query, "UserData.Value") or instance["UserData"]
    answer: Response = ec2._xml(200, "ModifyInstanceAttributeResponse", "<return>true</return>")
    return answer


def _modify_metadata_options(_: Action, query: Query) -> Response:
    from ministack.services import ec2

    instance = _existing(query)
    options = instance["MetadataOptions"]
    for key in options:
        options[key] = value(query, key) or options[key]
    body = f"<instanceId>{instance['InstanceId']}</instanceId>" + _block("instanceMetadataOptions", options)
    answer: Response = ec2._xml(200, "ModifyInstanceMetadataOptionsResponse", body)
    return answer


def _monitor(query: Query, state: str) -> Response:
    from ministack.services import ec2

    for identifier in listed(query, "InstanceId"):
        if identifier in ec2._instances:
            ec2._instances[identifier]["Monitoring"] = {"State": state}
    answer: Response = ec2._xml(200, "MonitorInstancesResponse", "<instancesSet/>")
    return answer


def _existing(query: Query) -> Record:
    from ministack.services import ec2

    identifier = value(query, "InstanceId")
    if identifier not in ec2._instances:
        raise RefusedError("InvalidInstanceID.NotFound", f"The instance ID '{identifier}' does not exist")
    found: Record = ec2._instances[identifier]
    return found


def _regroup(instance: Record, groups: list[str]) -> None:
    from ministack.services import ec2

    ec2_network.check_groups(groups)
    members = [{"GroupId": group, "GroupName": ec2._security_groups[group]["GroupName"]} for group in groups]
    instance["SecurityGroups"] = members
    for interface in _interfaces(instance):
        if interface["Attachment"]["DeviceIndex"] == 0:
            interface["Groups"] = members


def _more(instance: Record) -> str:
    """The parts of an instance that MiniStack does not show."""
    from ministack.services import ec2

    interfaces = "".join(ec2._eni_fields_xml(interface) for interface in _interfaces(instance))
    return (
        _block("cpuOptions", instance.get("CpuOptions", {}))
        + _block("metadataOptions", {**instance.get("MetadataOptions", {}), "State": "applied"})
        + f"<ebsOptimized>{str(instance.get('EbsOptimized', False)).lower()}</ebsOptimized>"
        + f"<networkInterfaceSet>{interfaces}</networkInterfaceSet>"
    )


def _block(tag: str, values: dict[str, Any]) -> str:
    inner = "".join(f"<{key[0].lower()}{key[1:]}>{text}</{key[0].lower()}{key[1:]}>" for key, text in values.items())
    return f"<{tag}>{inner}</{tag}>"
