"""What a configuration key is: its type, bounds and default, what changing it does, and why some are refused.

A section of the configuration is a `Section`; its fields are the keys. Beside type and default a field carries, in
`Annotated`, a `Change` (or `Refused`), and below it the docstring that the reference page and the schema show.
Everything else, from the messages to the documentation, is derived from the fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

KEYS_NOT_IN_PASCAL_CASE = MappingProxyType(
    {"min_vcpus": "MinvCpus", "max_vcpus": "MaxvCpus", "desired_vcpus": "DesiredvCpus"}
)


class Change(StrEnum):
    """What changing a key does to a running cluster; for a list, what adding or removing an item does."""

    LIVE = "live"
    """Applied in place; nothing that runs is disturbed."""
    GROWS = "grows"
    """A larger value is applied in place; a smaller one would lose data, so an update is refused, naming the key."""
    ROLLS = "rolls"
    """New instances have the new value. AWS Batch replaces those that run, and jobs on them get some time to end; nodes
    of a Slurm cluster that run keep the old value until they end."""
    REPLACES = "replaces"
    """CloudFormation would replace something that holds data or jobs, so an update is refused, naming the key."""
    FIXED = "fixed"
    """An identity, or something set up once when a machine first starts, so an update is refused, naming the key."""

    @property
    def refused(self) -> bool:
        """Whether an update with this change is refused."""
        return self in (Change.REPLACES, Change.FIXED)


class Code(StrEnum):
    """The kinds of problem a configuration can have."""

    UNREADABLE = "Unreadable"
    """Not a YAML or JSON document with one mapping in it."""
    DUPLICATE_KEY = "DuplicateKey"
    """A key that stands twice in its section."""
    UNKNOWN_KEY = "UnknownKey"
    """A key that neither ParallelCluster nor Shoal knows."""
    MISSING_KEY = "MissingKey"
    """A key without which there is no cluster."""
    NOT_OFFERED = "NotOffered"
    """ParallelCluster knows the key or the value; Shoal does not offer it."""
    WRONG_TYPE = "WrongType"
    """Text where a number must stand, a list where a section must, or nothing."""
    OUT_OF_RANGE = "OutOfRange"
    """Too small, too large, too short, too long, too few, too many."""
    INVALID_VALUE = "InvalidValue"
    """Not one of the choices, or not of the form that the key asks for."""
    NOT_UNIQUE = "NotUnique"
    """What another item of the list has already."""
    CONFLICT = "Conflict"
    """Keys that are right by themselves and wrong together."""
    FORBIDDEN = "Forbidden"
    """A value that no configuration may hold, whatever the key."""


type Location = tuple[int | str, ...]
"""Where something stands in the document: `("Tags", 0, "Key")`."""


@dataclass(frozen=True)
class Violation:
    """A rule between keys, or between the items of a list, that is broken.

    Attributes:
        key: the key of the section that should change, or its location below the section or list.
        message: what is wrong, to follow the path of the key.
        suggestion: what would be right.
        code: the kind of problem.
    """

    key: str | Location
    message: str
    suggestion: str
    code: Code = Code.CONFLICT

    @property
    def location(self) -> Location:
        """Where it is, below the section or list whose rule it breaks."""
        return (self.key,) if isinstance(self.key, str) else self.key


def refuse(violations: Iterable[Violation]) -> None:
    """Tell pydantic of the violations, if there are any."""
    details = [
        InitErrorDetails(type=problem(v.code, v.message, v.suggestion), loc=v.location, input=None) for v in violations
    ]
    if details:
        raise ValidationError.from_exception_data("rules", details)


def problem(code: Code, message: str, suggestion: str) -> PydanticCustomError:
    """An error that keeps its code and suggestion on the way through pydantic."""
    return PydanticCustomError(code.value, "{message}", {"message": message, "suggestion": suggestion})


@dataclass(frozen=True)
class Refused:
    """A key or value that ParallelCluster knows and Shoal does not offer; using it is a problem, by name."""

    reason: str
    instead: str

    def error(self, value: str = "") -> PydanticCustomError:
        """The problem of using the key, or one value of it."""
        what = f"has the value {value}, which is" if value else "is"
        return problem(Code.NOT_OFFERED, f"{what} not offered: {self.reason}", self.instead)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def refuse(value: object) -> object:
            raise self.error()

        return core_schema.no_info_before_validator_function(refuse, core_schema.none_schema())

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"not": {}, "$comment": f"Not offered: {self.reason}. Instead: {self.instead}."}


@dataclass(frozen=True)
class NotOffered:
    """The values of a key that ParallelCluster knows and Shoal does not offer."""

    values: Mapping[str, Refused] = field(hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def refuse(value: object) -> object:
            if isinstance(value, str) and value in self.values:
                raise self.values[value].error(value)
            return value

        return core_schema.no_info_before_validator_function(refuse, handler(source))


@dataclass(frozen=True)
class Only:
    """A key of clusters of one kind: in a configuration of the other kind it is refused, by name."""

    kind: str
    reason: str
    instead: str


@dataclass(frozen=True)
class Matching:
    """A string of a given shape; `like` names or shows it in the message."""

    pattern: str
    like: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(value: Any) -> Any:
            if isinstance(value, str) and not re.fullmatch(self.pattern, value):
                raise problem(Code.INVALID_VALUE, "has a value of the wrong form", f"write {self.like}")
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        described: dict[str, Any] = handler(schema)
        return described | {"pattern": f"^({self.pattern})$"}


type Items = Sequence[tuple[int, Any]]
"""Items of a list of sections, each with its index; one that is not right in itself may be missing."""


@dataclass(frozen=True)
class ListRule:
    """A rule between the items of a list of sections."""

    violations: Callable[[Items], Iterator[Violation]]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def check(items: tuple[Section, ...]) -> tuple[Section, ...]:
            refuse(self.violations(list(enumerate(items))))
            return items

        return core_schema.no_info_after_validator_function(check, handler(source))


@dataclass(frozen=True)
class Unique:
    """A list whose items differ in one key, by which an update recognises them."""

    key: str

    def violations(self, items: Items) -> Iterator[Violation]:
        """Items with a value that an earlier one has; an item may be a mapping, if it is no section yet."""
        seen: dict[object, int] = {}
        for index, item in items:
            value = item.value_of(self.key) if isinstance(item, Section) else item.get(self.key)
            if isinstance(value, str) and seen.setdefault(value, index) != index:
                message, suggestion = f"is that of item {seen[value]} too", f"give each item its own {self.key}"
                yield Violation((index, self.key), message, suggestion, Code.NOT_UNIQUE)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return ListRule(self.violations).__get_pydantic_core_schema__(source, handler)


@dataclass(frozen=True)
class Addition:
    """What Shoal accepts and ParallelCluster refuses."""

    path: str
    what: str


_QUEUE = "Scheduling.AwsBatchQueues[]"
ADDITIONS = (
    Addition("Scheduling.AwsBatchQueues", "up to ten queues instead of one"),
    Addition(f"{_QUEUE}.ComputeResources", "up to three compute resources in a queue instead of one"),
    Addition(f"{_QUEUE}.Networking.SubnetIds", "several subnets instead of one"),
    Addition(f"{_QUEUE}.Name", "capital letters and underscores, which Batch allows"),
    Addition(f"{_QUEUE}.ComputeResources[].Name", "capital letters and underscores, which Batch allows"),
    Addition("Image.Os", "debian12, and ubuntu2404 with AWS Batch"),
    Addition("SharedStorage", "up to twenty EBS volumes instead of five"),
    Addition("HeadNode.Imds.Secured", "absent means false, which ParallelCluster wants written out with AWS Batch"),
    Addition("ContainerImage", "the image of the jobs: a ready one, or one built from files of yours"),
    Addition(f"{_QUEUE}.ContainerImage", "the image of the jobs of one queue"),
    Addition("Lifecycle", "protection from deletion"),
)
"""All that Shoal accepts beyond ParallelCluster 3.15.1; each row has a test that asks both."""


def _integer(value: object) -> object:
    """As ParallelCluster reads integers: `10`, `"10"`, `10.0`, and `10.5` as 10; never a boolean."""
    if isinstance(value, bool):
        raise problem(Code.WRONG_TYPE, "must be an integer, not a boolean", "write a whole number")
    return int(value) if isinstance(value, float) and value == value and abs(value) < 2**53 else value


Integer = Annotated[int, BeforeValidator(_integer)]


def key_of(attribute: str) -> str:
    """The YAML key of an attribute: `subnet_id` is `SubnetId`."""
    return KEYS_NOT_IN_PASCAL_CASE.get(attribute) or "".join(word.capitalize() for word in attribute.split("_"))


class Section(BaseModel):
    """A section of the configuration: immutable, keys in Pascal case, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=key_of, use_attribute_docstrings=True)

    def rules(self) -> Iterator[Violation]:
        """The rules between keys of this section that it breaks."""
        return iter(())

    def value_of(self, key: str) -> object:
        """The value of one of the section's keys, by its YAML name."""
        return next(getattr(self, name) for name in type(self).model_fields if key_of(name) == key)

    @model_validator(mode="after")
    def _obey_rules(self) -> Self:
        refuse(self.rules())
        return self
