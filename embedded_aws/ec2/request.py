"""Reading EC2's query protocol, and answering in it: `BlockDeviceMapping.1.Ebs.VolumeSize=40` and the like."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from embedded_aws.hooks import Hook

HOOKS: tuple[Hook, ...] = (
    ("services.ec2", "_ACTION_MAP"),
    ("services.ec2", "_xml"),
    ("services.ec2", "_error"),
    ("services.ec2", "_parse_filters"),
    ("services.ec2", "_parse_member_list"),
    ("services.ec2", "_resource_matches_tag_filters"),
    ("services.ec2", "_tags"),
    ("services.ec2", "_now_ts"),
)

Query = Mapping[str, Sequence[str]]
Response = tuple[int, dict[str, str], bytes]
Record = dict[str, Any]
Action = Callable[[Query], Response]


class RefusedError(Exception):
    """A request that EC2 refuses, with its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def response(self) -> Response:
        """As EC2 answers it."""
        from ministack.services import ec2

        answer: Response = ec2._error(self.code, str(self), 400)
        return answer


def wrap(**wrappers: Callable[[Action, Query], Response]) -> None:
    """Put wrappers around operations of EC2's table; each gets the operation that was there, and the query."""
    from ministack.services import ec2

    for name, wrapper in wrappers.items():
        ec2._ACTION_MAP[name] = functools.partial(_refusing, wrapper, ec2._ACTION_MAP.get(name))


def _refusing(wrapper: Callable[[Action, Query], Response], action: Action, query: Query) -> Response:
    try:
        return wrapper(action, query)
    except RefusedError as refusal:
        return refusal.response()


def value(query: Query, key: str) -> str:
    """The value of a key, or nothing."""
    found = query.get(key) or [""]
    return found[0]


def members(query: Query, prefix: str) -> list[dict[str, str]]:
    """The members of a list of structures: keys as they follow the number, `Ebs.VolumeSize` for example."""
    found: dict[int, dict[str, str]] = {}
    for key, values in query.items():
        head, _, rest = key.removeprefix(f"{prefix}.").partition(".")
        if key.startswith(f"{prefix}.") and head.isdigit() and values:
            found.setdefault(int(head), {})[rest] = values[0]
    return [found[number] for number in sorted(found)]


def listed(query: Query, prefix: str) -> list[str]:
    """The members of a list of strings."""
    return [member[""] for member in members(query, prefix) if "" in member]


def without_prefix(query: Query, prefix: str) -> dict[str, str]:
    """The keys of a structure: `MetadataOptions.HttpTokens` as `HttpTokens`."""
    start = f"{prefix}."
    return {key.removeprefix(start): values[0] for key, values in query.items() if key.startswith(start) and values}


def is_true(text: str) -> bool:
    """A boolean of the query protocol."""
    return text.lower() == "true"


def specified_tags(query: Query, resource_type: str) -> list[dict[str, str]]:
    """The tags that a call's `TagSpecification` gives resources of a type."""
    tags = []
    for number, specification in enumerate(members(query, "TagSpecification"), 1):
        if specification.get("ResourceType") == resource_type:
            tags += members(query, f"TagSpecification.{number}.Tag")
    return [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in tags]


def selected(query: Query, store: Any, ids: str, missing: str, filters: Mapping[str, str]) -> Iterator[Record]:
    """The records that a Describe call asks for.

    Args:
        query: the call.
        store: records by id.
        ids: the parameter that lists ids, `NetworkInterfaceId`.
        missing: the error code of an id that does not exist.
        filters: attribute of the record (dotted; a list's members are all looked at) by the filter's name.

    Raises:
        RefusedError: an id does not exist, or a filter is unknown.
    """
    from ministack.services import ec2

    wanted, conditions = listed(query, ids), ec2._parse_filters(query)
    for identifier in wanted:
        if identifier not in store:
            raise RefusedError(missing, f"The ID '{identifier}' does not exist")
    for name in conditions:
        if name not in filters and not name.startswith("tag"):
            raise RefusedError("InvalidParameterValue", f"The filter '{name}' is invalid")
    for identifier, record in store.items():
        if wanted and identifier not in wanted:
            continue
        if ec2._resource_matches_tag_filters(identifier, conditions) and _matches(record, conditions, filters):
            yield record


def _matches(record: Record, conditions: Mapping[str, list[str]], filters: Mapping[str, str]) -> bool:
    return all(
        any(str(found) in values for found in _attribute(record, filters[name].split(".")))
        for name, values in conditions.items()
        if name in filters
    )


def _attribute(found: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(found, list):
        for item in found:
            yield from _attribute(item, path)
    elif not path:
        yield str(found).lower() if isinstance(found, bool) else found
    elif isinstance(found, Mapping) and found.get(path[0]) is not None:
        yield from _attribute(found[path[0]], path[1:])
