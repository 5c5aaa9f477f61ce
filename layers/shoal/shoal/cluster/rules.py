"""The rules of a configuration whose keys are not all right: what the keys that are right break, told at once.

Pydantic asks a section or a list for its rules only when everything in it is right. Where something is not, the
rules are asked here, of what remains.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from shoal.cluster.grammar import ListRule, Location, Section, Unique, Violation, key_of
from shoal.cluster.problems import Problem, make, section_of


def further(section: type[Section], data: Mapping[str, Any], wrong: frozenset[Location]) -> Iterator[Problem]:
    """What the right keys of a section, and of all sections in it, break.

    Args:
        section: the class of the document's root.
        data: the document.
        wrong: where something is wrong, and every place around it.
    """
    yield from _section(section, data, (), wrong)


def _section(
    section: type[Section], data: Mapping[str, Any], at: Location, wrong: frozenset[Location]
) -> Iterator[Problem]:
    right = {}
    for name, info in section.model_fields.items():
        here, value = (*at, key_of(name)), data.get(key_of(name))
        if here in wrong:
            yield from _inside(info, value, here, wrong)
        elif key_of(name) in data:
            right[key_of(name)] = _adapter(section, name).validate_python(value)
    if at in wrong:
        names = [name for name in section.model_fields if (*at, key_of(name)) in wrong]
        yield from _told(_rules(section, right, names), at)


def _inside(info: FieldInfo, value: object, here: Location, wrong: frozenset[Location]) -> Iterator[Problem]:
    inner = section_of(info.annotation)
    if inner is not None and isinstance(value, Mapping):
        yield from _section(inner, value, here, wrong)
    elif inner is not None and isinstance(value, list):
        items = [(index, item) for index, item in enumerate(value) if isinstance(item, Mapping)]
        for index, item in items:
            if (*here, index) in wrong:
                yield from _section(inner, item, (*here, index), wrong)
        for rule in info.metadata:
            if isinstance(rule, Unique):
                yield from _told(rule.violations(items), here)
            elif isinstance(rule, ListRule):
                yield from _told(rule.violations(_sound(inner, items)), here)


def _sound(section: type[Section], items: list[tuple[int, Any]]) -> list[tuple[int, Section]]:
    """The items that are right, as sections."""
    sound = []
    for index, item in items:
        with suppress(ValidationError):
            sound.append((index, section.model_validate(item)))
    return sound


def _rules(section: type[Section], right: Mapping[str, Any], wrong: list[str]) -> Iterator[Violation]:
    """The violations of a section of which some keys are wrong, as far as the rules can do without those."""
    with suppress(AttributeError, KeyError):
        partial = section.model_construct(**right)
        for name in wrong:
            partial.__dict__.pop(name, None)
        yield from partial.rules()


def _told(violations: Iterator[Violation], at: Location) -> Iterator[Problem]:
    for violation in violations:
        yield make((*at, *violation.location), violation.code, violation.message, violation.suggestion)


@functools.cache
def _adapter(section: type[Section], name: str) -> TypeAdapter[Any]:
    info = section.model_fields[name]
    kind: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    return TypeAdapter(kind)
