"""Reading an operation's input: what is asked, or every problem with it in one line."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from shoal.cluster.names import CLUSTER_NAME
from shoal.errors import ErrorCode, OperationError
from shoal.operation.catalogue import CATALOGUE, Operation

INLINE_CONFIGURATION_BYTES = 64 * 1024
"""A larger configuration is named by `clusterConfigurationUri`; Step Functions caps an input at 262,144 bytes
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""
LARGEST_PAGE = 100
"""Clusters on one page of `list`; keeps the answer far below a state's 262,144 bytes."""
S3_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>.{1,1024})")


class Request(BaseModel):
    """The input of the front door, read; see `docs/operations.md`."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    operation: str = "help"
    cluster_name: str | None = None
    cluster_configuration: dict[str, Any] | str | None = None
    """The configuration as a mapping, or as YAML text as ParallelCluster's API takes it."""
    cluster_configuration_uri: str | None = None
    dryrun: bool = False
    rollback_on_failure: bool = True
    force: bool = False
    deadline_minutes: Annotated[int, Field(ge=5, le=1440)] = 120
    suppress_validators: tuple[Annotated[str, Field(pattern=r"^(ALL|type:[A-Za-z0-9]+)$")], ...] = ()
    validation_failure_level: Literal["INFO", "WARNING", "ERROR"] = "ERROR"
    cluster_status: tuple[str, ...] = ()
    max_results: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = LARGEST_PAGE
    next_token: str | None = None

    @field_validator("suppress_validators", "cluster_status", mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @property
    def action(self) -> Operation:
        """Its row of the catalogue."""
        return CATALOGUE[self.operation]

    @property
    def deadline(self) -> timedelta:
        """How long the operation may take."""
        return timedelta(minutes=self.deadline_minutes)

    @property
    def changes_something(self) -> bool:
        """Whether it takes the lock: `plan` and a dry run do not."""
        return self.action.locks and not self.dryrun

    def configuration_location(self) -> tuple[str, str] | None:
        """Bucket and key of `clusterConfigurationUri`, if that is given."""
        if self.cluster_configuration_uri is None:
            return None
        match = S3_URI.fullmatch(self.cluster_configuration_uri)
        if match is None:  # `read_request` has refused it
            raise ValueError(self.cluster_configuration_uri)
        return match["bucket"], match["key"]

    def inline_configuration(self) -> str | None:
        """The text of `clusterConfiguration`, if that is given; JSON is YAML."""
        if isinstance(self.cluster_configuration, str) or self.cluster_configuration is None:
            return self.cluster_configuration
        return json.dumps(self.cluster_configuration, indent=2)


def read_request(data: Any) -> Request:
    """Read the input of the front door.

    Args:
        data: the execution's input, already decoded from JSON; `{}` asks for help.

    Raises:
        OperationError: `InvalidRequest`, naming every problem by its field.
    """
    if not isinstance(data, Mapping):
        raise _invalid([f"the input is a {_json_type(data)}; it must be an object such as {_example()}"])
    problems = _problems_of_operation(data) or [*_problems_of_fields(data), *_problems_of_content(data)]
    if problems:
        raise _invalid(problems)
    return Request.model_validate(dict(data))


def _invalid(problems: list[str]) -> OperationError:
    return OperationError(
        ErrorCode.INVALID_REQUEST, "; ".join(problems), next_action="start an execution with {} to see the operations"
    )


def _example() -> str:
    return json.dumps(CATALOGUE["describe"].example)


def _json_type(value: Any) -> str:
    names = {list: "list", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names.get(type(value), "value")


def _problems_of_operation(data: Mapping[str, Any]) -> list[str]:
    if not data:
        return []
    if "operation" not in data:
        return [f"operation is missing; it is one of {', '.join(CATALOGUE)}"]
    if isinstance(data["operation"], str) and data["operation"] in CATALOGUE:
        return []
    return [f"operation {json.dumps(data['operation'])} is unknown; {_nearest(data['operation'], CATALOGUE)}"]


def _nearest(word: Any, known: Any) -> str:
    close = difflib.get_close_matches(str(word), known, n=1)
    return f"did you mean {close[0]}?" if close else f"it is one of {', '.join(known)}"


def _problems_of_fields(data: Mapping[str, Any]) -> list[str]:
    operation = CATALOGUE[data.get("operation", "help")]
    problems = [f"{field} is missing; {operation.name} needs it" for field in operation.required if field not in data]
    problems += [
        f"{field} is not a field of {operation.name}; {_nearest(field, operation.fields)}"
        for field in data
        if field not in operation.fields
    ]
    return problems


def _problems_of_content(data: Mapping[str, Any]) -> list[str]:
    known = {to_camel(name) for name in Request.model_fields}
    problems = []
    try:
        Request.model_validate({key: value for key, value in data.items() if key in known})
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False, include_context=False):
            field = ".".join(str(part) for part in details["loc"] if not str(part).startswith(("dict[", "str")))
            problems.append(f"{field}: {details['msg'][0].lower()}{details['msg'][1:]}")
    return [*dict.fromkeys(problems), *_problem_of_name(data), *_problems_of_configuration(data)]


def _problem_of_name(data: Mapping[str, Any]) -> list[str]:
    name = data.get("clusterName")
    if not isinstance(name, str) or CLUSTER_NAME.fullmatch(name):
        return []
    return [f"clusterName {json.dumps(name[:80])} must be 1 to 31 characters of a-z, 0-9 and -, the first a letter"]


def _problems_of_configuration(data: Mapping[str, Any]) -> list[str]:
    operation = CATALOGUE[data.get("operation", "help")]
    if "clusterConfiguration" not in operation.fields:
        return []
    inline, uri = data.get("clusterConfiguration"), data.get("clusterConfigurationUri")
    if (inline is None) == (uri is None):
        return [f"{operation.name} needs exactly one of clusterConfiguration and clusterConfigurationUri"]
    if isinstance(uri, str) and not S3_URI.fullmatch(uri):
        return [f"clusterConfigurationUri {json.dumps(uri[:200])} must look like s3://bucket/key.yaml"]
    if inline is not None and len(json.dumps(inline)) > INLINE_CONFIGURATION_BYTES:
        return ["clusterConfiguration is larger than 64 KB; store it in S3 and name it by clusterConfigurationUri"]
    return []
