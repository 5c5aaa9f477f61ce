"""Parameters of an API's call from the properties of a CloudFormation type.

A template says `"35"` where the API wants 35, and `MaxvCpus` where Batch wants `maxvCpus`; the service's own model says
which. What it does not know is refused by name, as CloudFormation refuses it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from embedded_aws import clients

WHOLE_NUMBERS = frozenset({"integer", "long"})


def request(service: str, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """A call's parameters from a type's properties, by the service's own model.

    Args:
        service: boto3's name of the service.
        operation: the API's name of the operation, `CreateVolume`.
        properties: the properties that belong into the call, named as in CloudFormation.

    Raises:
        ValueError: a property that the operation does not know.
    """
    model = clients.client(service).meta.service_model.operation_model(operation)
    converted: dict[str, Any] = _converted(properties, model.input_shape, operation)
    return converted


def _converted(value: Any, shape: Any, where: str) -> Any:
    match shape.type_name:
        case "structure" if isinstance(value, Mapping):
            return _structure(value, shape, where)
        case "list" if isinstance(value, list | tuple):
            return [_converted(item, shape.member, f"{where}[]") for item in value]
        case "map" if isinstance(value, Mapping):
            return {key: _converted(item, shape.value, f"{where}.{key}") for key, item in value.items()}
        case _:
            return _scalar(value, shape.type_name)


def _structure(value: Mapping[str, Any], shape: Any, where: str) -> dict[str, Any]:
    members = {name.lower(): name for name in shape.members}
    if unknown := [key for key in value if key.lower() not in members]:
        raise ValueError(f"Properties validation failed: #{where}: extraneous key [{unknown[0]}] is not permitted")
    return {
        members[key.lower()]: _converted(item, shape.members[members[key.lower()]], f"{where}/{key}")
        for key, item in value.items()
        if item is not None
    }


def _scalar(value: Any, kind: str) -> Any:
    if kind in WHOLE_NUMBERS and isinstance(value, str):
        return int(value)
    if kind in ("float", "double") and isinstance(value, str):
        return float(value)
    if kind == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if kind == "blob" and isinstance(value, str):
        return base64.b64decode(value)
    if kind == "string" and isinstance(value, int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def picked(properties: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Some of the properties, those that are there."""
    return {name: properties[name] for name in names if properties.get(name) is not None}


def without(properties: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """All of the properties but some."""
    return {name: value for name, value in properties.items() if name not in names}
