"""What is wrong with a configuration, told so that it can be put right: every problem at once, values never echoed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError

from shoal.cluster.grammar import Code, Location, Refused, Section, key_of

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

_TYPES = MappingProxyType(
    {
        "model_type": ("must be a section with keys of its own", "write its keys below it, indented"),
        "tuple_type": ("must be a list", "write each item on a line that begins with `- `"),
        "string_type": ("must be a string", "put the value in quotes"),
        "string_unicode": ("must be a string", "put the value in quotes"),
        "int_type": ("must be an integer", "write a whole number"),
        "int_parsing": ("must be an integer", "write a whole number"),
        "int_parsing_size": ("must be an integer", "write a smaller number"),
        "int_from_float": ("must be an integer", "write a whole number"),
        "finite_number": ("must be an integer", "write a whole number"),
        "float_type": ("must be a number", "write a number like 0.5"),
        "float_parsing": ("must be a number", "write a number like 0.5"),
        "dict_type": ("must be a mapping", "write each setting below it, indented, as `Name: value`"),
        "bool_type": ("must be true or false", "write true or false"),
        "bool_parsing": ("must be true or false", "write true or false"),
    }
)
_RANGES = MappingProxyType(
    {
        "greater_than_equal": ("is too small", "write at least {ge}"),
        "less_than_equal": ("is too large", "write at most {le}"),
        "string_too_long": ("is too long", "write at most {max_length} characters"),
        "too_long": ("has too many items", "keep at most {max_length}"),
        "too_short": ("has too few items", "write at least {min_length}"),
    }
)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: the key, like `Scheduling.AwsBatchQueues[0].ComputeResources[1].MaxvCpus`; empty for the whole document.
        code: one of `shoal.cluster.grammar.Code`.
        message: what is wrong, in one sentence that names the key.
        suggestion: what would be right.
    """

    path: str
    code: str
    message: str
    suggestion: str


class ConfigurationError(Exception):
    """A configuration that cannot be used.

    Attributes:
        problems: all that is wrong with it.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first, more = problems[0], len(problems) - 1
        others = f" (and {more} more problem{'s' if more > 1 else ''})" if more else ""
        super().__init__(f"{first.message}; {first.suggestion}{others}")
        self.problems = problems


def make(location: Location, code: Code, message: str, suggestion: str) -> Problem:
    """A problem at a place in the document; the message gets the key's path in front."""
    path = path_of(location)
    return Problem(path, code.value, f"{path or 'The configuration'} {message}", suggestion)


def path_of(location: Location) -> str:
    """`("Tags", 0, "Key")` as `Tags[0].Key`; keys that look like no key are not echoed."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f"{'.' if path else ''}{step if _KEY.fullmatch(step) else '<unreadable key>'}"
    return path


def of_validation(error: ValidationError, root: type[Section]) -> Iterator[Problem]:
    """The problems that pydantic found, less those that only follow from others."""
    details = error.errors(include_url=False, include_input=False)
    parents = {detail["loc"][:length] for detail in details for length in range(len(detail["loc"]))}
    for detail in details:
        follows = detail["type"] == "default_factory_not_called"
        # pydantic counts only the items that are right
        follows |= detail["type"] == "too_short" and detail["loc"] in parents
        if not follows:
            yield _of_detail(detail["type"], detail["loc"], detail.get("ctx", {}), root)


def places(error: ValidationError) -> frozenset[Location]:
    """Where pydantic found something wrong, and every place around it."""
    locations = [detail["loc"] for detail in error.errors(include_url=False, include_input=False)]
    return frozenset(location[:length] for location in locations for length in range(len(location) + 1))


def merged(found: Iterable[Problem], of_keys: Iterable[Problem]) -> list[Problem]:
    """Both, with one problem for each key and none inside a key that is not offered at all."""
    by_path = {problem.path: problem for problem in of_keys} | {problem.path: problem for problem in found}
    refused = tuple(f"{problem.path}." for problem in by_path.values() if problem.code == Code.NOT_OFFERED)
    return [problem for problem in by_path.values() if not problem.path.startswith(refused)]


def _of_detail(kind: str, location: Location, context: Mapping[str, Any], root: type[Section]) -> Problem:
    if kind in Code:
        return make(location, Code(kind), context["message"], context["suggestion"])
    if kind == "missing":
        return make(location, Code.MISSING_KEY, "is missing", f"add {location[-1]}")
    if kind in ("extra_forbidden", "invalid_key"):
        return make(location, Code.UNKNOWN_KEY, "is not a key of the configuration", _nearest(location, root))
    if kind == "literal_error":
        return make(location, Code.INVALID_VALUE, "has an unknown value", f"write {context['expected']}")
    if kind in _RANGES:
        message, suggestion = _RANGES[kind]
        return make(location, Code.OUT_OF_RANGE, message, suggestion.format_map(context))
    message, suggestion = _TYPES.get(kind, ("has a value of the wrong type", "see the reference for its type"))
    return make(location, Code.WRONG_TYPE, message, suggestion)


def _nearest(location: Location, root: type[Section]) -> str:
    fields = section_at(location[:-1], root).model_fields
    keys = [key_of(name) for name, info in fields.items() if not any(isinstance(n, Refused) for n in info.metadata)]
    by_lower_case = {key.lower(): key for key in keys}
    near = get_close_matches(str(location[-1]).lower(), by_lower_case, n=1, cutoff=0.6)
    if near:
        return f"write {by_lower_case[near[0]]}"
    return f"remove it; the keys here are {', '.join(keys)}" if keys else "remove it; there are no keys here"


def section_at(location: Location, root: type[Section]) -> type[Section]:
    """The section class at a place in the document."""
    section = root
    for step in location:
        if isinstance(step, str):
            name = next(name for name in section.model_fields if key_of(name) == step)
            found = section_of(section.model_fields[name].annotation)
            if found is not None:
                section = found
    return section


def section_of(annotation: Any) -> type[Section] | None:
    """The section class in a field's type: `Ssh`, `Raid | None` or `tuple[Queue, ...]`; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := section_of(part)) is not None), None)
